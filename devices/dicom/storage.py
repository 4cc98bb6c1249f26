"""The storage service: what happens to an object that a device stores, and what the device is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from clinic_records.clock import Stamp
from devices.delivery import Delivery
from devices.dicom.guard import find_peer
from devices.dicom.received import Arrival, Incoming
from devices.dicom.settings import DicomSettings

_log = structlog.get_logger()

MEDIA_TYPE: Final = "application/dicom"
SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000
"""Status codes of PS3.4, table B.2-1 (C-STORE)."""


class Storage:
    """What happens to an object, whoever's association it comes on."""

    def __init__(self, settings: DicomSettings, begin: Callable[[], Arrival], now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._begin = begin
        self._now = now

    def begin(self, sop_class: str, sop_instance: str, syntax: str) -> Incoming:
        """A device begins to store an object."""
        return Incoming(
            self._begin,
            sop_class=sop_class,
            sop_instance=sop_instance,
            syntax=syntax,
            limit=self._settings.max_object,
        )

    def end(self, incoming: Incoming, title: str, address: str) -> int:
        """Its last byte is here: make it durable; the status for the device."""
        peer = find_peer(self._settings.peers, title, address)
        if peer is None:  # refused at association already
            incoming.drop()
            return CANNOT_UNDERSTAND
        fault = incoming.fault
        delivery = Delivery(
            device=peer.device,
            driver="dicom",
            stamp=Stamp(vehicle_time=self._now()),
            media_type=MEDIA_TYPE,
            source_id=incoming.source_id,
            peer=f"{title}@{address}",
            fault=fault,
        )
        if not incoming.keep(delivery):
            _log.error("not kept, the device was told so", peer=delivery.peer, error=incoming.refused)
            return OUT_OF_RESOURCES
        return CANNOT_UNDERSTAND if fault else SUCCESS
