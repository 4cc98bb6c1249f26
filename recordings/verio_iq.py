"""One record of a LifeScan OneTouch Verio IQ: what it answered for its unit and for the record.

An answer is 03, 06 and its data; the unit it displays: 0 mg/dL, 1 mmol/L, and three bytes more; a record: seconds since
2000 by the meter's wall clock u32, glucose in mg/dL u16, always, 1 for control solution, meal (0 none, 1 before, 2
after), two bytes of unknown meaning. Source: protocols.glucometers.tech, OneTouch Verio IQ.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint, RefusedInput
from recordings.glucose import glucose
from recordings.lifescan import MEASURING_RANGE, UNITS, messages
from recordings.signal import DecodedRecording

FORMAT: Final = "verio-iq"
MEDIA_TYPE: Final = "application/vnd.lifescan.verio-iq-record"
OK: Final = b"\x03\x06"
UNIT_SIZE: Final = 6
"""Bytes of the message that tells the unit."""
_RECORD: Final = struct.Struct("<2sIHBB2x")
RECORD_SIZE: Final = _RECORD.size
_MEALS: Final = {0: {}, 1: {"meal": "before"}, 2: {"meal": "after"}}
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=CHINA)
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")
_QUALITY = Hint("质控液结果请记入质控。", "Enter a control solution's result as quality control.")


def looks_like_verio_iq(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    found = messages(raw, UNIT_SIZE, RECORD_SIZE)
    return bool(found) and all(message[0] == OK[0] for message in found)


def read_time(seconds: int) -> datetime:
    """The meter's wall time in China's zone; it counts seconds as if there were no zones."""
    return _EPOCH + timedelta(seconds=seconds)


def write_time(time: datetime) -> int:
    """Seconds that the meter counts at `time`."""
    return round((time - _EPOCH).total_seconds())


def record_message(taken: datetime, mg_dl: int, meal: int = 0, *, is_control: bool = False) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return _RECORD.pack(OK, write_time(taken), mg_dl, int(is_control), meal)


def is_control(message: bytes) -> bool:
    """Whether a record's message is of control solution, which is nobody's blood."""
    return bool(_RECORD.unpack(message)[3])


def decode_verio_iq(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
        RefusedInput: control solution.
    """
    if not looks_like_verio_iq(raw):
        raise BadFrame(f"Verio IQ record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
    unit, record = messages(raw, UNIT_SIZE, RECORD_SIZE)
    status, seconds, mg_dl, control, mark = _RECORD.unpack(record)
    if unit[:2] != OK or status != OK or unit[2] not in UNITS:
        raise BadFrame(f"Verio IQ record: answers {unit.hex(' ')} and {status.hex(' ')}", hint=_AGAIN)
    if control:
        raise RefusedInput(f"Verio IQ: {mg_dl} mg/dL of control solution, nobody's glucose", hint=_QUALITY)
    taken = read_time(seconds)
    meal = _MEALS.get(mark)
    numerics, notes = glucose(mg_dl, MEASURING_RANGE, {"displayed": UNITS[unit[2]], **(meal or {})})
    return DecodedRecording(
        format=FORMAT,
        modality="glucose",
        device={
            "manufacturer": "LifeScan",
            "model": "OneTouch Verio IQ",
            "source_id": f"{seconds}-{mg_dl}",
            "time_zone": "assumed",
        },
        start=taken.astimezone(UTC),
        numerics=numerics,
        notes=(*notes, *([f"meal mark {mark:02X} is not known"] if meal is None else [])),
    )
