"""DICOM waveforms and pictures, against pydicom's own reading of real files."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from clinic_records.errors import BadFrame, ClinicError
from recordings.decode import decode
from recordings.dicom.file import reading_dicom
from recordings.dicom.image import open_image
from recordings.dicom.waveform import decode_waveform
from recordings.scp_ecg.decode import decode_scp

TWELVE = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]


def stored(name: str) -> bytes:
    """A file that comes with pydicom."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def made_waveform(**fields: object) -> bytes:
    """A small general ECG of two channels; `fields` replace attributes of its one group."""
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels = 2
    group.NumberOfWaveformSamples = 4
    group.SamplingFrequency = "250"
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.ChannelDefinitionSequence = [_channel("2:1", "2.5", "4"), _channel("2:2", "0.005", "0", unit="mV")]
    group.add_new("WaveformData", "OW", struct.pack("<8h", 0, 0, 10, 200, -10, -32768, 4, 5))
    for keyword, value in fields.items():
        setattr(group, keyword, value)
    return as_file(WaveformSequence=[group], SOPClassUID="1.2.840.10008.5.1.4.1.1.9.1.2")


def _channel(code: str, sensitivity: str, baseline: str, unit: str = "uV") -> Dataset:
    source, units, channel = Dataset(), Dataset(), Dataset()
    source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = code, "MDC", "a lead"
    units.CodeValue, units.CodingSchemeDesignator = unit, "UCUM"
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [units]
    channel.ChannelSensitivity, channel.ChannelBaseline = sensitivity, baseline
    channel.ChannelSensitivityCorrectionFactor = "2"
    return channel


def as_file(**fields: object) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(str(fields["SOPClassUID"]))
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    target = BytesIO()
    with reading_dicom("made file"):  # some are made wrong on purpose
        for keyword, value in fields.items():
            setattr(dataset, keyword, value)
        dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def made_picture(pixels: np.ndarray, photometric: str, **fields: object) -> bytes:
    bits = pixels.dtype.itemsize * 8
    picture: dict[str, object] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1 if pixels.ndim == 2 else 3,
        "PhotometricInterpretation": photometric,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
    }
    if pixels.ndim == 3:
        picture["PlanarConfiguration"] = 0
    return as_file(**(picture | fields))


def test_same_samples_as_pydicom() -> None:
    raw = stored("waveform_ecg.dcm")
    decoded = decode_waveform(raw)
    with reading_dicom("peer"):
        peer = pydicom.dcmread(BytesIO(raw)).waveform_array(0)
    assert [signal.name for signal in decoded.signals] == TWELVE
    for index, signal in enumerate(decoded.signals):
        assert (signal.unit, signal.sampling_hz) == ("uV", 1000.0)
        assert (signal.samples == peer[:, index]).all()
    assert decoded.device["manufacturer"] == "Mortara Instrument, Inc."
    assert ("8637-1", "982", "ms") in {
        (n.code.code, str(n.quantity.value), n.quantity.unit) for n in decoded.numerics if n.quantity
    }


def test_dicom_and_scp_of_one_ecg_are_equal(shared_data: Path, example_scp: bytes) -> None:
    """One recording was written in both formats by one program: every sample and measurement agrees."""
    dicom = decode((shared_data / "devices/dicom_ecg/ECGToolkit__Example.dcm").read_bytes())
    scp = decode_scp(example_scp)
    assert [s.name for s in dicom.signals] == [s.name for s in scp.signals] == TWELVE
    for one, other in zip(dicom.signals, scp.signals, strict=True):
        assert (one.samples == other.samples).all()
    assert (dicom.start, dicom.patient["birth_date"]) == (scp.start, scp.patient["birth_date"])
    assert {n.code: n.quantity for n in dicom.numerics}.items() <= {n.code: n.quantity for n in scp.numerics}.items()
    assert len(dicom.numerics) == 4
    assert any("padding value 0" in note for note in dicom.notes)


