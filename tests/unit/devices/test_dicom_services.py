"""Procedure steps and storage commitment: the standard's whole tables, over real associations, and over restarts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame, DeviceUnavailable, StoreError
from clinic_records.ids import DeviceId
from clinic_records.reading import Reading
from devices.delivery import Delivery
from devices.dicom import commitment, mpps
from devices.dicom.call_back import CallBack
from devices.dicom.commitment import Request, StorageCommitment
from devices.dicom.contexts import PERFORMED_PROCEDURE_STEP, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from devices.dicom.held import HeldInstances
from devices.dicom.journal import Journal
from devices.dicom.mpps import ProcedureSteps, Step
from devices.dicom.provided import Provided
from devices.dicom.service import Service
from devices.dicom.settings import Peer
from devices.interpret import interpret

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
US = Peer("US1", DeviceId("us-1"))
ECG = Peer("ECG1", DeviceId("ecg-1"))


def step_begins(status: str = "IN PROGRESS", *, accession: str = "A1") -> Dataset:
    made, scheduled = Dataset(), Dataset()
    scheduled.AccessionNumber = accession
    scheduled.StudyInstanceUID = "1.2.3.1"
    made.SpecificCharacterSet = "GB18030"
    made.ScheduledStepAttributesSequence = [scheduled]
    made.PatientID = "P1"
    made.PatientName = "Zhang^Wei=张^伟"
    made.Modality = "US"
    made.PerformedProcedureStepStatus = status
    made.PerformedProcedureStepStartDate = "20261123"
    made.PerformedProcedureStepStartTime = "093000"
    made.PerformedProcedureStepDescription = "Abdomen"
    return made


def step_ends(status: str = "COMPLETED") -> Dataset:
    made = Dataset()
    made.PerformedProcedureStepStatus = status
    made.PerformedProcedureStepEndDate = "20261123"
    made.PerformedProcedureStepEndTime = "094500.5"
    return made


@contextmanager
def serving(service: Service) -> Iterator[int]:
    ae = AE("CLINIC")
    for abstract_syntax, syntaxes in service.contexts.items():
        ae.add_supported_context(abstract_syntax, list(syntaxes))
    server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(service.handlers))
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def calling(port: int, abstract_syntax: str, title: str = "US1") -> Iterator[Any]:
    ae = AE(title)
    ae.add_requested_context(abstract_syntax, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


class Kept:
    """What was made durable."""

    def __init__(self) -> None:
        self.all: list[tuple[Delivery, bytes]] = []
        self.is_full = False

    def __call__(self, delivery: Delivery, raw: bytes) -> None:
        if self.is_full:
            raise StoreError("disk full")
        self.all.append((delivery, raw))

    def reading(self, index: int, folder: Path) -> Reading:
        delivery, raw = self.all[index]
        file = folder / "raw.dcm"
        file.write_bytes(raw)
        (reading,) = interpret(delivery, file)
        return reading


# --- the tables of PS3.4, F.7.2 -----------------------------------------------------------------------------------

KNOWN = {
    "1.1": Step("1.1", "IN PROGRESS", "US1"),
    "1.2": Step("1.2", "COMPLETED", "US1"),
    "1.3": Step("1.3", "DISCONTINUED", "US1"),
}


@pytest.mark.parametrize(
    ("uid", "status", "answer"),
    [
        ("1.9", "IN PROGRESS", 0x0000),
        ("1.9", "COMPLETED", 0x0106),
        ("1.9", "SCHEDULED", 0x0106),
        ("1.9", "", 0x0120),
        ("1.1", "IN PROGRESS", 0x0111),
        ("1.2", "IN PROGRESS", 0x0111),
    ],
)
def test_how_a_step_begins(uid: str, status: str, answer: int) -> None:
    assert mpps.create(step_begins(status), uid, "US1", KNOWN).status == answer


@pytest.mark.parametrize(
    ("uid", "status", "title", "answer", "after"),
    [
        ("1.1", "COMPLETED", "US1", 0x0000, "COMPLETED"),
        ("1.1", "DISCONTINUED", "US1", 0x0000, "DISCONTINUED"),
        ("1.1", "IN PROGRESS", "US1", 0x0000, "IN PROGRESS"),
        ("1.1", "", "US1", 0x0000, "IN PROGRESS"),
        ("1.1", "DONE", "US1", 0x0106, ""),
        ("1.1", "COMPLETED", "ECG1", 0x0124, ""),
        ("1.2", "COMPLETED", "US1", 0x0110, ""),
        ("1.2", "IN PROGRESS", "US1", 0x0110, ""),
        ("1.3", "COMPLETED", "US1", 0x0110, ""),
        ("1.9", "COMPLETED", "US1", 0x0112, ""),
    ],
)
def test_how_a_step_goes_on(uid: str, status: str, title: str, answer: int, after: str) -> None:
    verdict = mpps.change(step_ends(status), uid, title, KNOWN)
    assert (verdict.status, verdict.step.status if verdict.step else "") == (answer, after)
    assert (verdict.error_id == 0xA710) is (answer == 0x0110)


# --- over an association ------------------------------------------------------------------------------------------


def test_examination_from_begin_to_end_survives_a_restart(tmp_path: Path) -> None:
    kept = Kept()
    uid = generate_uid()
    with (
        serving(ProcedureSteps(tmp_path, [US], kept, now=lambda: NOW).service()) as port,
        calling(port, PERFORMED_PROCEDURE_STEP) as device,
    ):
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, uid)
        assert status.Status == 0
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, uid)
        assert status.Status == 0x0111
    begun = kept.reading(0, tmp_path)
    assert (begun.modality, begun.notes) == ("examination", ("examination in progress",))
    assert (begun.subject.accession, begun.subject.study, begun.subject.name) == ("A1", "1.2.3.1", "张伟")
    assert begun.stamp.device_time == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    again = ProcedureSteps(tmp_path, [US], kept, now=lambda: NOW).service()
    with serving(again) as port, calling(port, PERFORMED_PROCEDURE_STEP) as device:
        status, _ = device.send_n_set(step_ends(), PERFORMED_PROCEDURE_STEP, uid)
        assert status.Status == 0
        status, _ = device.send_n_set(step_ends("DISCONTINUED"), PERFORMED_PROCEDURE_STEP, uid)
        assert (status.Status, status.ErrorID) == (0x0110, 0xA710)
        status, _ = device.send_n_set(step_ends(), PERFORMED_PROCEDURE_STEP, "1.2.3.404")
        assert status.Status == 0x0112
    assert len(kept.all) == 2
    ended = kept.reading(1, tmp_path)
    assert ended.notes == ("examination completed",)
    assert (ended.subject.accession, ended.subject.study) == ("A1", "1.2.3.1")
    assert ended.stamp.device_time == datetime(2026, 11, 23, 1, 45, tzinfo=UTC)
    assert begun.source_id != ended.source_id


def test_device_may_leave_the_uid_to_us(tmp_path: Path) -> None:
    kept = Kept()
    with (
        serving(ProcedureSteps(tmp_path, [US], kept).service()) as port,
        calling(port, PERFORMED_PROCEDURE_STEP) as device,
    ):
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, None)
        assert status.Status == 0
    assert kept.all[0][0].source_id.startswith("2.25.")


def test_what_could_not_be_kept_is_refused_and_may_come_again(tmp_path: Path) -> None:
    kept = Kept()
    kept.is_full = True
    with (
        serving(ProcedureSteps(tmp_path, [US], kept).service()) as port,
        calling(port, PERFORMED_PROCEDURE_STEP) as device,
    ):
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, "1.2.3")
        assert status.Status == 0x0110
        kept.is_full = False
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, "1.2.3")
        assert status.Status == 0


def test_stranger_changes_nothing(tmp_path: Path) -> None:
    kept = Kept()
    with (
        serving(ProcedureSteps(tmp_path, [US], kept).service()) as port,
        calling(port, PERFORMED_PROCEDURE_STEP, "EVIL") as device,
    ):
        status, _ = device.send_n_create(step_begins(), PERFORMED_PROCEDURE_STEP, "1.2.3")
        assert status.Status == 0x0124
    assert kept.all == []


# --- storage commitment -------------------------------------------------------------------------------------------


class Heard:
    """A device's side: where the result comes."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Dataset]] = []
        self.refuses = 0
        self.came = threading.Event()

    def __call__(self, event: Any) -> tuple[int, None]:
        if self.refuses:
            self.refuses -= 1
            return 0x0110, None
        self.events.append((event.event_type, event.event_information))
        self.came.set()
        return 0x0000, None


