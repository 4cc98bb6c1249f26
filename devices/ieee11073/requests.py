"""What a manager says, as APDUs (IEEE 11073-20601-2008, annex A)."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Data, Event, envelope, event, presentation
from recordings.ieee11073.floats import float32
from recordings.ieee11073.mder import absolute_time, base_offset_time, octets, sequence, u16
from recordings.ieee11073.segments import AGENT_ABORT, ALL_SEGMENTS, MANAGER_CONFIRM, SegmentEvent

SYSTEM_ID: Final = b"\x02CLINIC\x01"
"""Our EUI-64: locally administered (bit 1 of its first byte), the same for every vehicle."""
UNDEFINED, CONFIGURATION_TIMEOUT = 0, 3
"""Reasons of an abort."""
CONFIGURATION_ACCEPTED, CONFIGURATION_UNSUPPORTED = 0, 1
NOT_ALLOWED: Final = 24
"""ErrorResult: not allowed by the object."""
_REPLACE: Final = 0
"""ModifyOperator."""
MDS: Final = 0
"""Handle of the device itself."""


def abort(reason: int = UNDEFINED) -> bytes:
    """The association is over at once."""
    return envelope(apdus.ABRT, u16(reason))


def released() -> bytes:
    """Answer to a release request."""
    return envelope(apdus.RLRE, u16(0))


def confirmed(invoke_id: int, told: Event, info: bytes = b"") -> bytes:
    """Answer to a confirmed event report: we have it."""
    return presentation(Data(invoke_id, apdus.EVENT_REPORT_RESULT, event(told.handle, told.type, info, time=0)))


def segment_confirmed(invoke_id: int, told: Event, segment: SegmentEvent) -> bytes:
    """Answer to stored entries: we have them."""
    status = segment.status & ~AGENT_ABORT | MANAGER_CONFIRM
    return confirmed(invoke_id, told, segment.description(status))


def configuration_answered(invoke_id: int, told: Event, number: int, result: int) -> bytes:
    """Answer to a configuration."""
    return confirmed(invoke_id, told, u16(number) + u16(result))


def refused(invoke_id: int) -> bytes:
    """An operation is not allowed now."""
    return presentation(Data(invoke_id, apdus.REMOTE_ERROR, u16(NOT_ALLOWED) + octets(b"")))


def get_attributes(invoke_id: int) -> bytes:
    """What does the device say of itself?"""
    return presentation(Data(invoke_id, apdus.GET, u16(MDS) + sequence(())))


def set_time(invoke_id: int, now: datetime) -> bytes:
    """SetTimeInvoke: the time, and an accuracy of 0, which means unknown."""
    return _action(invoke_id, MDS, mdc.ACT_SET_TIME, absolute_time(now) + float32(Decimal(0)))


def set_base_offset_time(invoke_id: int, now: datetime) -> bytes:
    """SetBOTimeInvoke: the same for a device that keeps base offset times."""
    return _action(invoke_id, MDS, mdc.ACT_SET_BO_TIME, base_offset_time(now))


def get_segments(invoke_id: int, store: int) -> bytes:
    """Which segments does the store have?"""
    return _action(invoke_id, store, mdc.ACT_SEG_GET_INFO, ALL_SEGMENTS)


def transfer(invoke_id: int, store: int, instance: int) -> bytes:
    """Send a segment."""
    return _action(invoke_id, store, mdc.ACT_SEG_TRIG_XFER, u16(instance))


def enable(invoke_id: int, scanner: int) -> bytes:
    """A scanner shall report: its operational state becomes enabled (1)."""
    enabled = u16(_REPLACE) + u16(mdc.ATTR_OP_STAT) + octets(u16(1))
    return presentation(Data(invoke_id, apdus.CONFIRMED_SET, u16(scanner) + sequence((enabled,))))


def _action(invoke_id: int, handle: int, kind: int, info: bytes) -> bytes:
    return presentation(Data(invoke_id, apdus.CONFIRMED_ACTION, event(handle, kind, info, time=None)))
