"""One record of a Contec08A blood pressure meter: the head of its user's list and the record, reports of 64 bytes each.

Head: 46 41 80 80, then 80 + number of records, ..., byte 13: 80 + user. Record: 82 80, systolic, then with the top bit
set diastolic, pulse rate, mean, year since 2000, month, 80, day, hour, minute, 80 and 91; zeros to the end.

Source: MarkMLl/contec08a, consoleapp.pas: reports seen on the wire beside the maker's own table of the same
measurements. There is no checksum, and all records seen have a systolic pressure from 128 on, written as a whole byte
behind 82. So a systolic byte below 80 is taken as it is, one from 80 on behind 82 too, and behind 80 (never seen) as
its low seven bits; any other mark is refused, and so are three pressures that do not fit each other.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import Numeric
from recordings.signal import DecodedRecording

FORMAT: Final = "contec08a"
MEDIA_TYPE: Final = "application/vnd.contec.08a-record"
REPORT_SIZE: Final = 64
LIST_HEAD: Final = b"\x46\x41"
_TOP: Final = 0x80
_HIGH_SYSTOLIC: Final = 0x82
_USED: Final = 16
"""Bytes of a report that are ever not zero."""
_SYSTOLIC, _DIASTOLIC, _MEAN, _PULSE = (
    BY_KEY[key] for key in ("loinc:8480-6", "loinc:8462-4", "loinc:8478-0", "loinc:8867-4")
)
_MEAN_SHARE: Final = (Decimal("0.15"), Decimal("0.75"))
"""Where the mean lies between diastolic and systolic; 0.32 to 0.52 in the published records."""
_AGAIN = Hint("血压数据不完整，请重新读取。", "The blood pressure record is damaged; read the meter again.")
_CHECK = Hint("数值与血压计屏幕核对，手工录入。", "Compare with the meter's display and enter the values by hand.")


def is_report(raw: bytes | bytearray) -> bool:
    """Whether the bytes are a report of the meter: an answer (40 to 4F) or a record."""
    if len(raw) != REPORT_SIZE or any(raw[_USED:]):
        return False
    return raw[0] & 0xF0 == 0x40 or is_record(raw)


def is_record(raw: bytes | bytearray) -> bool:
    """Whether the report is a record."""
    marked = (*raw[:2], *raw[3:14])
    return all(byte & _TOP for byte in marked) and not any(raw[14:])


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


def decode_contec08a(raw: bytes) -> DecodedRecording:
    """Pressures in mm[Hg] and pulse rate of one record.

    Raises:
        BadFrame: not the two reports, or a time that is none.
        RefusedInput: a mark nobody has seen, or pressures that do not fit each other.
    """
    if not looks_like_contec08a(raw):
        raise BadFrame(f"Contec08A: no list head and record, {len(raw)} bytes", hint=_AGAIN)
    head, record = raw[:REPORT_SIZE], raw[REPORT_SIZE:]
    taken = taken_at(record)
    if taken is None:
        raise BadFrame(f"Contec08A: date and time {record[6:12].hex(' ')}", hint=_AGAIN)
    systolic = _systolic(record)
    diastolic, pulse, mean = (byte & 0x7F for byte in record[3:6])
    low, high = (diastolic + share * (systolic - diastolic) for share in _MEAN_SHARE)
    if not (0 < diastolic < systolic and low <= mean <= high and pulse):
        told = f"{systolic}/{diastolic}, mean {mean}, pulse {pulse}"
        raise RefusedInput(f"Contec08A: {told} do not fit each other", hint=_CHECK)
    user = user_of(head)
    context = {"user": str(user)}
    return DecodedRecording(
        format=FORMAT,
        modality="blood-pressure",
        device={
            "manufacturer": "Contec",
            "model": "Contec08A",
            "source_id": f"{user}-{taken:%Y%m%d%H%M}-{record[2:6].hex()}",
            "time_zone": "assumed",
        },
        start=taken.astimezone(UTC),
        numerics=tuple(
            Numeric(row.as_code(), Quantity(Decimal(value), row.unit), None, context)
            for row, value in ((_SYSTOLIC, systolic), (_DIASTOLIC, diastolic), (_MEAN, mean), (_PULSE, pulse))
        ),
    )


def _systolic(record: bytes) -> int:
    marks, value = record[0], record[2]
    if record[1] != _TOP or marks not in {_TOP, _HIGH_SYSTOLIC}:
        raise RefusedInput(f"Contec08A: marks {record[:2].hex(' ')} were never seen before", hint=_CHECK)
    return value & 0x7F if marks == _TOP and value & _TOP else value


def encode_record(taken: datetime, *, systolic: int, diastolic: int, mean: int, pulse: int) -> bytes:
    """A record as those that were seen, for the simulator and the tests; `systolic` from 128 on."""
    local = taken.astimezone(CHINA)
    date = (local.year - 2000, local.month, 0, local.day, local.hour, local.minute, 0, 0x11)
    rest = (diastolic, pulse, mean, *date)
    return bytes((_HIGH_SYSTOLIC, _TOP, systolic, *(_TOP | value for value in rest))).ljust(REPORT_SIZE, b"\0")


def encode_head(user: int, count: int) -> bytes:
    """The head of a list, for the simulator and the tests."""
    return (LIST_HEAD + bytes((_TOP, _TOP, _TOP | count, 0x82, *[_TOP] * 7, _TOP | user))).ljust(REPORT_SIZE, b"\0")
