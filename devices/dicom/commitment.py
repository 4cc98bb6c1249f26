"""Storage Commitment Push Model, provider side (DICOM PS3.4, annex J): may the device delete its copies?

The device's request is made durable before it hears success. The answer goes to the device on a new association, again
and again until the device took it; it says yes only for instances the vehicle holds durably.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt

from clinic_records.clock import SystemClock
from clinic_records.errors import ClinicError, DeviceUnavailable
from devices.dicom.contexts import PLAIN_SYNTAXES, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from devices.dicom.guard import find_peer
from devices.dicom.journal import Journal
from devices.dicom.service import Service
from devices.dicom.settings import Peer

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
NO_SUCH_INSTANCE: Final = 0x0112
NO_SUCH_ARGUMENT: Final = 0x0114
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORISED: Final = 0x0124
"""Statuses of DIMSE-N (PS3.7, annex C); NO_SUCH_INSTANCE is also FailureReason (PS3.3, section C.14.1.1)."""
REQUEST_COMMITMENT: Final = 1
"""ActionTypeID (PS3.4, table J.3-1)."""
ALL_HELD: Final = 1
SOME_NOT_HELD: Final = 2
"""EventTypeID (PS3.4, table J.3-2)."""
MOST_INSTANCES: Final = 10_000
"""Of one request."""
PAUSES_S: Final = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Between one try and the next; the last repeats: a scanner may be off until the next stop."""
GIVES_UP: Final = timedelta(days=2)
"""A device that did not take its answer by then asks again when it must."""

_log = structlog.get_logger()


class Instance(msgspec.Struct, frozen=True):
    """One instance asked about."""

    sop_class: str
    uid: str


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transaction; `is_done` ends it in the journal."""

    key: str
    transaction: str
    ae_title: str
    address: str
    asked_at: datetime
    instances: tuple[Instance, ...] = ()
    is_done: bool = False


class Reporter(Protocol):
    """Calls the device back."""

    def report(self, request: Request, event_type: int, information: Dataset) -> None:
        """Tell the device. Raises DeviceUnavailable: it did not take it."""


def answer(request: Request, holds: Callable[[str], bool]) -> tuple[int, Dataset]:
    """EventTypeID and EventInformation (PS3.4, table J.3-2) for what is held now."""
    kept, missing = [], []
    for instance in request.instances:
        item = Dataset()
        item.ReferencedSOPClassUID = instance.sop_class
        item.ReferencedSOPInstanceUID = instance.uid
        if holds(instance.uid):
            kept.append(item)
        else:
            item.FailureReason = NO_SUCH_INSTANCE
            missing.append(item)
    made = Dataset()
    made.TransactionUID = request.transaction
    if kept:
        made.ReferencedSOPSequence = kept
    if missing:
        made.FailedSOPSequence = missing
    return (SOME_NOT_HELD if missing else ALL_HELD), made


class StorageCommitment:
    """The service, with its open requests in a folder and one thread that answers them."""

    def __init__(
        self,
        folder: Path,
        peers: Sequence[Peer],
        holds: Callable[[str], bool],
        reporter: Reporter,
        *,
        now: Callable[[], datetime] | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        """Read what earlier runs left open; nothing is sent before `start`.

        Raises:
            StoreError: the disk refused.
        """
        self._peers = peers
        self._holds = holds
        self._reporter = reporter
        self._now = now or SystemClock().now
        self._pauses_s = pauses_s
        self._journal = Journal(folder / "commitments.jsonl")
        requests = {one.key: one for one in map(_request, self._journal.lines()) if one is not None}
        self._open = {key: one for key, one in requests.items() if not one.is_done}
        self._journal.rewrite(msgspec.json.encode(one) for one in self._open.values())
        self._tries: dict[str, tuple[int, float]] = {}
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="storage-commitment", daemon=True)

    def service(self) -> Service:
        """For the node."""
        return Service({STORAGE_COMMITMENT: PLAIN_SYNTAXES}, ((evt.EVT_N_ACTION, self._on_action),))

    def start(self) -> None:
        """Answer what is open, from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is doing; what is open stays for the next run."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _on_action(self, event: Any) -> tuple[int, Dataset | None]:
        title, address = event.assoc.requestor.ae_title, event.assoc.requestor.address
        if find_peer(self._peers, title, address) is None:
            return NOT_AUTHORISED, None
        if event.request.RequestedSOPInstanceUID != STORAGE_COMMITMENT_INSTANCE:
            return NO_SUCH_INSTANCE, None
        if event.action_type != REQUEST_COMMITMENT:
            return NO_SUCH_ACTION, None
        request = _asked(event.action_information, title, address, self._now())
        if request is None:
            return NO_SUCH_ARGUMENT, None
        try:
            self._journal.append(msgspec.json.encode(request), is_durable=True)
        except ClinicError as error:
            _log.error("commitment not taken, the device was told so", ae_title=title, error=str(error))
            return PROCESSING_FAILURE, None
        with self._changed:
            self._open[request.key] = request
            self._tries.pop(request.key, None)
            self._changed.notify()
        return SUCCESS, None

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_stopping:
                    return
                due = self._due()
                if due is None:
                    self._changed.wait(self._next_s())
                    continue
            self._try(due)

    def _due(self) -> Request | None:
        moment = time.monotonic()
        return next((one for key, one in self._open.items() if self._tries.get(key, (0, 0.0))[1] <= moment), None)

    def _next_s(self) -> float | None:
        """Seconds until the next try is due; None while nothing is open."""
        waiting = [self._tries[key][1] for key in self._open if key in self._tries]
        return max(min(waiting) - time.monotonic(), 0.01) if waiting else None

    def _try(self, request: Request) -> None:
        event_type, information = answer(request, self._holds)
        try:
            self._reporter.report(request, event_type, information)
        except DeviceUnavailable as error:
            if self._now() - request.asked_at < GIVES_UP:
                tried = self._tries.get(request.key, (0, 0.0))[0]
                pause = self._pauses_s[min(tried, len(self._pauses_s) - 1)]
                self._tries[request.key] = (tried + 1, time.monotonic() + pause)
                _log.warning("commitment not reported yet", ae_title=request.ae_title, error=str(error))
                return
            _log.error("commitment given up: the device never took it", ae_title=request.ae_title, error=str(error))
        done = msgspec.structs.replace(request, instances=(), is_done=True)
        try:
            self._journal.append(msgspec.json.encode(done), is_durable=False)
        except ClinicError as error:
            _log.warning("commitment will be reported again after a restart", error=str(error))
        with self._changed:
            if self._open.get(request.key) is request:
                del self._open[request.key]
            self._tries.pop(request.key, None)


def _asked(information: Dataset, title: str, address: str, now: datetime) -> Request | None:
    """The request, or None where it names no transaction or no instance, or too many."""
    transaction = str(information.get("TransactionUID") or "")[:64]
    sequence = information.get("ReferencedSOPSequence") or ()
    if not transaction or not 0 < len(sequence) <= MOST_INSTANCES:
        return None
    instances = tuple(
        Instance(str(item.get("ReferencedSOPClassUID") or ""), str(item.get("ReferencedSOPInstanceUID") or ""))
        for item in sequence
    )
    key = hashlib.sha256(f"{title}\0{transaction}".encode()).hexdigest()[:32]
    return Request(key, transaction, title, address, now, instances)


def _request(line: bytes) -> Request | None:
    try:
        return msgspec.json.decode(line, type=Request)
    except msgspec.MsgspecError:
        return None