@contextmanager
def device_listens(heard: Heard, *, title: str = "US1") -> Iterator[int]:
    ae = AE(title)
    ae.require_called_aet = True
    ae.add_supported_context(STORAGE_COMMITMENT, scu_role=False, scp_role=True)  # the caller is provider here
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, heard)]
    server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def asks(*uids: str, transaction: str = "1.2.99") -> Dataset:
    made = Dataset()
    made.TransactionUID = transaction
    made.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
        item.ReferencedSOPInstanceUID = uid
        made.ReferencedSOPSequence.append(item)
    return made


def held(folder: Path, *uids: str) -> HeldInstances:
    made = HeldInstances(folder)
    for uid in uids:
        made.remember(Delivery(DeviceId("us-1"), "dicom", Stamp(NOW), "application/dicom", source_id=uid))
    return made


def request_commitment(port: int, *uids: str, action: int = 1, instance: str = STORAGE_COMMITMENT_INSTANCE) -> int:
    with calling(port, STORAGE_COMMITMENT) as device:
        status, _ = device.send_n_action(asks(*uids), action, STORAGE_COMMITMENT, instance)
    return int(status.Status)


def test_result_comes_on_an_association_of_its_own(tmp_path: Path) -> None:
    heard = Heard()
    with device_listens(heard) as port:
        peers = [Peer("US1", DeviceId("us-1"), port=port)]
        service = StorageCommitment(tmp_path, peers, held(tmp_path, "1.1", "1.2").holds, CallBack("CLINIC", peers))
        service.start()
        with serving(service.service()) as ours:
            assert request_commitment(ours, "1.1", "1.2") == 0
            assert heard.came.wait(20)
            heard.came.clear()
            assert request_commitment(ours, "1.1", "1.404") == 0
            assert heard.came.wait(20)
        service.stop()
    (all_type, all_held), (some_type, some) = heard.events
    assert (all_type, all_held.TransactionUID) == (1, "1.2.99")
    assert [item.ReferencedSOPInstanceUID for item in all_held.ReferencedSOPSequence] == ["1.1", "1.2"]
    assert "FailedSOPSequence" not in all_held
    assert some_type == 2
    assert [item.ReferencedSOPInstanceUID for item in some.ReferencedSOPSequence] == ["1.1"]
    (failed,) = some.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("1.404", 0x0112)