def test_axis_in_milliseconds_is_left_out_and_said(shared_data: Path) -> None:
    """This real file gives its three axes in ms."""
    decoded = decode((shared_data / "devices/dicom_ecg/ECGToolkit__Example.dcm").read_bytes())
    assert not [n for n in decoded.numerics if "axis" in n.code.display]
    assert sum("unit cannot be right" in note and "Axis" in note for note in decoded.notes) == 3


def test_physical_value_is_sensitivity_times_correction_plus_baseline() -> None:
    one, two = decode_waveform(made_waveform()).signals
    assert (one.name, one.unit, two.name, two.unit) == ("I", "uV", "II", "mV")
    assert one.samples.tolist() == [4.0, 54.0, -46.0, 24.0]
    assert two.samples.tolist() == pytest.approx([0.0, 2.0, -327.68, 0.05])


def test_limb_leads_of_different_units_derive_nothing() -> None:
    assert len(decode_waveform(made_waveform()).signals) == 2


def test_padding_at_the_edge_of_the_range_is_a_gap() -> None:
    raw = made_waveform()
    dataset = pydicom.dcmread(BytesIO(raw))
    dataset.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", struct.pack("<h", -32768))
    target = BytesIO()
    dataset.save_as(target)
    assert np.isnan(decode_waveform(target.getvalue()).signals[1].samples).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("fields", "utc", "zone"),
    [
        ({"AcquisitionDateTime": "20261123094107.250"}, "2026-11-23T01:41:07+00:00", "assumed"),
        ({"AcquisitionDateTime": "20261123094107+0630"}, "2026-11-23T03:11:07+00:00", None),
        ({"StudyDate": "20261123", "StudyTime": "0941"}, "2026-11-23T01:41:00+00:00", "assumed"),
        (
            {"ContentDate": "20261123", "ContentTime": "094107", "TimezoneOffsetFromUTC": "-0100"},
            "2026-11-23T10:41:07+00:00",
            None,
        ),
        ({"AcquisitionDateTime": "20269923", "StudyDate": "20261123"}, "2026-11-22T16:00:00+00:00", "assumed"),
    ],
)
def test_start_and_whose_zone_it_is(fields: dict[str, str], utc: str, zone: str | None) -> None:
    decoded = decode(made_picture(np.zeros((4, 4), np.uint8), "MONOCHROME2", **fields))
    assert decoded.start is not None
    assert (decoded.start.isoformat(), decoded.device.get("time_zone")) == (utc, zone)


@pytest.mark.parametrize(
    ("written", "shown"), [("Wang^Xiuying=王^秀英", "王秀英"), ("WANG^XIUYING", "WANG XIUYING"), ("", None)]
)
def test_name_in_han_comes_first(written: str, shown: str | None) -> None:
    raw = made_picture(
        np.zeros((4, 4), np.uint8), "MONOCHROME2", SpecificCharacterSet="ISO_IR 192", PatientName=written
    )
    assert decode(raw).patient.get("name") == shown


def test_original_rhythm_is_chosen_wherever_it_stands() -> None:
    dataset = pydicom.dcmread(BytesIO(stored("waveform_ecg.dcm")))
    dataset.WaveformSequence = list(reversed(dataset.WaveformSequence))
    target = BytesIO()
    dataset.save_as(target)
    assert len(decode_waveform(target.getvalue()).signals[0].samples) == 10000


