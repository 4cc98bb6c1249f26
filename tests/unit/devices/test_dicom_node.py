"""The DICOM node with a real DICOM client: what a device is told, and what was kept when it was told so."""

import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE, _config
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode
from pynetdicom.sop_class import TwelveLeadECGWaveformStorage, Verification  # type: ignore[attr-defined]  # made at import time from a table

from clinic_records.errors import ConfigError, DeviceUnavailable, NotFound, StoreError
from clinic_records.ids import DeviceId
from devices.dicom.contexts import EXPLICIT_BIG_ENDIAN, MODALITY_WORKLIST_FIND, TRANSFER_SYNTAXES
from devices.dicom.node import DicomNode
from devices.dicom.part10 import dataset_offset, dataset_sha256
from devices.dicom.pdu import HEAD, P_DATA_TF
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from devices.interpret import interpret
from devices.simulators import ecg_dicom, ultrasound
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.saw import DeviceSaw
from tests.unit.devices.arrivals import Arrivals
from tests.unit.devices.dimse import command, item

ITEMS = [
    WorklistItem(
        "A1", "P1", "张伟", "M", date(1950, 2, 3), "1.2.3.1", "ECG", "", datetime(2026, 11, 23, 1, tzinfo=UTC)
    ),
    WorklistItem("A2", "P2", "蓝阿妹", "F", None, "1.2.3.2", "US", "US1", datetime(2026, 11, 23, 2, tzinfo=UTC)),
]


