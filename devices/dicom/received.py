"""An object on its way in: its bytes go to their durable place while they come, and nowhere else."""

import re
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from clinic_records.errors import ClinicError
from devices.delivery import Delivery
from devices.dicom.contexts import EXPLICIT_BIG_ENDIAN
from devices.dicom.part10 import part10_head

_log = structlog.get_logger()

_TAG_SIZE: Final = 4
_FIRST_GROUP: Final = 0x0008
"""Every composite object starts in group 0008: its SOP class and instance are there (PS3.3, section C.12.1)."""
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_UID = re.compile(r"[0-9.]{1,64}")
"""What may stand in a UID (PS3.5, section 9.1)."""


class Arrival(Protocol):
    """A place for one object; `keep` or `drop` ends it."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Append; `data` is not looked at afterwards."""

    def keep(self, delivery: Delivery, /) -> object:
        """Make it all durable; on return the device may be told yes."""

    def drop(self) -> None:
        """Forget it; harmless when done twice, or after `keep`."""


class Incoming:
    """One C-STORE from its first byte to its answer.

    A full disk or an object without end must not end the connection: it is noted here, the rest of the object is let
    pass, and the device hears "out of resources" for this object alone.

    Attributes:
        source_id: the SOP instance UID, empty where the device gave none that is one.
        refused: why it is not kept; empty while it is.
    """

    def __init__(
        self, begin: Callable[[], Arrival], *, sop_class: str, sop_instance: str, syntax: str, limit: int
    ) -> None:
        """Nothing is written before the first byte came; of `limit` bytes at most."""
        self._begin = begin
        self._named = sop_instance
        self.source_id = sop_instance if _UID.fullmatch(sop_instance) else ""
        self._head = part10_head(sop_class, self.source_id, syntax)
        self._syntax = syntax
        self._limit = limit
        self._size = 0
        self._start = b""
        self._arrival: Arrival | None = None
        self.refused = ""
        self._guarded(self._open)

    @property
    def fault(self) -> str:
        """Why it cannot be framed: the first element's tag alone is looked at, the rest is for the parser child."""
        if not self.source_id:
            return f"{self._named[:64]!r} is no UID of an object"
        if len(self._start) < _TAG_SIZE:
            return "the DICOM object is empty"
        if self._syntax == _DEFLATED:
            return ""
        group = int.from_bytes(self._start[:2], "big" if self._syntax == EXPLICIT_BIG_ENDIAN else "little")
        return "" if group == _FIRST_GROUP else f"the DICOM object starts with group {group:04x}, not with 0008"

    def write(self, data: memoryview) -> None:
        """Append `data`, or let it pass once something went wrong."""
        if len(self._start) < _TAG_SIZE:
            self._start += bytes(data[:_TAG_SIZE])
        self._size += len(data)
        if self._size > self._limit and not self.refused:
            self._refuse(f"the object has more than {self._limit} bytes")
        if self._arrival is not None:
            self._guarded(self._arrival.write, data)

    def keep(self, delivery: Delivery) -> bool:
        """Make it durable; whether it is, and if not `refused` says why."""
        if self._arrival is not None:
            self._guarded(self._arrival.keep, delivery)
        return not self.refused

    def drop(self) -> None:
        """The connection ended before the object did, or nobody wants it."""
        if self._arrival is not None:
            self._arrival.drop()
            self._arrival = None

    def _open(self) -> None:
        self._arrival = self._begin()
        self._arrival.write(self._head)

    def _guarded(self, act: Callable[..., object], *args: object) -> None:
        try:
            act(*args)
        except (ClinicError, OSError) as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001  whatever went wrong, the device must hear "no", not a broken association
            _log.exception("an object could not be kept")
            self._refuse(f"{type(error).__name__}: {error}")

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        self.drop()