def test_original_comes_before_derived_where_nothing_is_named() -> None:
    dataset = pydicom.dcmread(BytesIO(stored("waveform_ecg.dcm")))
    dataset.WaveformSequence = list(reversed(dataset.WaveformSequence))
    for group in dataset.WaveformSequence:
        del group.MultiplexGroupLabel
    target = BytesIO()
    dataset.save_as(target)
    assert len(decode_waveform(target.getvalue()).signals[0].samples) == 10000


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"NumberOfWaveformSamples": 5}, "WaveformData has 16 bytes"),
        ({"NumberOfWaveformSamples": 2**31}, "NumberOfWaveformSamples"),
        ({"NumberOfWaveformChannels": 65}, "NumberOfWaveformChannels"),
        ({"NumberOfWaveformChannels": 1}, "channel definitions"),
        ({"WaveformSampleInterpretation": "MB"}, "MB"),
        ({"SamplingFrequency": "0"}, "SamplingFrequency"),
        ({"ChannelDefinitionSequence": [_channel("2:1", "1e200", "0")] * 2}, "ChannelSensitivity"),
        ({"ChannelDefinitionSequence": [_channel("2:1", "1", "-1e99")] * 2}, "ChannelBaseline"),
        ({"ChannelDefinitionSequence": []}, "channel definitions"),
    ],
)
def test_waveform_field_outside_its_range_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_waveform(made_waveform(**fields))


@pytest.mark.parametrize(
    ("name", "rows", "columns", "frames"),
    [
        ("examples_rgb_color.dcm", 240, 320, 1),
        ("examples_palette.dcm", 350, 800, 1),
        ("examples_ybr_color.dcm", 240, 320, 30),
    ],
)
def test_pictures_of_each_coding(name: str, rows: int, columns: int, frames: int) -> None:
    picture = open_image(stored(name))
    assert (picture.rows, picture.columns, picture.count) == (rows, columns, frames)
    last = picture.frame(frames - 1)
    assert last.shape == (rows, columns, 3)
    assert last.dtype == np.uint8
    assert last.std() > 5
    shown = np.asarray(Image.open(BytesIO(picture.png(frames - 1))).convert("RGB"))
    assert (shown == last).all()


def test_uncompressed_colour_is_the_files_own() -> None:
    raw = stored("examples_rgb_color.dcm")
    assert (open_image(raw).frame(0) == pydicom.dcmread(BytesIO(raw)).pixel_array).all()


def test_jpeg_colour_is_converted_as_pydicom_does() -> None:
    raw = stored("examples_ybr_color.dcm")
    with reading_dicom("peer"):
        dataset = pydicom.dcmread(BytesIO(raw))
        peer = dataset.pixel_array[7]
        if dataset.PhotometricInterpretation.startswith("YBR") and peer[..., 1].mean() > 100:
            peer = convert_color_space(peer, "YBR_FULL", "RGB")
    assert np.abs(open_image(raw).frame(7).astype(int) - peer.astype(int)).max() <= 2


@pytest.mark.parametrize(
    "name",
    [
        "US1_UNCI.dcm",
        "US1_J2KR.dcm",
        "US-PAL-8-10x-echo.dcm",
        "dicomParser__IM00001.fragmented_no_bot_jpeg_baseline.50.dcm",
        "dwv__gdcm-US-RGB-8-epicard.dcm",
    ],
)
def test_real_ultrasound(shared_data: Path, name: str) -> None:
    picture = open_image((shared_data / "devices/dicom_us" / name).read_bytes())
    assert picture.frame(picture.count - 1).std() > 5


def test_jpeg_2000_is_its_codestreams_own(shared_data: Path) -> None:
    raw = (shared_data / "devices/dicom_us/US1_J2KR.dcm").read_bytes()
    codestream = get_frame(pydicom.dcmread(BytesIO(raw)).PixelData, 0, number_of_frames=1)
    assert (open_image(raw).frame(0) == np.asarray(Image.open(BytesIO(codestream)))).all()


@pytest.mark.parametrize(
    ("photometric", "window", "expected"),
    [
        ("MONOCHROME2", {}, [0, 128, 255]),
        ("MONOCHROME1", {}, [255, 127, 0]),
        ("MONOCHROME2", {"WindowCenter": "128.5", "WindowWidth": "3"}, [0, 128, 255]),
    ],
)
def test_grey(photometric: str, window: dict[str, object], expected: list[int]) -> None:
    picture = open_image(made_picture(np.array([[0, 128, 255, 0]], np.uint8), photometric, **window))
    assert picture.frame(0)[0, :3, 0].tolist() == pytest.approx(expected, abs=1)


