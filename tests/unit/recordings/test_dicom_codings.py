"""Every coding of DICOM pictures: back to the same samples, bounded by the header, and grey as a screen shows it."""

import struct
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from clinic_records.errors import BadFrame, ClinicError
from recordings.dicom.codestream import size_of
from recordings.dicom.frame_codecs import DECODERS, decode_frame
from recordings.dicom.image import CLIP_FRAMES, CLIP_SIDE, open_image

Samples = NDArray[np.generic]
JPEG = "1.2.840.10008.1.2.4."
EXPLICIT = "1.2.840.10008.1.2.1"


def picture(bits: int, components: int, *, rows: int = 40, columns: int = 24) -> Samples:
    grey = np.add.outer(np.arange(rows) * 5, np.arange(columns) * 11) % (1 << bits)
    made = grey if components == 1 else np.stack([grey, grey[::-1], grey[:, ::-1]], -1)
    return made.astype(np.uint8 if bits <= 8 else np.uint16)


def lossless_jpeg(samples: Samples, bits: int, predictor: int) -> bytes:
    space = "GRAYSCALE" if samples.ndim == 2 else "RGB"
    coded = imagecodecs.jpeg8_encode(
        samples, lossless=True, predictor=predictor, bitspersample=bits, colorspace=space, outcolorspace=space
    )
    return bytes(coded)


def coded_as(syntax: str, samples: Samples, bits: int) -> bytes:
    name = syntax.removeprefix(JPEG)
    if name in {"57", "70"}:
        return lossless_jpeg(samples, bits, 7 if name == "57" else 1)
    if name == "80":
        return bytes(imagecodecs.jpegls_encode(samples))
    if name.startswith("20"):
        return bytes(imagecodecs.htj2k_encode(samples))
    return bytes(imagecodecs.jpeg2k_encode(samples, codecformat="j2k", reversible=True, level=0))


def as_file(frames: list[bytes] | Samples, syntax: str, **fields: object) -> bytes:
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    made.SOPInstanceUID = "1.2.3"
    made.BitsAllocated = made.BitsStored = 8
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelRepresentation = 0
    for keyword, value in fields.items():
        setattr(made, keyword, value)
    made.HighBit = made.BitsStored - 1
    if isinstance(frames, list):
        made.NumberOfFrames = len(frames)
        made.PixelData = encapsulate(frames)
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
    else:
        made.PixelData = frames.tobytes()
        made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    target = BytesIO()
    pydicom.dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()


@pytest.mark.parametrize("syntax", [JPEG + name for name in ("57", "70", "80", "90", "91", "201", "202", "203")])
@pytest.mark.parametrize(("bits", "components"), [(8, 1), (12, 1), (16, 1), (8, 3), (16, 3)])
def test_lossless_codings_give_back_the_samples(syntax: str, bits: int, components: int) -> None:
    samples = picture(bits, components)
    frame = coded_as(syntax, samples, bits)
    assert size_of(frame)[:3] == (40, 24, components)
    back = decode_frame(frame, syntax, rows=40, columns=24, components=components)
    np.testing.assert_array_equal(back, samples)


def test_near_lossless_and_extended_come_near() -> None:
    samples = picture(8, 1)
    near = bytes(imagecodecs.jpegls_encode(samples, level=2))
    back = decode_frame(near, JPEG + "81", rows=40, columns=24, components=1)
    assert np.abs(back.astype(int) - samples.astype(int)).max() <= 2
    smooth = (np.add.outer(np.arange(40), np.arange(24)) * 40).astype(np.uint16)
    extended = bytes(imagecodecs.jpeg8_encode(smooth, bitspersample=12, level=98))
    back = decode_frame(extended, JPEG + "51", rows=40, columns=24, components=1)
    assert np.abs(back.astype(int) - smooth.astype(int)).max() < 40


