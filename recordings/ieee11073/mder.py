"""Medical device encoding rules (MDER, IEEE 11073-20601-2008, annex F): big-endian fields, read within their bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint

_AGAIN: Final = Hint("设备传来的数据不完整，请重新测量。", "The device's data is damaged; measure again.")
ABSOLUTE_TIME_SIZE: Final = 8
_BASE: Final = datetime(1900, 1, 1, tzinfo=UTC)
_WIDEST_ZONE: Final = timedelta(hours=14)
MOST_ENTRIES: Final = 256
"""Entries of a list that describes something; what one entry costs later, an attacker cannot multiply beyond."""


def damaged(message: str) -> BadFrame:
    """The error for bytes that break the encoding."""
    return BadFrame(f"IEEE 11073-20601: {message}", hint=_AGAIN)


class Reader:
    """Reads fields from `data` front to back and never past its end; `what` names the structure in errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            BadFrame: there are fewer.
        """
        if size > self.left:
            raise damaged(f"{self._what} ends {size - self.left} bytes too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        """All bytes not read yet."""
        return self.take(self.left)

    def u16(self) -> int:
        """INT-U16."""
        return int.from_bytes(self.take(2))

    def u32(self) -> int:
        """INT-U32."""
        return int.from_bytes(self.take(4))

    def octets(self) -> bytes:
        """OCTET STRING or ANY DEFINED BY: a u16 length and as many bytes."""
        return self.take(self.u16())

    def entries(self, what: str, most: int = MOST_ENTRIES) -> Iterator["Reader"]:
        """SEQUENCE OF: a u16 count, a u16 length; yields the reader of the list once for each entry.

        Raises:
            BadFrame: the entries do not fill the list's length exactly, or are more than `most`.
        """
        count = self.u16()
        if count > most:
            raise damaged(f"{what}: {count} entries, at most {most} are read")
        inner = Reader(self.octets(), what)
        for _ in range(count):
            if not inner.left:
                raise damaged(f"{what}: {count} entries announced, the list is shorter")
            yield inner
        inner.end()

    def end(self) -> None:
        """Make sure that everything was read.

        Raises:
            BadFrame: bytes are left.
        """
        if self.left:
            raise damaged(f"{self._what} has {self.left} bytes too many")


def u16(value: int) -> bytes:
    """INT-U16."""
    return value.to_bytes(2)


def u32(value: int) -> bytes:
    """INT-U32."""
    return value.to_bytes(4)


def octets(data: bytes) -> bytes:
    """OCTET STRING."""
    return u16(len(data)) + data


def sequence(entries: tuple[bytes, ...]) -> bytes:
    """SEQUENCE OF: count, length, entries."""
    return u16(len(entries)) + octets(b"".join(entries))


def read_absolute_time(data: bytes) -> datetime | None:
    """AbsoluteTime: century, year, month, day, hour, minute, second, hundredths, each two BCD digits.

    The standard keeps the device's wall time without a zone; China's is taken. None where the digits are no date
    (a clock that was never set).

    Raises:
        BadFrame: not eight bytes.
    """
    if len(data) != ABSOLUTE_TIME_SIZE:
        raise damaged(f"an absolute time of {len(data)} bytes instead of {ABSOLUTE_TIME_SIZE}")
    digits = data.hex()
    if not digits.isdecimal():
        return None
    century_year, month, day, hour, minute, second, hundredths = (
        int(digits[:4]),
        *(int(digits[at : at + 2]) for at in range(4, 16, 2)),
    )
    try:
        return datetime(century_year, month, day, hour, minute, second, hundredths * 10_000, tzinfo=CHINA)
    except ValueError:
        return None


def read_base_offset_time(data: bytes) -> datetime | None:
    """BaseOffsetTime (20601-2014): seconds since 1900 UTC u32, 1/65536 s u16, local minutes east of it i16.

    None where it is zero (a clock that was never set) or the offset is no zone.

    Raises:
        BadFrame: not eight bytes.
    """
    if len(data) != ABSOLUTE_TIME_SIZE:
        raise damaged(f"a base offset time of {len(data)} bytes instead of {ABSOLUTE_TIME_SIZE}")
    seconds, offset = int.from_bytes(data[:4]), timedelta(minutes=int.from_bytes(data[6:], signed=True))
    if not seconds or abs(offset) > _WIDEST_ZONE:
        return None
    fraction = timedelta(microseconds=int.from_bytes(data[4:6]) * 1_000_000 // 65_536)
    return (_BASE + timedelta(seconds=seconds) + fraction).astimezone(timezone(offset))


def base_offset_time(instant: datetime) -> bytes:
    """BaseOffsetTime of an aware datetime before 2036, with China's offset."""
    minutes = CHINA.utcoffset(None) // timedelta(minutes=1)
    return u32(int((instant - _BASE).total_seconds())) + u16(0) + u16(minutes)


def absolute_time(instant: datetime) -> bytes:
    """AbsoluteTime of an aware datetime, as China's wall time."""
    local = instant.astimezone(CHINA)
    return bytes.fromhex(f"{local:%Y%m%d%H%M%S}{local.microsecond // 10_000:02}")
