# ruff: noqa: SLF001  pynetdicom names no place for another reader of the wire
"""Reads the wire of one association in pynetdicom's place.

pynetdicom negotiates and ends associations and serves every message that is no object. It would collect an object in
memory and hand each fragment through two threads that poll; here the fragments go from the socket's buffer to their
durable place at once, and the answer leaves from the same thread.
"""

import select
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from pynetdicom.transport import AssociationServer, RequestHandler

from clinic_records.errors import BadFrame
from devices.dicom.flow import Began, Data, Ended, Flow, Passed
from devices.dicom.pdu import HEAD, P_DATA_TF, PduReader
from devices.dicom.received import Incoming
from devices.dicom.storage import Storage
from devices.transports.gate import Caller

_log = structlog.get_logger()

PDU_S: Final = 30.0
"""Seconds for one PDU from its first byte to its last: 128 KiB over the poorest Wi-Fi."""
NEXT_S: Final = 0.02
"""Seconds a device needs at most from our answer to its next object, when it sends one after the other."""
_ABORT: Final = bytes((0x07, 0, 0, 0, 0, 4, 0, 0, 2, 6))
"""A-ABORT by the service provider: invalid PDU parameter value (PS3.8, table 9-26)."""
_DATA_TRANSFER: Final = "Sta6"
"""The state in which P-DATA may come (PS3.8, table 9-10)."""
_CLOSED: Final = "Evt17"
"""Transport connection closed (PS3.8, table 9-10)."""


class Acceptor(RequestHandler):
    """One association from its request to its end; it serves on construction, as its base does."""

    def __init__(self, caller: Caller, server: AssociationServer, storage: Storage) -> None:
        """Returns when the association has ended."""
        self._caller = caller
        self._storage = storage
        super().__init__(caller.wire, (caller.address, caller.port), server)

    def handle(self) -> None:
        """Serve it.

        Raises:
            BadFrame: the association request is none.
        """
        association = self._create_association()
        reader = AssociationReader(association, self._storage, self._caller.spoke)
        reader.install(self._caller.first)
        association.start()
        association.join()
        association.dul.join()
        reader.close()


class AssociationReader:
    """Reads the wire of one association, in the thread of pynetdicom's upper layer provider."""

    def __init__(self, association: Any, storage: Storage, spoke: Callable[[], None]) -> None:
        """`spoke` is called when more came."""
        self._association = association
        self._spoke = spoke
        self._provider = association.dul
        self._storage = storage
        self._pdus = PduReader()
        self._flow = Flow()
        self._began: Began | None = None
        self._incoming: Incoming | None = None
        self._has_answered = False  # an object, as the last thing that was done

    def install(self, request: bytes) -> None:
        """Read in place of the association's own upper layer provider, which finds `request` come already.

        Raises:
            BadFrame: the request is none.
        """
        self._pass_on(request[0], request[HEAD.size :])
        self._provider._read_pdu_data = self._read_whole

    def _read_whole(self) -> None:
        """Read to the end of a PDU; of an object in full flow, to its end. Nothing is raised: events say it."""
        wire = self._provider.socket.socket
        before = wire.gettimeout()
        try:
            self._read(wire)
        except (OSError, BadFrame) as error:
            _log.warning("association ended", peer=self._association.requestor.address, error=str(error))
            if isinstance(error, BadFrame):
                self._provider.socket.send(_ABORT)
            self._close()
        except Exception:  # noqa: BLE001  pynetdicom's thread must get to its own end of the association
            _log.exception("association ended", peer=self._association.requestor.address)
            self._close()
        if wire.fileno() >= 0:
            wire.settimeout(before)

    def close(self) -> None:
        """The association has ended: let go of what it held, an object of which only a part came as well."""
        self._drop()
        del self._provider._read_pdu_data  # or its buffer would wait for the garbage collector

    def _drop(self) -> None:
        if self._incoming is not None:
            self._incoming.drop()
            self._incoming = None

    def _read(self, wire: Any) -> None:
        deadline = time.monotonic() + PDU_S
        while True:
            wire.settimeout(max(deadline - time.monotonic(), 0.001))
            size = wire.recv_into(self._pdus.room())
            if not size:
                self._close()
                return
            pdus = self._pdus.took(size)
            if pdus:
                self._spoke()
            for kind, body in pdus:
                self._take(kind, body)
            if self._provider._kill_thread or (self._pdus.is_between and not self._is_more_at_once(wire)):
                return
            if pdus:
                deadline = time.monotonic() + PDU_S
                self._provider._idle_timer.restart()

    def _is_more_at_once(self, wire: Any) -> bool:
        """Whether to read on without a turn of pynetdicom's loop, which sleeps when it finds nothing.

        Inside an object nothing else can come or has to be said; after one, the next often follows at once.
        """
        if self._incoming is not None:
            return True
        if not self._has_answered:
            return False
        self._has_answered = False
        return bool(select.select([wire], [], [], NEXT_S)[0])

    def _take(self, kind: int, body: memoryview) -> None:
        if kind != P_DATA_TF or self._provider.state_machine.current_state != _DATA_TRANSFER:
            self._pass_on(kind, bytes(body))
            return
        for event in self._flow.feed(body):
            match event:
                case Data(data):
                    if self._incoming is not None:
                        self._incoming.write(data)
                case Began():
                    self._begin(event)
                case Ended():
                    self._end()
                case Passed(whole):
                    self._pass_on(P_DATA_TF, whole)

    def _begin(self, began: Began) -> None:
        context = self._association._accepted_cx.get(began.context)
        if context is None:
            raise BadFrame(f"an object in presentation context {began.context}, which was not accepted")
        self._began = began
        self._incoming = self._storage.begin(
            str(context.abstract_syntax), began.command.sop_instance, str(context.transfer_syntax[0])
        )

    def _end(self) -> None:
        began, incoming = self._began, self._incoming
        if began is None or incoming is None:
            return
        requestor = self._association.requestor
        status = self._storage.end(incoming, requestor.ae_title, requestor.address)
        self._incoming = None
        self._has_answered = True
        self._provider.socket.send(began.command.store_response(began.context, status))

    def _pass_on(self, kind: int, body: bytes) -> None:
        """Let pynetdicom have it."""
        try:
            pdu, event = self._provider._decode_pdu(bytearray(HEAD.pack(kind, len(body)) + body))
        except Exception as error:  # pynetdicom raises whatever a broken PDU leads it to
            raise BadFrame(f"PDU of type {kind:#04x}: {type(error).__name__}: {error}") from error
        self._provider.event_queue.put(event)
        self._provider._recv_pdu.put(pdu)

    def _close(self) -> None:
        self._drop()
        self._provider.event_queue.put(_CLOSED)
