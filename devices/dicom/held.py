"""Which instances the vehicle holds durably: what a storage commitment is answered from."""

import threading
from pathlib import Path
from typing import Final

import structlog

from clinic_records.errors import StoreError
from devices.delivery import Delivery
from devices.dicom.journal import Journal

MEDIA_TYPE: Final = "application/dicom"
MOST: Final = 200_000
"""Instances remembered over a restart: months of a vehicle. One that is forgotten is answered as not held, so the
device keeps it or sends it again: the safe mistake."""

_log = structlog.get_logger()


class HeldInstances:
    """SOP instance UIDs of everything that was made durable."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier runs remembered in `folder`.

        Raises:
            StoreError: the disk refused.
        """
        self._journal = Journal(folder / "held.txt")
        known = self._journal.lines()[-MOST:]
        self._journal.rewrite(known)
        self._uids = set(known)
        self._lock = threading.Lock()

    def remember(self, delivery: Delivery) -> None:
        """After `delivery` is durable; one with a fault was refused and is not held.

        Not fsynced, and not raised where the disk refuses: what is forgotten is answered as not held.
        """
        uid = delivery.source_id.encode()
        if delivery.media_type != MEDIA_TYPE or delivery.fault or not uid or b"\n" in uid:
            return
        with self._lock:
            if uid in self._uids:
                return
            self._uids.add(uid)
        try:
            self._journal.append(uid, is_durable=False)
        except StoreError as error:
            _log.warning("a held instance will be forgotten at the next start", error=str(error))

    def holds(self, uid: str) -> bool:
        """Whether the instance is held."""
        return uid.encode() in self._uids
