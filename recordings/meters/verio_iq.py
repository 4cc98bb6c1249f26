"""One record of a LifeScan OneTouch Verio IQ, decoded; its layout and source are in `verio_iq_layout`."""

from datetime import UTC
from typing import Final

from clinic_records.errors import BadFrame, Hint, RefusedInput
from recordings.meters.glucose import glucose
from recordings.meters.lifescan import MEASURING_RANGE, UNITS, messages
from recordings.meters.verio_iq_layout import OK, RECORD, UNIT_SIZE, looks_like_verio_iq, read_time
from recordings.signal import DecodedRecording

FORMAT: Final = "verio-iq"
_MEALS: Final = {0: {}, 1: {"meal": "before"}, 2: {"meal": "after"}}
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")
_QUALITY = Hint("质控液结果请记入质控。", "Enter a control solution's result as quality control.")


def decode_verio_iq(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
        RefusedInput: control solution.
    """
    if not looks_like_verio_iq(raw):
        raise BadFrame(f"Verio IQ record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
    unit, record = messages(raw, UNIT_SIZE, RECORD.size)
    status, seconds, mg_dl, control, mark = RECORD.unpack(record)
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
