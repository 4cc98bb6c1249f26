"""One record of a LifeScan OneTouch UltraEasy (UltraMini): what it answered for its unit and for the record.

An answer is 05, 06 and its data; the unit it displays: 0 mg/dL, 1 mmol/L, and three bytes more; a record: seconds since
1970 by the meter's wall clock u32, glucose in mg/dL u32, always.

Source: glucometerutils (MIT), otultraeasy.py.
"""

import struct
from datetime import datetime, timedelta
from typing import Final

from clinic_records.clock import CHINA
from recordings.meters.lifescan import messages

MEDIA_TYPE: Final = "application/vnd.lifescan.record"
OK: Final = b"\x05\x06"
UNIT_SIZE: Final = 6
"""Bytes of the message that tells the unit."""
RECORD: Final = struct.Struct("<2sII")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=CHINA)


def looks_like_ultraeasy(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    found = messages(raw, UNIT_SIZE, RECORD.size)
    return bool(found) and all(message[0] == OK[0] for message in found)


def read_time(seconds: int) -> datetime:
    """The meter's wall time in China's zone; it counts seconds as if there were no zones."""
    return _EPOCH + timedelta(seconds=seconds)


def write_time(time: datetime) -> int:
    """Seconds that the meter counts at `time`."""
    return round((time - _EPOCH).total_seconds())


def record_message(taken: datetime, mg_dl: int) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return RECORD.pack(OK, write_time(taken), mg_dl)
