"""The real recordings the simulators send. pydicom ships both with its tests; nothing is fetched."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from clinic_records.errors import ConfigError
from recordings.dicom.image import DicomImage


def ecg_object() -> Dataset:
    """A real 12-lead ECG: ten seconds at 1000 Hz and the device's median beat (Mortara ELI 250, 2013)."""
    return _shipped("waveform_ecg.dcm")


def ultrasound_object() -> Dataset:
    """A real ultrasound loop: 30 frames of 240 x 320 (SonoSite, 2016), as RGB without compression, 6.9 MB.

    The shipped file is JPEG; scanners send loops uncompressed too, and that is the harder case for a thin link. The
    object goes on saying that its pixels were once compressed with loss, as the standard wants.
    """
    dataset = _shipped("examples_ybr_color.dcm")
    frames = DicomImage(dataset)
    dataset.PixelData = b"".join(np.ascontiguousarray(frames.frame(i)).tobytes() for i in range(frames.count))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _shipped(name: str) -> Dataset:
    path = get_testdata_file(name, download=False)
    if path is None:
        raise ConfigError(f"pydicom was installed without its data file {name}; install it again with pip")
    return pydicom.dcmread(Path(str(path)))
