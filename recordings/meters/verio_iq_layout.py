"""One record of a LifeScan OneTouch Verio IQ: seconds since 2000 u32, glucose in mg/dL u16, and its marks.

They are 1 for control solution, meal (0 none, 1 before, 2 after), and two bytes of unknown meaning. Source:
protocols.glucometers.tech, OneTouch Verio IQ.
"""

import struct
from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from recordings.meters.lifescan_record import RecordLayout

MEDIA_TYPE: Final = "application/vnd.lifescan.verio-iq-record"
LAYOUT: Final = RecordLayout(
    "OneTouch Verio IQ", b"\x03\x06", struct.Struct("<2sIHBB2x"), datetime(2000, 1, 1, tzinfo=CHINA)
)


def looks_like_verio_iq(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    return LAYOUT.is_like(raw)


def record_message(taken: datetime, mg_dl: int, meal: int = 0, *, is_control: bool = False) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return LAYOUT.record.pack(LAYOUT.ok, LAYOUT.write_time(taken), mg_dl, int(is_control), meal)


def is_control(message: bytes) -> bool:
    """Whether a record's message is of control solution, which is nobody's blood."""
    return bool(LAYOUT.record.unpack(message)[3])
