"""DICOM objects as Readings: real ones, ones without a patient, Chinese names, and broken ones."""

import hashlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame
from clinic_records.ids import DeviceId
from clinic_records.reading import Document, Image, Reading, Waveform
from devices.delivery import Delivery
from devices.dicom.part10 import dataset_sha256
from devices.interpret import interpret
from devices.simulators.objects import ecg_object, ultrasound_object
from recordings.person_name import person_name

DELIVERY = Delivery(DeviceId("d"), "dicom", Stamp(datetime(2026, 11, 23, tzinfo=UTC)), "application/dicom")


def saved(tmp_path: Path, dataset: Dataset) -> Path:
    file = tmp_path / "object.dcm"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file


def read(tmp_path: Path, dataset: Dataset) -> Reading:
    return interpret(DELIVERY, saved(tmp_path, dataset))[0]


def minimal(**elements: str) -> Dataset:
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    made.SOPInstanceUID = "1.2.3"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def test_real_ecg(tmp_path: Path) -> None:
    reading = read(tmp_path, ecg_object())
    assert isinstance(reading.content, Waveform)
    assert [channel.name for channel in reading.content.channels][:3] == ["I", "II", "III"]
    assert {(one.unit, one.sampling_hz, one.samples) for one in reading.content.channels} == {("uV", 1000.0, 10_000)}
    assert reading.subject.birth_date is not None
    assert reading.stamp.device_time == datetime(2013, 1, 25, 2, 59, 19, tzinfo=UTC)
    assert reading.numerics


def test_real_ultrasound(tmp_path: Path) -> None:
    reading = read(tmp_path, ultrasound_object())
    assert (reading.modality, reading.content) == ("ultrasound", Image("dicom-image", 240, 320, 30))


def test_report_is_a_document(tmp_path: Path) -> None:
    reading = read(tmp_path, minimal(SeriesDescription="Echo report"))
    assert (reading.modality, reading.content) == ("document", Document("application/dicom", "Echo report"))
    assert set(reading.notes) == {"no PatientID in the object", "no acquisition time in the object"}


def test_unknown_kind_of_object_is_taken_with_a_note(tmp_path: Path) -> None:
    reading = read(tmp_path, minimal(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", PatientID="P"))
    assert reading.modality == "other"
    assert any("1.2.840.10008.5.1.4.1.1.2" in note for note in reading.notes)


def test_curve_that_cannot_be_read_is_taken_with_a_note(tmp_path: Path) -> None:
    broken = ecg_object()
    del broken.WaveformSequence[0].SamplingFrequency
    broken.WaveformSequence = broken.WaveformSequence[:1]
    reading = read(tmp_path, broken)
    assert reading.content is None
    assert any("cannot be shown" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("stated", "is_time"),
    [("20261123093015", "2026-11-23T01:30:15+00:00"), ("20261123093015.5+0000", "2026-11-23T09:30:15.500000+00:00")],
)
def test_acquisition_time_is_chinas_unless_it_says_otherwise(tmp_path: Path, stated: str, is_time: str) -> None:
    assert read(tmp_path, minimal(AcquisitionDateTime=stated)).stamp.device_time == datetime.fromisoformat(is_time)


@pytest.mark.parametrize(
    ("charset", "raw", "name", "has_note"),
    [
        ("ISO_IR 192", "Zhang^Wei=张^伟".encode(), "张伟", False),
        ("ISO_IR 192", "张伟".encode(), "张伟", False),
        ("GB18030", "Wang^Jin=王^璡=wang2^jin4".encode("gb18030"), "王璡", False),  # its second byte is a backslash
        ("GBK", "王^璡".encode("gbk"), "王璡", False),
        ("GB18030", "𠮷^田".encode("gb18030"), "𠮷田", False),  # four bytes
        ("\\ISO 2022 IR 58", b"=\x1b$)A\xd5\xc5^\x1b$)A\xce\xb0=", "张伟", False),
        ("GB18030", "张^伟".encode("gb18030"), "张伟", False),
        ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "张小东", False),
        ("", "张伟".encode("gb18030"), "张伟", True),
        ("", "张伟".encode(), "张伟", True),
        ("", b"\xff\xfe\x80", "", True),
        ("ISO_IR 100", b"M\xfcller^Anna", "Müller Anna", False),
        ("", b"Wang^Wei", "Wang Wei", False),
    ],
)
def test_person_name(charset: str, raw: bytes, name: str, has_note: bool) -> None:
    # SpecificCharacterSet and PatientName as explicit VR little endian elements, written by hand.
    codes = charset.encode() + b" " * (len(charset) % 2)
    value = raw + b" " * (len(raw) % 2)
    encoded = b"\x08\x00\x05\x00CS" + len(codes).to_bytes(2, "little") + codes
    encoded += b"\x10\x00\x10\x00PN" + len(value).to_bytes(2, "little") + value
    found, note = person_name(pydicom.dcmread(BytesIO(encoded), force=True))
    assert bool(note) is has_note
    if name:
        assert found == name


@pytest.mark.parametrize("data", [b"", b"DICM", bytes(200), bytes(128) + b"DICM", bytes(128) + b"DICM" + b"\xff" * 50])
def test_what_is_no_dicom_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "object.dcm"
    file.write_bytes(data)
    with pytest.raises(BadFrame):
        interpret(DELIVERY, file)


@given(st.integers(132, 3000), st.binary(min_size=1, max_size=40))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_spoilt_object_is_read_or_refused_and_never_crashes(tmp_path: Path, at: int, noise: bytes) -> None:
    file = saved(tmp_path, ecg_object())
    whole = file.read_bytes()
    for spoilt in (whole[:at] + noise + whole[at + len(noise) :], whole[:at]):
        file.write_bytes(spoilt)
        try:
            interpret(DELIVERY, file)
        except BadFrame:
            continue


def test_dataset_hash_leaves_out_what_the_node_writes(tmp_path: Path) -> None:
    file = saved(tmp_path, minimal())
    whole = file.read_bytes()
    dataset = whole[whole.index(b"\x08\x00\x16\x00UI") :]
    assert dataset_sha256(file) == hashlib.sha256(dataset).hexdigest()
    for broken in (whole[:100], whole[4:], whole[:132] + dataset):
        file.write_bytes(broken)
        with pytest.raises(BadFrame):
            dataset_sha256(file)


def test_every_shared_object_is_read(shared_data: Path, tmp_path: Path) -> None:
    files = sorted(shared_data.glob("devices/dicom_*/*.dcm"))
    assert files
    for file in files:
        (reading,) = interpret(DELIVERY, file)
        assert reading.modality != "other", file.name
        assert reading.content is not None, file.name
