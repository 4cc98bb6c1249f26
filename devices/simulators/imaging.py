"""The other imaging devices: each picks its patient, says it begins, stores its object, says it is done.

Their pictures are drawn by a formula and marked as such: no public picture of these classes may be shipped. The
measured numbers are those of a healthy adult.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from clinic_records.clock import CHINA
from devices.simulators.dicom_device import DicomDevice, for_patient
from devices.simulators.report_object import echo_report
from devices.simulators.saw import DeviceSaw

LABEL: Final = "SIMULATED"
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."


class Modality(NamedTuple):
    """One simulated device: its AE title, DICOM modality, and what it makes."""

    ae_title: str
    dicom_modality: str
    make: Callable[[], Dataset]


def chest_object() -> Dataset:
    """A digital X-ray of 12 bits, MONOCHROME1 (PS3.3, A.26): two bright lungs on a grey field."""
    rows, columns = 1024, 832
    y, x = np.mgrid[-1.0 : 1.0 : rows * 1j, -1.0 : 1.0 : columns * 1j]
    lungs = np.exp(-(((np.abs(x) - 0.42) / 0.24) ** 4) - (y / 0.62) ** 4)
    picture = 700 + 1500 * lungs + 120 * np.cos(y * 40) * (np.abs(x) < 0.9)
    made = _picture("1.1", "DX", _marked(np.clip(picture, 0, 4095), 4095).astype(np.uint16), bits=12)
    made.PhotometricInterpretation = "MONOCHROME1"
    made.PresentationLUTShape = "INVERSE"
    made.WindowCenter, made.WindowWidth = "1500", "2400"
    made.RescaleSlope, made.RescaleIntercept, made.RescaleType = "1", "0", "US"
    made.ImagerPixelSpacing = ["0.4", "0.4"]
    made.BodyPartExamined, made.ViewPosition = "CHEST", "PA"
    made.SeriesDescription = "Chest PA"
    return made


def fundus_object() -> Dataset:
    """An ophthalmic photograph of 8 bits (PS3.3, A.41): a red disc with its optic nerve."""
    side = 768
    y, x = np.mgrid[-1.0 : 1.0 : side * 1j, -1.0 : 1.0 : side * 1j]
    disc = (x**2 + y**2 < 0.92)[..., None]
    nerve = np.exp(-(((x - 0.4) ** 2 + y**2) / 0.012))[..., None]
    vessels = (np.abs(np.sin(7 * y + 2 * x**2)) < 0.06)[..., None] * 30.0
    colour = np.array([190.0, 84.0, 44.0]) * (1 - 0.25 * (x**2 + y**2)[..., None]) + nerve * 70.0 - vessels
    made = _picture("77.1.5.1", "OP", _marked(np.clip(colour * disc, 0, 255), 255).astype(np.uint8), bits=8)
    made.ImageLaterality = "R"
    made.SeriesDescription = "Fundus, right eye"
    return made


def bone_density_object() -> Dataset:
    """The screen of an ultrasonic heel densitometer as a secondary capture (PS3.3, A.8): text and a bar, no numbers."""
    picture = Image.new("RGB", (640, 480), (250, 250, 250))
    pen = ImageDraw.Draw(picture)
    for index, (colour, top) in enumerate((((90, 170, 90), 120), ((230, 200, 70), 210), ((210, 90, 80), 300))):
        pen.rectangle((120, top, 520, top + 90), fill=colour, outline=(60, 60, 60))
        pen.text((20, top + 38), ("T > -1.0", "-2.5 ... -1.0", "T < -2.5")[index], fill=(20, 20, 20))
    pen.ellipse((310, 170, 326, 186), fill=(20, 20, 120))
    made = _picture("7", "BDUS", _marked(np.asarray(picture, np.float64), 255).astype(np.uint8), bits=8)
    made.ConversionType = "WSD"
    made.SeriesDescription = "Heel ultrasound"
    return made


MODALITIES: Final = {
    "ultrasound-cardiac": Modality("US2", "US", echo_report),
    "xray-dr": Modality("DR1", "DX", chest_object),
    "fundus": Modality("OP1", "OP", fundus_object),
    "bone-densitometer-dicom": Modality("BMD1", "BDUS", bone_density_object),
}
"""Catalog key -> its simulated device; `dicom_modality` is what its worklist entries carry."""


def examination(key: str, entry: Dataset | None, taken: datetime | None = None) -> Dataset:
    """The object that the device `key` makes of the entry's patient (None: nobody was picked), now."""
    made = for_patient(MODALITIES[key].make(), entry)
    local = (taken or datetime.now(UTC)).astimezone(CHINA)
    made.ContentDate = made.StudyDate = made.SeriesDate = f"{local:%Y%m%d}"
    made.ContentTime = made.StudyTime = made.SeriesTime = f"{local:%H%M%S}"
    return made


def examine(device: DicomDevice, key: str, *, name: str = "", accession: str = "") -> DeviceSaw:
    """Pick, say that it begins, examine, store, say that it is done.

    Raises:
        NotFound: the worklist has no such patient.
        DeviceUnavailable: no association for the worklist, or the step was refused.
    """
    modality = MODALITIES[key].dicom_modality
    entry = device.pick(name=name, accession=accession, modality=modality)
    step = device.begin_step(entry, modality)
    saw = device.store(examination(key, entry))
    device.end_step(step, is_completed=saw.acknowledged)
    return saw


def _marked(picture: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """The picture with LABEL in its corner."""
    label = Image.new("L", (110, 16))
    ImageDraw.Draw(label).text((2, 2), LABEL, fill=255)
    ink = np.asarray(label) > 100
    picture[8:24, 8:118][ink] = top
    return picture


def _picture(suffix: str, modality: str, pixels: NDArray[np.generic], *, bits: int) -> Dataset:
    made = Dataset()
    made.SOPClassUID = _STORAGE + suffix
    made.Modality = modality
    made.Manufacturer = LABEL
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    made.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = pixels.dtype.itemsize * 8
    made.BitsStored, made.HighBit = bits, bits - 1
    made.PixelRepresentation = 0
    made.PixelData = np.ascontiguousarray(pixels).tobytes()
    made["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    return made