class Clinic(Arrivals):
    """A node whose deliveries are kept in a folder, and may be made to fail."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.items = ITEMS
        peers = (
            Peer("ECG1", DeviceId("ecg-1")),
            Peer("US1", DeviceId("us-1")),
            Peer("FAR", DeviceId("x"), "192.0.2.1"),
        )
        settings = DicomSettings(peers=peers, host="127.0.0.1", port=0, max_associations=3)
        self.node = DicomNode(settings, lambda: self.items, self.begin)
        self.port = self.node.start()

    def device(self, ae_title: str, called: str = "CLINIC") -> DicomDevice:
        return DicomDevice("127.0.0.1", self.port, ae_title=ae_title, called=called, timeout_s=10)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.node.stop()
    assert list(made.temp.iterdir()) == []


def test_ecg_of_the_patient_picked_arrives_as_it_was_sent(clinic: Clinic) -> None:
    saw = ecg_dicom.examine(clinic.device("ECG1"), name="张*")
    assert saw.acknowledged
    ((delivery, part10),) = clinic.kept
    assert (delivery.device, delivery.source_id, delivery.fault) == ("ecg-1", saw.source_id, "")
    assert delivery.peer == "ECG1@127.0.0.1"
    assert dataset_sha256(part10) == saw.sha256
    (reading,) = interpret(delivery, part10)
    assert (reading.modality, reading.subject.accession, reading.subject.name) == ("ecg", "A1", "张伟")
    assert reading.subject.study == "1.2.3.1"


def test_ultrasound_of_seven_megabytes_arrives_as_it_was_sent(clinic: Clinic) -> None:
    saw = ultrasound.examine(clinic.device("US1"), accession="A2")
    assert saw.acknowledged
    ((delivery, part10),) = clinic.kept
    assert part10.stat().st_size > 6_900_000
    assert dataset_sha256(part10) == saw.sha256
    assert interpret(delivery, part10)[0].subject.name == "蓝阿妹"


def test_object_without_a_patient_is_taken(clinic: Clinic) -> None:
    assert clinic.device("ECG1").store(ecg_dicom.examination(None)).acknowledged
    ((delivery, part10),) = clinic.kept
    (reading,) = interpret(delivery, part10)
    assert (reading.subject.patient_id, reading.subject.accession) == ("", "")
    assert "no PatientID in the object" in reading.notes


@pytest.mark.parametrize("failure", [StoreError("disk full"), OSError("disk full"), ZeroDivisionError()])
def test_device_is_told_no_when_it_was_not_kept_and_may_send_again(clinic: Clinic, failure: Exception) -> None:
    clinic.fails = failure
    device = clinic.device("ECG1")
    made = ecg_dicom.examination(None)
    saw = device.store(made)
    assert (saw.acknowledged, saw.detail) == (False, "C-STORE status 0xa700")
    clinic.fails = None
    assert device.store(made).acknowledged
    assert len(clinic.kept) == 1


def test_dataset_that_is_none_is_refused_and_its_bytes_kept_with_the_reason(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_raw(clinic, b"\x10\x00\x10\x00PN\x02\x00X ", monkeypatch) == 0xC000
    ((delivery, part10),) = clinic.kept
    assert "group" in delivery.fault
    assert part10.stat().st_size > 132


def store_raw(
    clinic: Clinic,
    dataset: bytes,
    monkeypatch: pytest.MonkeyPatch,
    syntax: str = ExplicitVRLittleEndian,
    instance: str = "1.2.3",
) -> int:
    """Send bytes as a dataset, unread; the status answered."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    file = clinic.folder / "raw.dcm"
    meta = create_file_meta(
        sop_class_uid=TwelveLeadECGWaveformStorage, sop_instance_uid=UID("1.2.3"), transfer_syntax=UID(syntax)
    )
    meta.MediaStorageSOPInstanceUID = UID(instance, validation_mode=IGNORE)
    with file.open("wb") as target:
        target.write(bytes(128) + b"DICM")
        write_file_meta_info(DicomFileLike(target), meta)
        target.write(dataset)
    ae = AE("ECG1")
    ae.add_requested_context(TwelveLeadECGWaveformStorage, syntax)
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    try:
        return int(association.send_c_store(file).Status)
    finally:
        association.release()


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_the_bytes_of_every_transfer_syntax_are_kept_as_they_came(
    clinic: Clinic, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_tag = b"\x00\x08" if syntax == EXPLICIT_BIG_ENDIAN else b"\x08\x00"
    dataset = first_tag + os.urandom(300_001)  # nobody looks further than this tag
    assert store_raw(clinic, dataset, monkeypatch, syntax) == 0
    ((_, part10),) = clinic.kept
    assert dataset_sha256(part10) == hashlib.sha256(dataset).hexdigest()
    with part10.open("rb") as file:
        assert part10.read_bytes()[dataset_offset(file) :] == dataset
    meta = read_file_meta_info(part10)
    assert (meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID) == (syntax, "1.2.3")
    assert meta.MediaStorageSOPClassUID == TwelveLeadECGWaveformStorage


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("instance", ["../../../../tmp/owned", "1.2.3/../4", "a" * 64])
def test_an_instance_that_has_no_uid_is_kept_under_no_name_and_refused(
    clinic: Clinic, instance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_raw(clinic, b"\x08\x00" + bytes(20), monkeypatch, instance=instance) == 0xC000
    ((delivery, part10),) = clinic.kept
    assert delivery.source_id == ""
    assert "no UID" in delivery.fault
    assert instance.encode() not in part10.read_bytes()


def test_a_context_that_was_not_accepted_ends_its_association_and_no_other(
    clinic: Clinic, wait_for: Callable[..., None]
) -> None:
    ae = AE("ECG1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    body = item(3, command(), context=99)
    assert association.dul.socket is not None
    association.dul.socket.send(HEAD.pack(P_DATA_TF, len(body)) + body)
    wait_for(lambda: not association.is_established)
    assert clinic.kept == []
    assert clinic.device("ECG1").store(ecg_dicom.examination(None)).acknowledged


@pytest.mark.parametrize(("ae_title", "called"), [("EVIL", "CLINIC"), ("FAR", "CLINIC"), ("ECG1", "OTHER")])
def test_stranger_gets_no_association(clinic: Clinic, ae_title: str, called: str) -> None:
    with pytest.raises(DeviceUnavailable, match="no DICOM association"):
        clinic.device(ae_title, called).worklist()
    assert not clinic.device(ae_title, called).store(ecg_dicom.examination(None)).acknowledged
    assert clinic.kept == []


def test_worklist_that_cannot_be_asked_fails_the_query_only(clinic: Clinic) -> None:
    clinic.items = None  # type: ignore[assignment]  # any failure of the callable
    with pytest.raises(DeviceUnavailable, match="0xc000"):
        clinic.device("ECG1").worklist()
    clinic.items = ITEMS
    assert len(clinic.device("ECG1").worklist()) == 2
    with pytest.raises(NotFound):
        clinic.device("ECG1").pick(name="王*")


def test_echo(clinic: Clinic) -> None:
    ae = AE("ECG1")
    ae.add_requested_context(Verification)
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    assert association.send_c_echo().Status == 0
    association.release()


def test_objects_and_other_messages_follow_each_other_on_one_association(clinic: Clinic) -> None:
    ae = AE("ECG1")
    for abstract_syntax in (Verification, TwelveLeadECGWaveformStorage, MODALITY_WORKLIST_FIND):
        ae.add_requested_context(abstract_syntax, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    query = Dataset()
    query.PatientID = "P1"
    for number in range(1, 4):
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(ecg_dicom.examination(None)).Status == 0
        assert len(clinic.kept) == number
        found = [status.Status for status, _ in association.send_c_find(query, MODALITY_WORKLIST_FIND)]
        assert found == [0xFF00, 0]
    association.release()
    assert association.is_released


def test_deflated_and_jpeg_are_taken_and_video_is_not(clinic: Clinic) -> None:
    ae = AE("US1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.1.2.1.99")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.3.1", JPEGBaseline8Bit)
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.1.2.4.102")
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    taken = {str(one.abstract_syntax).removeprefix("1.2.840.10008.5.1.4.1.1.") for one in association.accepted_contexts}
    assert taken == {"6.1", "3.1"}
    association.release()


def test_connection_cut_in_the_middle_of_an_object_leaves_nothing(
    clinic: Clinic, wait_for: Callable[..., None]
) -> None:
    ae = AE("ECG1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", clinic.port, ae_title="CLINIC")
    half_object(association)
    wait_for(lambda: any(clinic.temp.iterdir()))
    association.abort()
    wait_for(lambda: not any(clinic.temp.iterdir()))
    assert clinic.kept == []
    assert clinic.device("ECG1").store(ecg_dicom.examination(None)).acknowledged


def half_object(association: Any) -> None:
    """A C-STORE command and the first fragment of its dataset, and then silence."""

    made = ecg_dicom.examination(None)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID

    request.DataSet = BytesIO(encode(made, is_implicit_vr=False, is_little_endian=True) or b"")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    fragments = message.encode_msg(association.accepted_contexts[0].context_id, 16_382)
    for _ in range(3):
        association.dul.send_pdu(next(fragments))


KILLED = """
import os, signal
from devices.dicom.node import DicomNode
from devices.dicom.settings import DicomSettings, Peer
class Arrival:
    def write(self, data): pass
    def keep(self, delivery): os.kill(os.getpid(), signal.SIGKILL)
    def drop(self): pass
settings = DicomSettings(peers=(Peer("ECG1", "ecg-1"),), host="127.0.0.1", port=0)
print(DicomNode(settings, list, Arrival).start(), flush=True)
signal.pause()
"""


def test_device_whose_listener_is_killed_was_told_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        port = int(node.stdout.readline())
        saw = DicomDevice("127.0.0.1", port, ae_title="ECG1", timeout_s=10).store(ecg_dicom.examination(None))
        assert node.wait(10) == -signal.SIGKILL
    assert saw.acknowledged is False
    assert saw.detail == "no C-STORE response"


def test_temp_folder_that_takes_nothing_costs_the_object_and_not_the_node(clinic: Clinic) -> None:
    clinic.temp.rmdir()
    device = clinic.device("ECG1")
    for _ in range(4):  # more than there are places for associations
        saw = device.store(ecg_dicom.examination(None))
        assert (saw.acknowledged, saw.detail) == (False, "C-STORE status 0xa700")
    clinic.temp.mkdir()
    assert device.store(ecg_dicom.examination(None)).acknowledged
    assert len(clinic.kept) == 1


def test_object_without_end_is_told_no(tmp_path: Path) -> None:
    peers = (Peer("US1", DeviceId("us-1")), Peer("ECG1", DeviceId("ecg-1")))
    settings = DicomSettings(peers=peers, host="127.0.0.1", port=0, max_object=1_000_000)
    arrivals = Arrivals(tmp_path)
    node = DicomNode(settings, list, arrivals.begin)
    port = node.start()
    try:
        big = DicomDevice("127.0.0.1", port, ae_title="US1").store(ultrasound.examination(None))
        assert (big.acknowledged, big.detail) == (False, "C-STORE status 0xa700")
        assert DicomDevice("127.0.0.1", port, ae_title="ECG1").store(ecg_dicom.examination(None)).acknowledged
        assert [delivery.device for delivery, _ in arrivals.kept] == ["ecg-1"]
    finally:
        node.stop()
    assert list(arrivals.temp.iterdir()) == []


def test_giant_pdu_closes_its_connection_and_no_other(clinic: Clinic) -> None:
    with socket.create_connection(("127.0.0.1", clinic.port), timeout=10) as evil:
        evil.sendall(struct.pack(">BBL", 1, 0, 0xFFFF_FFFF))
        assert evil.recv(100) == b""
    assert len(clinic.device("ECG1").worklist()) == 2


@pytest.mark.parametrize(
    "says", [b"", b"\x01", b"\x01\x00\x00\x10\x00\x00half of it"], ids=["silent", "a byte", "half a PDU"]
)
def test_callers_that_say_nothing_keep_no_device_out(clinic: Clinic, says: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(24):  # more than there are places of any kind
            evil = stack.enter_context(socket.create_connection(("127.0.0.1", clinic.port), timeout=10))
            with suppress(OSError):  # put out already
                evil.sendall(says)
        saw = put_away(clinic.device("ECG1"))
        assert saw.acknowledged, saw.detail


def put_away(device: DicomDevice) -> DeviceSaw:
    """As devices do: what was not taken is sent again after a moment."""
    examination = ecg_dicom.examination(None)
    for _ in range(200):
        saw = device.store(examination)
        if saw.acknowledged:
            break
        time.sleep(0.2)
    return saw


def test_port_taken_and_nobody_configured_are_said(clinic: Clinic) -> None:
    peers = (Peer("ECG1", DeviceId("ecg-1")),)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = DicomSettings(peers=peers, host="127.0.0.1", port=port)
        with pytest.raises(DeviceUnavailable, match=str(port)):
            DicomNode(taken, list, clinic.begin).start()
    with pytest.raises(ConfigError, match="no device may call"):
        DicomNode(DicomSettings(peers=()), list, clinic.begin)
