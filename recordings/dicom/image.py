"""DICOM pictures (ultrasound, X-ray, fundus and others): single frames, and clips of loops, decoded one at a time.

Plain pixels, RLE and JPEG Baseline by pydicom, every other coding by recordings.dicom.frame_codecs; grey through
recordings.dicom.grey. What is shown has 8 bits; what was sent stays as it is.
"""

from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from recordings.arrays import RgbArray
from recordings.dicom import file as dicom_file
from recordings.dicom.codestream import size_of
from recordings.dicom.file import bad_dicom, reading_dicom, text, whole
from recordings.dicom.frame_codecs import DECODERS, decode_frame
from recordings.dicom.grey import GreyArray, shown_grey
from recordings.dicom.regions import regions_of
from recordings.signal import DecodedRecording

FORMAT: Final = "dicom-image"
MAX_SIDE: Final = 8192
MAX_FRAMES: Final = 10_000
"""A cine loop of 60 frames a second for more than two minutes."""
CLIP_FRAMES: Final = 96
"""Frames of a clip; of a longer loop evenly chosen ones."""
CLIP_SIDE: Final = 640
"""Longer side of a clip in pixels: the still frames are whole."""
_CLIP_QUALITY: Final = 75
_FRAME_MS: Final = (10.0, 1000.0, 66.7)
"""Shortest, longest and assumed time of one frame (15 a second) in milliseconds."""
_YBR: Final = frozenset({"YBR_FULL", "YBR_FULL_422"})
_BASELINE: Final = "1.2.840.10008.1.2.4.50"


class DicomImage:
    """The pictures of one file.

    Attributes:
        rows, columns: size of a frame in pixels.
        count: number of frames.
        photometric: PhotometricInterpretation.
        transfer_syntax: name of the coding.
        frame_ms: how long one frame is shown, milliseconds.
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
            self._syntax = str(syntax)
            self.frame_ms = _frame_ms(dataset)
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
        shown = self._shown(index)
        return shown if shown.ndim == 3 else np.repeat(shown[:, :, np.newaxis], 3, axis=2)

    def png(self, index: int) -> bytes:
        """Frame `index` as a PNG file, whole; errors as `frame`."""
        target = BytesIO()
        Image.fromarray(self._shown(index)).save(target, "PNG", compress_level=3)
        return target.getvalue()

    def clip(self) -> bytes:
        """The loop as an animated WebP, smaller and with loss: to see it move, not to measure; errors as `frame`."""
        every = -(-self.count // CLIP_FRAMES)
        pictures = [self._small(index) for index in range(0, self.count, every)]
        target = BytesIO()
        pictures[0].save(
            target,
            "WEBP",
            save_all=True,
            append_images=pictures[1:],
            duration=round(self.frame_ms * every),
            loop=0,
            quality=_CLIP_QUALITY,
            method=0,
        )
        return target.getvalue()

    def _small(self, index: int) -> Image.Image:
        picture = Image.fromarray(self._shown(index)).convert("RGB")
        picture.thumbnail((CLIP_SIDE, CLIP_SIDE))
        return picture

    def _shown(self, index: int) -> RgbArray | GreyArray:
        """Frame `index` with 8 bits: rows x columns for grey, x 3 for colour."""
        if not 0 <= index < self.count:
            raise bad_dicom(f"frame {index + 1} of {self.count}")
        with reading_dicom(f"frame {index + 1}, {self.transfer_syntax}"):
            pixels = self._pixels(index)
            if pixels.shape[:2] != (self.rows, self.columns):
                raise bad_dicom(f"frame {index + 1} is {pixels.shape}, the file says {self.rows} x {self.columns}")
            if self.photometric == "PALETTE COLOR":
                return _to_eight_bits(apply_color_lut(pixels, self._dataset))
            if pixels.ndim == 3:
                return _to_eight_bits(pixels, whole(self._dataset, "BitsStored", 1, 64))
            return shown_grey(self._dataset, pixels, is_inverted=self.photometric == "MONOCHROME1")

    def _pixels(self, index: int) -> NDArray[np.generic]:
        """The samples of frame `index`; colour as RGB."""
        if self._syntax not in DECODERS:
            if self._syntax == _BASELINE:
                size = size_of(get_frame(self._dataset.PixelData, index, number_of_frames=self.count))
                if (size.rows, size.columns) != (self.rows, self.columns):
                    raise bad_dicom(f"frame {index + 1} is {size.rows} x {size.columns} by its own header")
            return np.asarray(pixel_array(self._dataset, index=index))
        frame = get_frame(self._dataset.PixelData, index, number_of_frames=self.count)
        samples = whole(self._dataset, "SamplesPerPixel", 1, 4)
        pixels = decode_frame(frame, self._syntax, rows=self.rows, columns=self.columns, components=samples)
        if samples == 1:
            return _with_sign(self._dataset, pixels)
        return convert_color_space(pixels, "YBR_FULL", "RGB") if self.photometric in _YBR else pixels


def _with_sign(dataset: Dataset, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Codings but JPEG 2000 know no sign: the file says how the bits are to be read (PS3.3, C.7.6.3.1.1)."""
    is_signed = dataset.get("PixelRepresentation") == 1
    if not is_signed or pixels.dtype.kind == "i":
        return pixels
    bits = whole(dataset, "BitsStored", 1, 16)
    return (pixels.astype(np.int32) ^ (1 << (bits - 1))) - (1 << (bits - 1))


def _frame_ms(dataset: Dataset) -> float:
    """FrameTime, else the cine rate (PS3.3, C.7.6.5), else the assumed one."""
    shortest, longest, assumed = _FRAME_MS
    for keyword, scale in (("FrameTime", 1.0), ("CineRate", 0.0), ("RecommendedDisplayFrameRate", 0.0)):
        try:
            value = float(str(dataset.get(keyword)))
        except ValueError:
            continue
        if value > 0:
            return min(max(value if scale else 1000.0 / value, shortest), longest)
    return assumed


def _to_eight_bits(pixels: NDArray[np.generic], bits: int = 0) -> RgbArray:
    """Colour of 8 bits as it is, of more its upper 8 of `bits` (0: of the whole sample)."""
    if pixels.ndim != 3 or pixels.shape[2] < 3:
        raise bad_dicom(f"colour frame of shape {pixels.shape}")
    colour = pixels[:, :, :3]
    if colour.dtype.itemsize > 1:
        return (colour.astype(np.uint32) >> max((bits or 8 * colour.dtype.itemsize) - 8, 0)).astype(np.uint8)
    return np.ascontiguousarray(colour, dtype=np.uint8)


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
            notes=scale_notes(dataset),
        )


def scale_notes(dataset: Dataset) -> tuple[str, ...]:
    """What a pixel is worth, one line for each calibrated region, or for the whole picture."""
    found = [f"scale {region.in_words()}" for region in regions_of(dataset)]
    if not found and (spacing := dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")):
        plane = "" if "PixelSpacing" in dataset else " (detector)"
        found = [f"scale {float(spacing[0]):.3g} mm/px{plane}"]
    return tuple(dict.fromkeys(found))
