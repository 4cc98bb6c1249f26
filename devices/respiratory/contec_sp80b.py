"""The Contec SP80B spirometer: we ask, it answers. From documentation only; not confirmed with a device.

Source: `tikhonp/contec-spirometer-ios-app`, `spirometer/ContecSDK` (a public client of its Bluetooth service; the
same bytes are taken to run over its serial line). Order of the dialogue, host > device:

80 start > F0 · 83 set time > F3 · 82 > F2 · 94 > E4 predicted values · 90 list > E0 count ·
91 00 first > E1 result · 92 capture > E2 wave · 91 01 next > E1 ... · 91 7E end, keep > E1 7E

We never send 91 7F or 93 (delete): what a device holds is not ours to destroy. After the end we list again at each
silence, so a blow made while connected arrives without anybody asking.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.ids import sha256_hex
from devices.driver import Driver
from devices.framing import sp80b
from devices.framing.base import Frame
from devices.framing.sp80b import Sp80bFraming
from recordings.spirometry.sp80b_layout import MEDIA_TYPE, NOTHING_MORE, checksum7, get_u14

NEWNESS: Final = timedelta(minutes=10)
"""A result further from the connection's start, by the device's clock, is an old one (hazard H02)."""
_MOST_KNOWN: Final = 1 << 14
"""Record numbers have 14 bits."""


def command(*words: int) -> bytes:
    """A host message: its bytes and their checksum (sum, low 7 bits)."""
    return bytes((*words, checksum7(bytes(words))))


START: Final = b"\x80\x00"
LIST: Final = b"\x90\x10"
"""These two carry no checksum in the source."""
FIRST: Final = command(0x91, 0x00, 0x01)
NEXT: Final = command(0x91, 0x01, 0x01)
END_KEEP: Final = command(0x91, 0x7E, 0x01)
CAPTURE: Final = command(0x92, 0x00)
_REPLIES: Final[Mapping[int, bytes]] = {
    sp80b.TIME_SET: command(0x82),
    sp80b.INFORMATION: command(0x94),
    sp80b.PREDICTED: LIST,
}


def set_time(now: datetime) -> bytes:
    """The command that sets the device's clock, which keeps China's wall time."""
    local = now.astimezone(CHINA)
    ms = local.microsecond // 1000
    date_and_time = (local.year - 2000 & 0x7F, local.month, local.day, local.hour, local.minute, local.second)
    return command(0x83, *date_and_time, ms & 0x7F, ms >> 7)


def device_time(result: bytes) -> datetime | None:
    """When the result was measured by the device's clock; None where its bytes are no date."""
    try:
        return datetime(2000 + result[5], result[6], result[7], result[8], result[9], result[10], tzinfo=CHINA)
    except ValueError:
        return None


class ContecSp80b(Driver):
    """One connection: takes every record it has not taken in this connection, and tells old ones from new."""

    name = "contec-sp80b"
    media_type = MEDIA_TYPE
    _is_ready = False
    _count = 0
    _taken = 0
    _known_count = 0

    def framing(self) -> Sp80bFraming:
        """A fresh framing that marks old results."""
        return Sp80bFraming(self._session_frame)

    def greeting(self) -> bytes:
        """Start."""
        self._connected_at = self._now()
        self._known: set[str] = set()
        return START

    def answer(self, frame: Frame) -> bytes:
        """The next word of the dialogue."""
        if frame.media_type == MEDIA_TYPE:
            return self._after_session(frame.raw)
        kind = frame.raw[0]
        if kind == sp80b.STARTED:
            return set_time(self._now())
        if kind == sp80b.COUNT:
            return self._after_count(get_u14(frame.raw, 1))
        if kind == sp80b.RESULT and frame.raw[1] not in NOTHING_MORE:
            return CAPTURE
        return _REPLIES.get(kind, b"")

    def on_idle(self) -> bytes:
        """List again, or start again where the device never answered."""
        return LIST if self._is_ready else START

    def _after_count(self, count: int) -> bytes:
        self._is_ready = True
        self._count = count
        self._taken = 0
        if count == self._known_count:
            return b""
        if count < self._known_count:  # somebody emptied the device
            self._known_count = 0
        return FIRST if count else b""

    def _after_session(self, raw: bytes) -> bytes:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(_identity(raw))
        self._taken += 1
        if self._taken < self._count:
            return NEXT
        self._known_count = self._count
        return END_KEEP

    def _session_frame(self, raw: bytes) -> Frame:
        return Frame(raw, MEDIA_TYPE, deliver=_identity(raw) not in self._known, from_memory=self._is_old(raw))

    def _is_old(self, raw: bytes) -> bool:
        """More than one new record at once is a dump of the memory; so is one made at another time than now."""
        made_at = device_time(raw)
        if self._count - self._known_count > 1 or made_at is None:
            return True
        return not self._connected_at - NEWNESS <= made_at <= self._now() + NEWNESS


def _identity(raw: bytes) -> str:
    """A record's hash without its place in the transfer, which changes from list to list."""
    return sha256_hex(_without_place(raw))


def _without_place(raw: bytes) -> bytes:
    return raw[:1] + raw[2:43] + raw[44:45] + raw[47:]
