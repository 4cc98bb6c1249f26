"""The DICOM node of the vehicle: verification, modality worklist, storage. Runs in the listener's own process.

A device hears 0x0000 to its C-STORE only after `deliver` returned. No path is ever made of anything a peer sent.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from pynetdicom import AE, _config, dimse_messages, evt

from clinic_records.clock import Stamp, SystemClock
from clinic_records.errors import ClinicError, ConfigError, DeviceUnavailable
from devices.delivery import Delivery
from devices.dicom import contexts
from devices.dicom.guard import PLACES, Door, end, find_peer, refuse_stranger
from devices.dicom.matching import answer, matches
from devices.dicom.part10 import dataset_offset
from devices.dicom.received import ReceivedFile
from devices.dicom.service import Service
from devices.dicom.settings import DicomSettings
from devices.dicom.worklist import WorklistItem
from recordings.dicom_classes import STORED

_log = structlog.get_logger()

MEDIA_TYPE: Final = "application/dicom"
SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000
_PENDING: Final = 0xFF00
_CANCELLED: Final = 0xFE00
"""Status codes of PS3.4, tables B.2-1 and K.4-1 (C-STORE, C-FIND)."""
_MOST_ANSWERS: Final = 500
"""Worklist entries in one answer; no village has more people in a day."""
_ACSE_S: Final = 10.0
"""A caller that connects and says nothing for so long is put out."""
_TAG_SIZE: Final = 4
_FIRST_GROUP: Final = 0x0008
"""Every composite object starts in group 0008: its SOP class and instance are there (PS3.3, section C.12.1)."""


class DicomNode:
    """One listening application entity. One a process: pynetdicom keeps its temp file folder in a module."""

    def __init__(
        self,
        settings: DicomSettings,
        worklist: Callable[[], Sequence[WorklistItem]],
        deliver: Callable[[Delivery, Path], None],
        *,
        services: Sequence[Service] = (),
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Nothing listens yet.

        Args:
            settings: who may call, where to listen.
            worklist: today's open items, asked at each query, from several threads.
            deliver: makes the DICOM file durable and returns only then; called from several threads. The file is
                removed afterwards.
            services: what it does beside verification, worklist and storage.
            now: the vehicle's time, aware.

        Raises:
            ConfigError: nobody may call.
        """
        if not settings.peers:
            raise ConfigError("DICOM node: no device may call; the settings name none with an ae_title")
        self._settings = settings
        self._worklist = worklist
        self._deliver = deliver
        self._services = services
        self._now = now or SystemClock().now
        self._server: Any = None
        self._receive_faults: dict[str, str] = {}

    def start(self) -> int:
        """Listen; the port bound.

        Raises:
            DeviceUnavailable: the port is taken.
        """
        folder = self._settings.temp_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in folder.glob("*.dcm"):
            leftover.unlink(missing_ok=True)
        _config.STORE_RECV_CHUNKED_DATASET = True
        # pynetdicom has no setting for where its chunks go.
        vars(dimse_messages)["NamedTemporaryFile"] = partial(
            ReceivedFile, folder, self._settings.max_object, self._receive_faults
        )
        ae = AE(self._settings.ae_title)
        ae.maximum_pdu_size = self._settings.max_pdu
        ae.maximum_associations = self._settings.max_associations + PLACES  # pynetdicom counts both
        ae.network_timeout = self._settings.network_timeout_s
        ae.dimse_timeout = self._settings.network_timeout_s
        ae.acse_timeout = _ACSE_S
        ae.require_called_aet = True
        ae.add_supported_context(contexts.VERIFICATION, list(contexts.PLAIN_SYNTAXES))
        ae.add_supported_context(contexts.MODALITY_WORKLIST_FIND, list(contexts.PLAIN_SYNTAXES))
        for sop_class in STORED:
            ae.add_supported_context(sop_class, list(contexts.TRANSFER_SYNTAXES))
        for service in self._services:
            for abstract_syntax, syntaxes in service.contexts.items():
                ae.add_supported_context(abstract_syntax, list(syntaxes))
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, Door().opened),
            (evt.EVT_REQUESTED, refuse_stranger, [self._settings.peers]),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_CONN_CLOSE, self._drop_half_object),
        ]
        handlers += [handler for service in self._services for handler in service.handlers]
        try:
            self._server = ae.start_server(
                (self._settings.host, self._settings.port), block=False, evt_handlers=handlers
            )
        except OSError as error:
            raise DeviceUnavailable(f"DICOM port {self._settings.host}:{self._settings.port}: {error}") from error
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """End all associations and stop listening; harmless when done twice."""
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            for association in server.ae.active_associations:
                end(association)

    def _store(self, event: Any) -> int:
        title, address = event.assoc.requestor.ae_title, event.assoc.requestor.address
        peer = find_peer(self._settings.peers, title, address)
        if peer is None:  # refused at association already
            return CANNOT_UNDERSTAND
        path = event.dataset_path
        if path is None:
            return CANNOT_UNDERSTAND
        spoilt = self._receive_faults.pop(str(path), "")
        if spoilt:
            _log.error("not received, the device was told so", ae_title=title, error=spoilt)
            return OUT_OF_RESOURCES
        fault = _framing_fault(path, event.context.transfer_syntax)
        delivery = Delivery(
            device=peer.device,
            driver="dicom",
            stamp=Stamp(vehicle_time=self._now()),
            media_type=MEDIA_TYPE,
            source_id=str(event.request.AffectedSOPInstanceUID),
            peer=f"{title}@{address}",
            fault=fault,
        )
        try:
            self._deliver(delivery, path)
        except (ClinicError, OSError) as error:
            _log.error("not kept, the device was told so", peer=delivery.peer, error=str(error))
            return OUT_OF_RESOURCES
        except Exception:  # noqa: BLE001  whatever went wrong, the device must hear "no", not a broken association
            _log.exception("not kept, the device was told so", peer=delivery.peer)
            return OUT_OF_RESOURCES
        return CANNOT_UNDERSTAND if fault else SUCCESS

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

    def _drop_half_object(self, event: Any) -> None:
        """Remove the temp file of an object whose connection ended before its last byte."""
        file = getattr(event.assoc.dimse.message, "_data_set_file", None)
        if file is not None:
            file.close()
            Path(file.name).unlink(missing_ok=True)
            self._receive_faults.pop(file.name, None)


def _framing_fault(path: Path, syntax: str) -> str:
    """Why the object cannot be framed; looks at the first element's tag only, the rest is for the parser child."""
    with path.open("rb") as file:
        file.seek(dataset_offset(file))
        head = file.read(_TAG_SIZE)
    if len(head) < _TAG_SIZE:
        return "the DICOM object is empty"
    if syntax == contexts.DEFLATED:
        return ""  # its first tag is seen by whoever unpacks it
    group = int.from_bytes(head[:2], "big" if syntax == contexts.EXPLICIT_BIG_ENDIAN else "little")
    return "" if group == _FIRST_GROUP else f"the DICOM object starts with group {group:04x}, not with 0008"
