"""Modality Performed Procedure Step, provider side (DICOM PS3.4, annex F): what a device says of an examination.

N-CREATE begins a step (IN PROGRESS); N-SET adds to it, and ends it (COMPLETED, DISCONTINUED); after that nothing
changes. Each message is made durable, as a DICOM file of its own, before the device hears success.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import msgspec
import pydicom
import structlog
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import evt

from clinic_records.clock import Stamp, SystemClock
from clinic_records.errors import ClinicError
from devices.delivery import Delivery
from devices.dicom.contexts import PERFORMED_PROCEDURE_STEP, PLAIN_SYNTAXES
from devices.dicom.guard import find_peer
from devices.dicom.journal import Journal
from devices.dicom.progress import FINAL, IN_PROGRESS, scheduled_step, status_of
from devices.dicom.service import Service
from devices.dicom.settings import Peer

SUCCESS: Final = 0x0000
INVALID_VALUE: Final = 0x0106
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE: Final = 0x0111
NO_SUCH_INSTANCE: Final = 0x0112
MISSING: Final = 0x0120
NOT_AUTHORISED: Final = 0x0124
"""Statuses of DIMSE-N (PS3.7, annex C)."""
_NO_LONGER: Final = 0xA710
"""ErrorID (0000,0903) with 0x0110: "may no longer be updated" (PS3.4, section F.7.2.2.2)."""
MOST: Final = 20_000
"""Steps remembered over a restart."""

_log = structlog.get_logger()


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What must be known of a step between its messages: no patient."""

    uid: str
    status: str
    ae_title: str
    accession: str = ""
    study: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The answer to one message, and the step after it (None: unchanged)."""

    status: int
    step: Step | None = None
    comment: str = ""
    error_id: int = 0


def create(request: Dataset, uid: str, ae_title: str, known: Mapping[str, Step]) -> Verdict:
    """The verdict on an N-CREATE (PS3.4, section F.7.2.1)."""
    if uid in known:
        return Verdict(DUPLICATE, comment="this step exists")
    status = status_of(request)
    if not status:
        return Verdict(MISSING, comment="PerformedProcedureStepStatus is missing")
    if status != IN_PROGRESS:
        return Verdict(INVALID_VALUE, comment="a step begins IN PROGRESS")
    scheduled = scheduled_step(request)
    return Verdict(
        SUCCESS,
        Step(
            uid=uid,
            status=status,
            ae_title=ae_title,
            accession=str(scheduled.get("AccessionNumber") or "")[:16],
            study=str(scheduled.get("StudyInstanceUID") or "")[:64],
        ),
    )


def change(modification: Dataset, uid: str, ae_title: str, known: Mapping[str, Step]) -> Verdict:
    """The verdict on an N-SET (PS3.4, section F.7.2.2)."""
    step = known.get(uid)
    if step is None:
        return Verdict(NO_SUCH_INSTANCE, comment="this step was not created here")
    if step.ae_title != ae_title:
        return Verdict(NOT_AUTHORISED, comment="this step is another device's")
    if step.status in FINAL:
        comment = "Performed Procedure Step Object may no longer be updated"
        return Verdict(PROCESSING_FAILURE, comment=comment, error_id=_NO_LONGER)
    status = status_of(modification) or step.status
    if status != IN_PROGRESS and status not in FINAL:
        return Verdict(INVALID_VALUE, comment="PerformedProcedureStepStatus is none of the three")
    return Verdict(SUCCESS, msgspec.structs.replace(step, status=status))


class ProcedureSteps:
    """The service, with its memory in a folder."""

    def __init__(
        self,
        folder: Path,
        peers: Sequence[Peer],
        deliver: Callable[[Delivery, bytes], None],
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Read what earlier runs remembered.

        Args:
            folder: private; a journal of steps lies there.
            peers: who may call.
            deliver: makes a DICOM file durable and returns only then; called from several threads.
            now: the vehicle's time, aware.

        Raises:
            StoreError: the disk refused.
        """
        self._peers = peers
        self._deliver = deliver
        self._now = now or SystemClock().now
        self._lock = threading.Lock()
        self._journal = Journal(folder / "steps.jsonl")
        steps = [_step(line) for line in self._journal.lines()]
        newest = {step.uid: step for step in steps if step is not None}
        self._steps = dict(list(newest.items())[-MOST:])
        self._journal.rewrite(msgspec.json.encode(step) for step in self._steps.values())

    def service(self) -> Service:
        """For the node."""
        handlers = ((evt.EVT_N_CREATE, self._on_create), (evt.EVT_N_SET, self._on_set))
        return Service({PERFORMED_PROCEDURE_STEP: PLAIN_SYNTAXES}, handlers)

    def _on_create(self, event: Any) -> tuple[Dataset, Dataset | None]:
        asked = str(event.request.AffectedSOPInstanceUID or "")
        uid = asked or str(generate_uid(prefix=None))
        status = self._answer(event, uid, event.attribute_list, create)
        made = None
        if not asked and status.Status == SUCCESS:
            made = Dataset()
            made.AffectedSOPInstanceUID = uid
        return status, made

    def _on_set(self, event: Any) -> tuple[Dataset, Dataset | None]:
        uid = str(event.request.RequestedSOPInstanceUID or "")
        return self._answer(event, uid, event.modification_list, change), None

    def _answer(
        self, event: Any, uid: str, said: Dataset, decide: Callable[[Dataset, str, str, Mapping[str, Step]], Verdict]
    ) -> Dataset:
        title, address = event.assoc.requestor.ae_title, event.assoc.requestor.address
        peer = find_peer(self._peers, title, address)
        if peer is None:
            return _status(Verdict(NOT_AUTHORISED))
        with self._lock:  # one message at a time: a step has one state
            verdict = decide(said, uid, title, self._steps)
            if verdict.step is not None:
                try:
                    self._keep(verdict.step, said, peer, f"{title}@{address}")
                except (ClinicError, OSError) as error:
                    _log.error("step not kept, the device was told so", peer=title, error=str(error))
                    verdict = Verdict(PROCESSING_FAILURE, comment="not kept, send it again")
        return _status(verdict)

    def _keep(self, step: Step, said: Dataset, peer: Peer, caller: str) -> None:
        raw = as_file(step, said)
        self._deliver(
            Delivery(
                device=peer.device,
                driver="dicom",
                stamp=Stamp(vehicle_time=self._now()),
                media_type="application/dicom",
                # each message is a recording of its own, and the same message again is not
                source_id=f"{step.uid}/{hashlib.sha256(raw).hexdigest()[:12]}",
                peer=caller,
            ),
            raw,
        )
        self._journal.append(msgspec.json.encode(step), is_durable=True)
        self._steps[step.uid] = step


def as_file(step: Step, said: Dataset) -> bytes:
    """The message as a DICOM file that can be understood alone: a later message repeats whose order it is."""
    made = Dataset()
    made.update(said)
    made.SOPClassUID = PERFORMED_PROCEDURE_STEP
    made.SOPInstanceUID = step.uid
    if "ScheduledStepAttributesSequence" not in made:
        scheduled = Dataset()
        scheduled.AccessionNumber = step.accession
        scheduled.StudyInstanceUID = step.study
        made.ScheduledStepAttributesSequence = [scheduled]
    if "PerformedProcedureStepStatus" not in made:
        made.PerformedProcedureStepStatus = step.status
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = BytesIO()
    pydicom.dcmwrite(target, made, enforce_file_format=True)
    return target.getvalue()


def _status(verdict: Verdict) -> Dataset:
    made = Dataset()
    made.Status = verdict.status
    if verdict.comment:
        made.ErrorComment = verdict.comment[:64]
    if verdict.error_id:
        made.ErrorID = verdict.error_id
    return made


def _step(line: bytes) -> Step | None:
    try:
        return msgspec.json.decode(line, type=Step)
    except msgspec.MsgspecError:
        return None