def test_result_is_told_again_until_the_device_takes_it(tmp_path: Path) -> None:
    heard = Heard()
    heard.refuses = 2
    with device_listens(heard) as port:
        peers = [Peer("US1", DeviceId("us-1"), port=port)]
        service = StorageCommitment(
            tmp_path, peers, held(tmp_path, "1.1").holds, CallBack("CLINIC", peers), pauses_s=(0.05,)
        )
        service.start()
        with serving(service.service()) as ours:
            assert request_commitment(ours, "1.1") == 0
            assert heard.came.wait(20)
        service.stop()
    assert [kind for kind, _ in heard.events] == [1]


def test_open_request_is_answered_after_a_restart_and_a_done_one_is_not(tmp_path: Path) -> None:
    class Deaf:
        def report(self, request: Request, event_type: int, information: Dataset) -> None:
            raise DeviceUnavailable("off")

    class Listening:
        def __init__(self) -> None:
            self.taken: list[str] = []
            self.came = threading.Event()

        def report(self, request: Request, event_type: int, information: Dataset) -> None:
            self.taken.append(request.transaction)
            self.came.set()

    def nothing(uid: str) -> bool:
        return False

    first = StorageCommitment(tmp_path, [US], nothing, Deaf())
    first.start()
    with serving(first.service()) as port:
        assert request_commitment(port, "1.1") == 0
    first.stop()
    listening = Listening()
    second = StorageCommitment(tmp_path, [US], nothing, listening)
    second.start()
    assert listening.came.wait(20)
    second.stop()
    third = Listening()
    last = StorageCommitment(tmp_path, [US], nothing, third)
    last.start()
    assert not third.came.wait(0.2)
    last.stop()
    assert listening.taken == ["1.2.99"]


def test_device_that_never_listens_is_given_up(tmp_path: Path) -> None:
    tried = threading.Event()

    class Deaf:
        def report(self, request: Request, event_type: int, information: Dataset) -> None:
            tried.set()
            raise DeviceUnavailable("off")

    moments = iter([NOW])
    service = StorageCommitment(
        tmp_path, [US], lambda _: True, Deaf(), now=lambda: next(moments, NOW + timedelta(days=3))
    )
    service.start()
    with serving(service.service()) as port:
        assert request_commitment(port, "1.1") == 0
        assert tried.wait(20)
    service.stop()
    assert StorageCommitment(tmp_path, [US], lambda _: True, Deaf())._open == {}


@pytest.mark.parametrize(
    ("uids", "action", "instance", "status"),
    [
        (("1.1",), 2, STORAGE_COMMITMENT_INSTANCE, 0x0123),
        (("1.1",), 1, "1.2.3", 0x0112),
        ((), 1, STORAGE_COMMITMENT_INSTANCE, 0x0114),
    ],
)
def test_request_that_is_none(tmp_path: Path, uids: tuple[str, ...], action: int, instance: str, status: int) -> None:
    service = StorageCommitment(tmp_path, [US], lambda _: True, CallBack("CLINIC", [US]))
    with serving(service.service()) as port:
        assert request_commitment(port, *uids, action=action, instance=instance) == status