@pytest.mark.parametrize("syntax", sorted(DECODERS))
def test_frame_of_another_size_is_refused_before_it_unpacks(syntax: str) -> None:
    frame = coded_as(JPEG + "70" if syntax == JPEG + "51" else syntax, picture(8, 1), 8)
    for rows, columns, components in ((41, 24, 1), (40, 25, 1), (40, 24, 3)):
        with pytest.raises(BadFrame, match="the file says"):
            decode_frame(frame, syntax, rows=rows, columns=columns, components=components)


def test_frame_that_claims_to_be_huge_is_refused_by_its_header() -> None:
    frame = bytearray(coded_as(JPEG + "90", picture(8, 1), 8))
    struct.pack_into(">II", frame, frame.find(b"\xff\x51") + 6, 1 << 30, 1 << 30)
    assert size_of(bytes(frame)).columns == 1 << 30
    raw = as_file([bytes(frame)], JPEG + "90", Rows=40, Columns=24)
    with pytest.raises(BadFrame, match="the file says"):
        open_image(raw).frame(0)


def test_baseline_frame_of_another_size_is_refused_by_its_header() -> None:
    target = BytesIO()
    Image.new("L", (200, 100)).save(target, "JPEG")
    assert size_of(target.getvalue()) == (100, 200, 1, 8)
    with pytest.raises(BadFrame, match="100 x 200 by its own header"):
        open_image(as_file([target.getvalue()], JPEG + "50", Rows=10, Columns=20)).frame(0)
    assert open_image(as_file([target.getvalue()], JPEG + "50", Rows=100, Columns=200)).frame(0).max() == 0


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xda\x00\x08", b"\xff\xd8\x00", b"GIF89a",
     b"\xff\x4f\xff\x51" + bytes(60), b"\xff\x4f\xff\x51\x00", b"\xff\xd8\xff\xff\xff\xc0\x00"],
)  # fmt: skip
def test_what_has_no_header_is_refused(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        size_of(frame)


@given(st.sampled_from(sorted(set(DECODERS) - {JPEG + "51"})), st.integers(0, 2**30), st.binary(min_size=1, max_size=9))
@settings(max_examples=80, deadline=None)
def test_spoilt_frames_raise_only_ours(syntax: str, place: int, noise: bytes) -> None:
    frame = bytearray(coded_as(syntax, picture(8, 1), 8))
    at = 4 + place % (len(frame) - 4)
    frame[at : at + len(noise)] = noise
    for spoilt in (bytes(frame), bytes(frame[:at])):
        try:
            open_image(as_file([spoilt], syntax, Rows=40, Columns=24)).frame(0)
        except ClinicError:
            continue


def test_jpeg_ls_that_is_cut_is_not_searched_for_its_end() -> None:
    frame = coded_as(JPEG + "80", picture(8, 1), 8)
    with pytest.raises(BadFrame, match="without its end of image"):
        open_image(as_file([frame[:103]], JPEG + "80", Rows=40, Columns=24)).frame(0)


def test_samples_below_zero_keep_their_order() -> None:
    values = np.arange(-480, 480).reshape(40, 24)
    stored = (values & 0xFFF).astype(np.uint16)
    raw = as_file(
        [lossless_jpeg(stored, 12, 1)], JPEG + "70", Rows=40, Columns=24, BitsAllocated=16, BitsStored=12,
        PixelRepresentation=1,
    )  # fmt: skip
    shown = open_image(raw).frame(0)[:, :, 0].reshape(-1)
    assert (shown[0], shown[-1]) == (0, 255)
    assert (np.diff(shown.astype(int)) >= 0).all()


def test_ybr_of_a_lossless_coding_becomes_rgb() -> None:
    flat = np.full((40, 24, 3), (76, 85, 255), np.uint8)  # pure red in YBR_FULL
    raw = as_file(
        [lossless_jpeg(flat, 8, 1)], JPEG + "70", Rows=40, Columns=24, SamplesPerPixel=3, PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL",
    )  # fmt: skip
    red, green, blue = open_image(raw).frame(0)[0, 0].astype(int)
    assert (red > 250, green < 5, blue < 5) == (True, True, True)


def grey(values: Samples, **fields: object) -> list[int]:
    raw = as_file(values, EXPLICIT, Rows=1, Columns=values.size, **fields)
    return [int(level) for level in open_image(raw).frame(0)[0, :, 0]]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, [0, 64, 128, 255]),
        ({"PhotometricInterpretation": "MONOCHROME1"}, [255, 191, 127, 0]),
        ({"WindowCenter": 64.5, "WindowWidth": 129}, [0, 128, 255, 255]),
        ({"WindowCenter": [64.5, 1], "WindowWidth": [129, 9]}, [0, 128, 255, 255]),
        ({"WindowCenter": 64, "WindowWidth": 128, "VOILUTFunction": "LINEAR_EXACT"}, [0, 128, 255, 255]),
        ({"WindowCenter": 64.5, "WindowWidth": 0}, [0, 64, 128, 255]),
        ({"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 28.5, "WindowWidth": 257}, [0, 128, 255, 255]),
    ],
)
def test_eight_bits_of_grey(fields: dict[str, object], shown: list[int]) -> None:
    found = grey(np.array([[0, 64, 128, 255]], np.uint8), **fields)
    assert all(abs(one - other) <= 1 for one, other in zip(found, shown, strict=True)), found


