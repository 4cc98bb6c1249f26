"""One record of a Contec08A blood pressure meter: the head of its user's list and the record, reports of 64 bytes each.

Head: 46 41 80 80, then 80 + number of records, ..., byte 13: 80 + user. Record: 82 80, systolic, then with the top bit
set diastolic, pulse rate, mean, year since 2000, month, 80, day, hour, minute, 80 and 91; zeros to the end.

Source: MarkMLl/contec08a, consoleapp.pas: reports seen on the wire beside the maker's own table of the same
measurements. There is no checksum, and all records seen have a systolic pressure from 128 on, written as a whole byte
behind 82. So a systolic byte below 80 is taken as it is, one from 80 on behind 82 too, and behind 80 (never seen) as
its low seven bits; any other mark is refused, and so are three pressures that do not fit each other.
"""

from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA

MEDIA_TYPE: Final = "application/vnd.contec.08a-record"
REPORT_SIZE: Final = 64
LIST_HEAD: Final = b"\x46\x41"
TOP: Final = 0x80
HIGH_SYSTOLIC: Final = 0x82
_USED: Final = 16
"""Bytes of a report that are ever not zero."""


def is_report(raw: bytes | bytearray) -> bool:
    """Whether the bytes are a report of the meter: an answer (40 to 4F) or a record."""
    if len(raw) != REPORT_SIZE or any(raw[_USED:]):
        return False
    return raw[0] & 0xF0 == 0x40 or is_record(raw)


def is_record(raw: bytes | bytearray) -> bool:
    """Whether the report is a record."""
    marked = (*raw[:2], *raw[3:14])
    return all(byte & TOP for byte in marked) and not any(raw[14:])


def count_of(head: bytes) -> int:
    """Records that follow the head of a list."""
    return head[4] & 0x7F


def user_of(head: bytes) -> int:
    """Whose list it is, 1 to 3."""
    return head[13] & 3


def taken_at(record: bytes) -> datetime | None:
    """When it was measured by the meter's clock, taken for China's time; None where its bytes are no date."""
    year, month, _, day, hour, minute = (byte & 0x7F for byte in record[6:12])
    try:
        return datetime(2000 + year, month, day, hour, minute, tzinfo=CHINA)
    except ValueError:
        return None


def looks_like_contec08a(raw: bytes) -> bool:
    """Whether the bytes are the head of a list and one record."""
    head, record = raw[:REPORT_SIZE], raw[REPORT_SIZE:]
    is_whole = len(record) == REPORT_SIZE and is_report(head) and is_report(record)
    return is_whole and head[:2] == LIST_HEAD and is_record(record)


def encode_record(taken: datetime, *, systolic: int, diastolic: int, mean: int, pulse: int) -> bytes:
    """A record as those that were seen, for the simulator and the tests; `systolic` from 128 on."""
    local = taken.astimezone(CHINA)
    date = (local.year - 2000, local.month, 0, local.day, local.hour, local.minute, 0, 0x11)
    rest = (diastolic, pulse, mean, *date)
    return bytes((HIGH_SYSTOLIC, TOP, systolic, *(TOP | value for value in rest))).ljust(REPORT_SIZE, b"\0")


def encode_head(user: int, count: int) -> bytes:
    """The head of a list, for the simulator and the tests."""
    return (LIST_HEAD + bytes((TOP, TOP, TOP | count, 0x82, *[TOP] * 7, TOP | user))).ljust(REPORT_SIZE, b"\0")