def test_device_that_does_not_take_the_result_is_unavailable(tmp_path: Path) -> None:
    request = Request("k", "1.2.99", "US1", "127.0.0.1", NOW)
    heard = Heard()
    heard.refuses = 1
    with device_listens(heard) as port:
        peers = [Peer("US1", DeviceId("us-1"), port=port)]
        with pytest.raises(DeviceUnavailable, match="0x0110"):
            CallBack("CLINIC", peers).report(request, *commitment.answer(request, lambda _: True))
    with device_listens(Heard(), title="OTHER") as port:
        peers = [Peer("US1", DeviceId("us-1"), port=port)]
        with pytest.raises(DeviceUnavailable, match="no association"):
            CallBack("CLINIC", peers).report(request, 1, Dataset())
    with pytest.raises(DeviceUnavailable, match="no device of this vehicle"):
        CallBack("CLINIC", [ECG]).report(request, 1, Dataset())


# --- what outlives the process ------------------------------------------------------------------------------------


def test_held_is_what_was_kept_without_a_fault(tmp_path: Path) -> None:
    first = held(tmp_path, "1.1", "1.2", "1.1")
    refused = Delivery(DeviceId("d"), "dicom", Stamp(NOW), "application/dicom", source_id="1.3", fault="empty")
    first.remember(refused)
    first.remember(Delivery(DeviceId("d"), "x", Stamp(NOW), "application/scp-ecg", source_id="1.4"))
    again = HeldInstances(tmp_path)
    for one in (first, again):
        assert [uid for uid in ("1.1", "1.2", "1.3", "1.4", "1") if one.holds(uid)] == ["1.1", "1.2"]


def test_journal_drops_a_line_that_was_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.txt")
    assert journal.lines() == []
    journal.append(b"one", is_durable=True)
    with (tmp_path / "deep" / "j.txt").open("ab") as file:
        file.write(b"tw")
    assert journal.lines() == [b"one"]
    journal.rewrite(journal.lines())
    journal.append(b"three", is_durable=False)
    assert Journal(tmp_path / "deep" / "j.txt").lines() == [b"one", b"three"]


def test_journal_says_what_the_disk_says(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blocked = Journal(tmp_path / "file" / "j.txt")
    with pytest.raises(StoreError):
        blocked.append(b"x", is_durable=True)
    with pytest.raises(StoreError):
        blocked.rewrite([])
    with pytest.raises(StoreError):
        Journal(tmp_path).lines()


def test_spoilt_journals_lose_only_the_spoilt_line(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_bytes(b'{"uid":"1.1","status":"IN PROGRESS","ae_title":"US1"}\nnoise\n{"uid"\n')
    (tmp_path / "commitments.jsonl").write_bytes(b"\xff\xfe\n")
    kept = Kept()
    with (
        serving(ProcedureSteps(tmp_path, [US], kept).service()) as port,
        calling(port, PERFORMED_PROCEDURE_STEP) as device,
    ):
        status, _ = device.send_n_set(step_ends(), PERFORMED_PROCEDURE_STEP, "1.1")
        assert status.Status == 0
    StorageCommitment(tmp_path, [US], lambda _: True, CallBack("CLINIC", [US]))


class Place:
    """An Arrival that can fail."""

    def __init__(self, kept: list[tuple[Delivery, bytes]], fault: Callable[[], None]) -> None:
        self.kept, self.fault, self.data = kept, fault, b""

    def write(self, data: bytes | memoryview, /) -> None:
        self.data += bytes(data)

    def keep(self, delivery: Delivery, /) -> None:
        self.fault()
        self.kept.append((delivery, self.data))

    def drop(self) -> None:
        self.data = b""


def test_only_what_was_kept_is_remembered(tmp_path: Path) -> None:
    kept: list[tuple[Delivery, bytes]] = []
    faults = iter([BadFrame("no"), None])

    def fault() -> None:
        error = next(faults)
        if error:
            raise error

    provided = Provided(tmp_path, "CLINIC", [US], lambda: Place(kept, fault))
    assert {uid for service in provided.services for uid in service.contexts} == {
        PERFORMED_PROCEDURE_STEP,
        STORAGE_COMMITMENT,
    }
    provided.start()
    delivery = Delivery(DeviceId("us-1"), "dicom", Stamp(NOW), "application/dicom", source_id="1.1")
    arrival = provided.begin()
    arrival.write(b"x")
    with pytest.raises(BadFrame):
        arrival.keep(delivery)
    assert not HeldInstances(tmp_path).holds("1.1")
    arrival.keep(delivery)
    arrival.drop()
    assert HeldInstances(tmp_path).holds("1.1")
    provided.stop()