def test_palette_gives_its_own_colours() -> None:
    """Entry n is red 255 - n, green n, blue 7 (16-bit table, upper byte counts)."""
    numbers = np.arange(256, dtype=np.uint16)
    tables = {"Red": 255 - numbers, "Green": numbers, "Blue": numbers * 0 + 7}
    fields: dict[str, object] = {}
    for colour, table in tables.items():
        fields[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        fields[f"{colour}PaletteColorLookupTableData"] = (table << 8).astype("<u2").tobytes()
    picture = open_image(made_picture(np.array([[0, 100, 255, 3]], np.uint8), "PALETTE COLOR", **fields))
    assert picture.frame(0)[0].tolist() == [[255, 0, 7], [155, 100, 7], [0, 255, 7], [252, 3, 7]]


def test_sixteen_bit_grey_uses_its_own_range() -> None:
    picture = open_image(made_picture(np.array([[1000, 1500, 2000, 1000]], np.uint16), "MONOCHROME2"))
    assert picture.frame(0)[0, :3, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Rows": 60000}, "Rows 60000 is outside"),
        ({"NumberOfFrames": "1000000"}, "NumberOfFrames"),
        ({"NumberOfFrames": "4"}, "4 frames need"),
        ({"PixelData": b"\0\0"}, "PixelData has 2 bytes"),
        ({"SamplesPerPixel": 9}, "SamplesPerPixel"),
    ],
)
def test_picture_field_outside_its_range_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        open_image(made_picture(np.zeros((4, 4), np.uint8), "MONOCHROME2", **fields))


@pytest.mark.parametrize("index", [-1, 1])
def test_no_such_frame(index: int) -> None:
    with pytest.raises(BadFrame, match="of 1"):
        open_image(made_picture(np.zeros((4, 4), np.uint8), "MONOCHROME2")).frame(index)


def test_object_with_nothing_to_show_is_refused() -> None:
    with pytest.raises(BadFrame, match="neither a waveform nor pictures nor a report"):
        decode(stored("rtplan.dcm"))


@pytest.mark.parametrize("keep", [0, 127, 131, 132, 200, 400, 5000])
def test_cut_files_are_refused(keep: int) -> None:
    with pytest.raises(ClinicError):
        decode(stored("waveform_ecg.dcm")[:keep])


def test_deflated_picture_is_the_same_as_unpacked() -> None:
    picture = decode(stored("image_dfl.dcm"))
    assert picture.frames is not None
    assert picture.frames.frame(0).shape == (picture.frames.rows, picture.frames.columns, 3)


def test_deflate_bomb_is_refused_before_it_unpacks() -> None:
    raw = stored("image_dfl.dcm")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(40)) + packer.flush()
    meta_end = 144 + int.from_bytes(raw[140:144], "little")
    with pytest.raises(BadFrame, match="unpacks to more than"):
        decode(raw[:meta_end] + bomb)
    with pytest.raises(BadFrame, match="cut"):
        decode(raw[:-200])
    with pytest.raises(BadFrame, match=r"damaged|cut"):
        decode(raw[:meta_end] + b"\xff" * 100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2**30), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_damage_raises_only_our_errors(changes: list[tuple[int, int]], is_picture: bool) -> None:
    base = made_picture(np.zeros((8, 8, 3), np.uint8), "RGB") if is_picture else made_waveform()
    raw = bytearray(base)
    for place, value in changes:
        raw[128 + place % (len(raw) - 128)] = value
    with suppress(ClinicError):
        decoded = decode(bytes(raw))
        if decoded.frames is not None:
            decoded.frames.frame(0)
