"""One record of a LifeScan OneTouch UltraEasy, decoded; its layout and source are in `ultraeasy_layout`."""

from datetime import UTC
from typing import Final

from clinic_records.errors import BadFrame, Hint
from recordings.meters.glucose import glucose
from recordings.meters.lifescan import MEASURING_RANGE, UNITS, messages
from recordings.meters.ultraeasy_layout import OK, RECORD, UNIT_SIZE, looks_like_ultraeasy, read_time
from recordings.signal import DecodedRecording

FORMAT: Final = "ultraeasy"
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")


def decode_ultraeasy(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
    """
    if not looks_like_ultraeasy(raw):
        raise BadFrame(f"UltraEasy record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
    unit, record = messages(raw, UNIT_SIZE, RECORD.size)
    status, seconds, mg_dl = RECORD.unpack(record)
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
