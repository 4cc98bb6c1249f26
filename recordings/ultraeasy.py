"""One record of a LifeScan OneTouch UltraEasy (UltraMini): what it answered for its unit and for the record.

An answer is 05, 06 and its data; the unit it displays: 0 mg/dL, 1 mmol/L, and three bytes more; a record: seconds since
1970 by the meter's wall clock u32, glucose in mg/dL u32, always.

Source: glucometerutils (MIT), otultraeasy.py.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint
from recordings.glucose import glucose
from recordings.lifescan import MEASURING_RANGE, UNITS, messages
from recordings.signal import DecodedRecording

FORMAT: Final = "ultraeasy"
MEDIA_TYPE: Final = "application/vnd.lifescan.record"
OK: Final = b"\x05\x06"
UNIT_SIZE: Final = 6
"""Bytes of the message that tells the unit."""
_RECORD: Final = struct.Struct("<2sII")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=CHINA)
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")


def looks_like_ultraeasy(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    found = messages(raw, UNIT_SIZE, _RECORD.size)
    return bool(found) and all(message[0] == OK[0] for message in found)


def read_time(seconds: int) -> datetime:
    """The meter's wall time in China's zone; it counts seconds as if there were no zones."""
    return _EPOCH + timedelta(seconds=seconds)


def write_time(time: datetime) -> int:
    """Seconds that the meter counts at `time`."""
    return round((time - _EPOCH).total_seconds())


def record_message(taken: datetime, mg_dl: int) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return _RECORD.pack(OK, write_time(taken), mg_dl)


def decode_ultraeasy(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
    """
    if not looks_like_ultraeasy(raw):
        raise BadFrame(f"UltraEasy record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
    unit, record = messages(raw, UNIT_SIZE, _RECORD.size)
    status, seconds, mg_dl = _RECORD.unpack(record)
    if unit[:2] != OK or status != OK or unit[2] not in UNITS:
        raise BadFrame(f"UltraEasy record: answers {unit.hex(' ')} and {status.hex(' ')}", hint=_AGAIN)
    taken = read_time(seconds)
    numerics, notes = glucose(mg_dl, MEASURING_RANGE, {"displayed": UNITS[unit[2]]})
    return DecodedRecording(
        format=FORMAT,
        modality="glucose",
        device={
            "manufacturer": "LifeScan",
            "model": "OneTouch UltraEasy",
            "source_id": f"{seconds}-{mg_dl}",
            "time_zone": "assumed",
        },
        start=taken.astimezone(UTC),
        numerics=numerics,
        notes=tuple(notes),
    )
