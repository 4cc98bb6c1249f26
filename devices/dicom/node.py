"""The DICOM node of the vehicle: verification, modality worklist, storage. Runs in the listener's own process.

A device hears 0x0000 to its C-STORE only after `Arrival.keep` returned. No path is ever made of anything a peer sent.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from pynetdicom import AE, evt
from pynetdicom.transport import AssociationServer

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError, DeviceUnavailable
from devices.dicom import contexts
from devices.dicom.guard import refuse_stranger
from devices.dicom.matching import answer, matches
from devices.dicom.pdu import missing_of_request
from devices.dicom.reader import Acceptor
from devices.dicom.received import Arrival
from devices.dicom.service import Service
from devices.dicom.settings import DicomSettings
from devices.dicom.storage import CANNOT_UNDERSTAND, Storage
from devices.dicom.worklist import WorklistItem
from devices.transports.gate import BACKLOG, Caller, Gate
from devices.transports.places import Limits
from recordings.dicom.classes import STORED

_log = structlog.get_logger()

_PENDING: Final = 0xFF00
_CANCELLED: Final = 0xFE00
"""Status codes of PS3.4, table K.4-1 (C-FIND)."""
_MOST_ANSWERS: Final = 500
"""Worklist entries in one answer; no village has more people in a day."""
_ACSE_S: Final = 10.0
"""Longest wait for the next step of making or ending an association."""
_FULL: Final = bytes((0x03, 0, 0, 0, 0, 4, 0, 2, 3, 2))
"""A-ASSOCIATE-RJ, transient, by the presentation layer: local limit exceeded (PS3.8, table 9-21)."""


class DicomNode:
    """One listening application entity."""

    def __init__(
        self,
        settings: DicomSettings,
        worklist: Callable[[], Sequence[WorklistItem]],
        begin: Callable[[], Arrival],
        *,
        services: Sequence[Service] = (),
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Nothing listens yet.

        Args:
            settings: who may call, where to listen.
            worklist: today's open items, asked at each query, from several threads.
            begin: a durable place for one object that begins to come; called from several threads.
            services: what it does beside verification, worklist and storage.
            now: the vehicle's time, aware.

        Raises:
            ConfigError: nobody may call.
        """
        if not settings.peers:
            raise ConfigError("DICOM node: no device may call; the settings name none with an ae_title")
        self._settings = settings
        self._worklist = worklist
        self._storage = Storage(settings, begin, now or SystemClock().now)
        self._services = services
        self._gate: Gate | None = None
        self._server: Any = None

    def start(self) -> int:
        """Listen; the port bound.

        Raises:
            DeviceUnavailable: the port is taken.
        """
        settings = self._settings
        handlers: list[Any] = [(evt.EVT_REQUESTED, refuse_stranger, [settings.peers]), (evt.EVT_C_FIND, self._find)]
        handlers += [handler for service in self._services for handler in service.handlers]
        address = settings.host, settings.port
        try:
            self._server = self._entity().make_server(address, evt_handlers=handlers, server_class=AssociationServer)
        except OSError as error:
            raise DeviceUnavailable(f"DICOM port {settings.host}:{settings.port}: {error}") from error
        self._server.socket.listen(BACKLOG)
        self._gate = Gate(
            self._server.socket,
            self._serve,
            allowed={peer.address for peer in settings.peers},
            limits=Limits(in_all=settings.max_associations, first_s=_ACSE_S),
            missing=missing_of_request,
            refusal=_FULL,
        )
        self._gate.start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """End all associations and stop listening; harmless when done twice."""
        if self._gate is not None:
            self._gate.stop()
            self._gate = None

    def _entity(self) -> AE:
        """What we say of ourselves and take."""
        settings = self._settings
        ae = AE(settings.ae_title)
        ae.maximum_pdu_size = settings.max_pdu
        ae.maximum_associations = 2 * settings.max_associations  # those that just end count too: the gate decides
        ae.network_timeout = settings.network_timeout_s
        ae.dimse_timeout = settings.network_timeout_s
        ae.acse_timeout = _ACSE_S
        ae.require_called_aet = True
        ae.add_supported_context(contexts.VERIFICATION, list(contexts.PLAIN_SYNTAXES))
        ae.add_supported_context(contexts.MODALITY_WORKLIST_FIND, list(contexts.PLAIN_SYNTAXES))
        for sop_class in STORED:
            ae.add_supported_context(sop_class, list(contexts.TRANSFER_SYNTAXES))
        for service in self._services:
            for abstract_syntax, syntaxes in service.contexts.items():
                ae.add_supported_context(abstract_syntax, list(syntaxes))
        return ae

    def _serve(self, caller: Caller) -> None:
        Acceptor(caller, self._server, self._storage)

    def _find(self, event: Any) -> Iterator[tuple[int, Any]]:
        try:
            query = event.identifier
            items = [item for item in self._worklist() if matches(query, item)]
            found = [answer(query, item, event.assoc.requestor.ae_title) for item in items[:_MOST_ANSWERS]]
        except Exception:  # noqa: BLE001  a query we cannot read ends this query and nothing else
            _log.exception("worklist query failed", peer=event.assoc.requestor.ae_title)
            yield CANNOT_UNDERSTAND, None
            return
        for dataset in found:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, dataset