def test_twelve_bits_without_a_window_use_their_own_range() -> None:
    assert grey(np.array([[100, 1100, 2100]], np.uint16), BitsAllocated=16, BitsStored=12) == [0, 128, 255]


def test_table_of_grey_levels_is_used_where_there_is_no_window() -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.add_new("LUTData", "US", [0, 200, 100, 255])
    assert grey(np.array([[0, 1, 2, 3, 9]], np.uint8), VOILUTSequence=[table]) == [0, 200, 100, 255, 255]


def test_clip_is_small_moves_and_keeps_its_time() -> None:
    frames = np.zeros((200, 700, 30), np.uint8)
    frames[:, :, ::2] = np.arange(200, dtype=np.uint8)[:, None, None]
    raw = as_file(frames, EXPLICIT, Rows=700, Columns=30, NumberOfFrames=200, FrameTime="40")
    clip = Image.open(BytesIO(open_image(raw).clip()))
    assert (clip.format, max(clip.size)) == ("WEBP", CLIP_SIDE)
    played = 0
    for index in range(getattr(clip, "n_frames", 0)):  # frames that look alike are put together
        clip.seek(index)
        clip.load()
        played += clip.info["duration"]
    assert played == 67 * 120  # every third frame, so at most CLIP_FRAMES
    assert CLIP_FRAMES >= 67


@pytest.mark.parametrize(
    ("fields", "milliseconds"),
    [({"FrameTime": "33.3"}, 33.3), ({"CineRate": "20"}, 50.0), ({}, 66.7), ({"FrameTime": "0"}, 66.7),
     ({"RecommendedDisplayFrameRate": "5000"}, 10.0)],
)  # fmt: skip
def test_time_of_a_frame(fields: dict[str, str], milliseconds: float) -> None:
    raw = as_file(np.zeros((2, 4, 4), np.uint8), EXPLICIT, Rows=4, Columns=4, NumberOfFrames=2, **fields)
    assert open_image(raw).frame_ms == milliseconds


def test_every_real_picture_is_shown_whole(shared_data: Path) -> None:
    files = [*(shared_data / "devices/dicom_us").glob("*.dcm"), *(shared_data / "devices/dicom_dr").glob("*.dcm")]
    assert files
    for file in files:
        found = open_image(file.read_bytes())
        shown = Image.open(BytesIO(found.png(found.count - 1)))
        assert shown.size == (found.columns, found.rows), file.name
        assert found.frame(0).std() > 0, file.name
