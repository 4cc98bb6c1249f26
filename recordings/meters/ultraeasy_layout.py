"""One record of a LifeScan OneTouch UltraEasy (UltraMini): seconds since 1970 u32, glucose in mg/dL u32.

Source: glucometerutils (MIT), otultraeasy.py.
"""

import struct
from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from recordings.meters.lifescan_record import RecordLayout

MEDIA_TYPE: Final = "application/vnd.lifescan.record"
LAYOUT: Final = RecordLayout(
    "OneTouch UltraEasy", b"\x05\x06", struct.Struct("<2sII"), datetime(1970, 1, 1, tzinfo=CHINA)
)


def looks_like_ultraeasy(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    return LAYOUT.is_like(raw)


def record_message(taken: datetime, mg_dl: int) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return LAYOUT.record.pack(LAYOUT.ok, LAYOUT.write_time(taken), mg_dl)
