"""DICOM pictures (ultrasound and others): single frames as 8-bit RGB and as PNG, decoded one at a time.

Uncompressed, RLE and JPEG baseline always, JPEG 2000 where Pillow was built with it. Grey frames go through the
linear window of PS3.3 C.11.2.1.2.1 where the file has one.
"""

from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from recordings import dicom_file
from recordings.dicom_file import bad_dicom, reading_dicom, text, whole
from recordings.signal import DecodedRecording, FloatArray, RgbArray

FORMAT: Final = "dicom-image"
MAX_SIDE: Final = 8192
MAX_FRAMES: Final = 10_000
"""A cine loop of 60 frames a second for more than two minutes."""


class DicomImage:
    """The pictures of one file.

    Attributes:
        rows, columns: size of a frame in pixels.
        count: number of frames.
        photometric: PhotometricInterpretation.
        transfer_syntax: name of the coding.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Check the sizes; nothing is decoded yet.

        Raises:
            BadFrame: there is no pixel data, or a size is outside our limits.
        """
        with reading_dicom("image"):
            if "PixelData" not in dataset:
                raise bad_dicom("PixelData is missing: no picture")
            self.rows = whole(dataset, "Rows", 1, MAX_SIDE)
            self.columns = whole(dataset, "Columns", 1, MAX_SIDE)
            self.count = whole(dataset, "NumberOfFrames", 1, MAX_FRAMES) if dataset.get("NumberOfFrames") else 1
            self.photometric = text(dataset, "PhotometricInterpretation")
            syntax = dataset.file_meta.TransferSyntaxUID
            self.transfer_syntax = UID(syntax).name
            samples = whole(dataset, "SamplesPerPixel", 1, 4)
            bits = whole(dataset, "BitsAllocated", 1, 64)
            if not syntax.is_encapsulated:
                # YBR_FULL_422 keeps two samples a pixel, every other kind all of them (PS3.3, C.7.6.3.1.2).
                per_pixel = 2 if self.photometric == "YBR_FULL_422" else samples
                needed = self.rows * self.columns * per_pixel * bits * self.count // 8
                if len(dataset.PixelData) < needed:
                    raise bad_dicom(f"PixelData has {len(dataset.PixelData)} bytes, {self.count} frames need {needed}")
        self._dataset = dataset

    def frame(self, index: int) -> RgbArray:
        """Frame `index`, from 0, as rows x columns x 3 of 8 bits.

        Raises:
            BadFrame: there is no such frame, its bytes are damaged, or its coding is not supported here.
        """
        if not 0 <= index < self.count:
            raise bad_dicom(f"frame {index + 1} of {self.count}")
        with reading_dicom(f"frame {index + 1}, {self.transfer_syntax}"):
            pixels = pixel_array(self._dataset, index=index)
            if pixels.shape[:2] != (self.rows, self.columns):
                raise bad_dicom(f"frame {index + 1} is {pixels.shape}, the file says {self.rows} x {self.columns}")
            if self.photometric == "PALETTE COLOR":
                return _to_eight_bits(apply_color_lut(pixels, self._dataset))
            if pixels.ndim == 3:
                return _to_eight_bits(pixels)
            grey = _grey(self._dataset, pixels.astype(np.float64), is_inverted=self.photometric == "MONOCHROME1")
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)

    def png(self, index: int) -> bytes:
        """Frame `index` as a PNG file; errors as `frame`."""
        target = BytesIO()
        Image.fromarray(self.frame(index)).save(target, "PNG")
        return target.getvalue()


def _to_eight_bits(pixels: NDArray[np.generic]) -> RgbArray:
    """Colour of 8 bits as it is, of 16 bits its upper half."""
    if pixels.ndim != 3 or pixels.shape[2] < 3:
        raise bad_dicom(f"colour frame of shape {pixels.shape}")
    colour = pixels[:, :, :3]
    if colour.dtype.itemsize > 1:
        return (colour.astype(np.uint32) >> (8 * (colour.dtype.itemsize - 1))).astype(np.uint8)
    return np.ascontiguousarray(colour, dtype=np.uint8)


def _grey(dataset: Dataset, stored: FloatArray, *, is_inverted: bool) -> NDArray[np.uint8]:
    """Rescale, window (or the frame's own range above 8 bits) and to 0..255."""
    slope = float(dataset.get("RescaleSlope") or 1.0)
    values = stored * slope + float(dataset.get("RescaleIntercept") or 0.0)
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is not None and width is not None and width > 1:
        low, span = centre - 0.5 - (width - 1) / 2, width - 1
    elif whole(dataset, "BitsStored", 1, 64) <= 8:
        low, span = 0.0, float((1 << whole(dataset, "BitsStored", 1, 8)) - 1)
    else:
        low, span = float(values.min()), max(float(np.ptp(values)), 1.0)
    shown = np.clip((values - low) / span, 0.0, 1.0)
    return np.rint((1.0 - shown if is_inverted else shown) * 255).astype(np.uint8)


def _first(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None:
        return None
    return float(value[0]) if isinstance(value, list) or hasattr(value, "__iter__") else float(value)


def open_image(raw: bytes) -> DicomImage:
    """The pictures in a DICOM file.

    Raises:
        BadFrame: it is no DICOM picture, or is damaged.
    """
    return DicomImage(dicom_file.read_dataset(raw))


def decode_image_dataset(dataset: Dataset) -> DecodedRecording:
    """A DICOM picture as a recording: whom, when, with what, and its frames.

    Raises:
        BadFrame: as `DicomImage`.
    """
    frames = DicomImage(dataset)
    with reading_dicom("header"):
        return DecodedRecording(
            format=FORMAT,
            patient=dicom_file.patient_of(dataset),
            device=dicom_file.device_of(dataset),
            start=dicom_file.start_of(dataset),
            frames=frames,
        )
