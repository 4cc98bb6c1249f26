"""The DICOM node with DCMTK's tools as the devices."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from clinic_records.ids import DeviceId
from devices.dicom.node import DicomNode
from devices.dicom.part10 import dataset_sha256
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from devices.interpret import interpret
from tests.unit.devices.arrivals import Arrivals

pytestmark = pytest.mark.peer

NeedProgram = Callable[[str], str]
ITEM = WorklistItem(
    "A1", "P1", "张伟", "M", date(1950, 2, 3), "1.2.3.1", "ECG", "", datetime(2026, 11, 23, 1, tzinfo=UTC)
)


class Clinic(Arrivals):
    """A node that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        peers = (Peer("ECG1", DeviceId("ecg-1")), Peer("US1", DeviceId("us-1"), "127.0.0.1"))
        settings = DicomSettings(peers=peers, host="127.0.0.1", port=0)
        self.node = DicomNode(settings, lambda: [ITEM], self.begin)
        self.port = self.node.start()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.node.stop()


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def shipped(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(str(path))


def test_echoscu(clinic: Clinic, need_program: NeedProgram) -> None:
    echo = need_program("echoscu")
    assert run(echo, "-aet", "ECG1", "-aec", "CLINIC", "127.0.0.1", clinic.port).returncode == 0
    stranger = run(echo, "-aet", "EVIL", "-aec", "CLINIC", "127.0.0.1", clinic.port)
    assert stranger.returncode != 0
    assert "Calling AE Title Not Recognized" in stranger.stderr + stranger.stdout


@pytest.mark.parametrize(
    ("file", "ae_title", "proposal"),
    [
        ("waveform_ecg.dcm", "ECG1", "-x="),
        ("waveform_ecg.dcm", "ECG1", "-xi"),
        ("examples_ybr_color.dcm", "US1", "-xy"),
        ("examples_rgb_color.dcm", "US1", "-xe"),
        ("examples_rgb_color.dcm", "US1", "-xb"),
        ("examples_jpeg2k.dcm", "US1", "-xv"),
    ],
)
def test_storescu(clinic: Clinic, need_program: NeedProgram, file: str, ae_title: str, proposal: str) -> None:
    caller = "-aet", ae_title, "-aec", "CLINIC", "127.0.0.1", clinic.port
    sent = run(need_program("storescu"), "-v", proposal, *caller, shipped(file))
    assert sent.returncode == 0, sent.stderr
    assert "Success" in sent.stderr + sent.stdout
    ((delivery, part10),) = clinic.kept
    original, kept = pydicom.dcmread(shipped(file)), pydicom.dcmread(part10)
    assert kept.SOPInstanceUID == original.SOPInstanceUID == delivery.source_id
    (reading,) = interpret(delivery, part10)
    assert reading.subject.patient_id == original.PatientID
    assert reading.content is not None
    if proposal == "-xy":
        assert kept.PixelData == original.PixelData


def test_storescu_is_told_when_it_was_not_kept(clinic: Clinic, need_program: NeedProgram) -> None:
    clinic.fails = OSError("disk full")
    caller = "-aet", "ECG1", "-aec", "CLINIC", "127.0.0.1", clinic.port
    sent = run(need_program("storescu"), "-v", *caller, shipped("waveform_ecg.dcm"))
    assert re.search(r"Refused: *OutOfResources|0xa700", sent.stderr + sent.stdout), sent.stderr
    assert clinic.kept == []


def test_same_object_twice_has_the_same_dataset_hash(clinic: Clinic, need_program: NeedProgram) -> None:
    send = need_program("storescu"), "-aet", "ECG1", "-aec", "CLINIC", "127.0.0.1", clinic.port
    for _ in range(2):
        assert run(*send, shipped("waveform_ecg.dcm")).returncode == 0
    assert len({dataset_sha256(part10) for _, part10 in clinic.kept}) == 1


def test_storescu_gets_through_between_callers_that_say_nothing(clinic: Clinic, need_program: NeedProgram) -> None:
    send = need_program("storescu"), "-aet", "ECG1", "-aec", "CLINIC", "127.0.0.1", clinic.port
    with ExitStack() as stack:
        for _ in range(30):
            evil = stack.enter_context(socket.create_connection(("127.0.0.1", clinic.port), timeout=10))
            with suppress(OSError):  # put out already
                evil.sendall(b"\x01")
        wait_until = time.monotonic() + 30  # a device sends again what was not taken
        while run(*send, shipped("waveform_ecg.dcm")).returncode != 0 and time.monotonic() < wait_until:
            time.sleep(0.5)
    assert len(clinic.kept) == 1


def test_a_name_that_is_a_path_or_a_script_stays_a_name(
    clinic: Clinic, need_program: NeedProgram, tmp_path: Path
) -> None:
    need_program("storescu")
    made = pydicom.dcmread(shipped("waveform_ecg.dcm"))
    made.PatientName = "<script>alert(1)</script>"
    made.PatientID = "../../etc/passwd"
    made.save_as(tmp_path / "wild.dcm")
    send = need_program("storescu"), "-aet", "ECG1", "-aec", "CLINIC", "127.0.0.1", clinic.port
    assert run(*send, tmp_path / "wild.dcm").returncode == 0
    ((delivery, part10),) = clinic.kept
    subject = interpret(delivery, part10)[0].subject
    assert (subject.name, subject.patient_id) == ("<script>alert(1)</script>", "../../etc/passwd")
    assert {path.parent for path in tmp_path.rglob("*.dcm")} <= {tmp_path, clinic.folder}


def test_findscu_reads_the_worklist_with_its_chinese_name(
    clinic: Clinic, need_program: NeedProgram, tmp_path: Path
) -> None:
    step = "ScheduledProcedureStepSequence[0]"
    keys = ["PatientName=", "PatientID=", "AccessionNumber=A*", "StudyInstanceUID=", f"{step}.Modality=ECG"]
    keys += [f"{step}.ScheduledProcedureStepStartDate=20261101-20261130", f"{step}.ScheduledStationAETitle=ECG1"]
    words = [word for key in keys for word in ("-k", key)]
    find = need_program("findscu"), "-W", "-X", "-od", tmp_path, "-aet", "ECG1", "-aec", "CLINIC"
    asked = run(*find, *words, "127.0.0.1", clinic.port)
    assert asked.returncode == 0, asked.stderr
    (answer,) = tmp_path.glob("rsp*.dcm")
    found = pydicom.dcmread(answer, force=True)
    assert (str(found.PatientName), found.PatientID, found.AccessionNumber) == ("张伟", "P1", "A1")
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "20261123"
    answer.unlink()
    assert run(*find, "-k", "PatientName=王*", "127.0.0.1", clinic.port).returncode == 0
    assert list(tmp_path.glob("rsp*.dcm")) == []
