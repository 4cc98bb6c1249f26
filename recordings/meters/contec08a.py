"""One record of a Contec08A blood pressure meter, decoded; its layout and source are in `contec08a_layout`."""

from datetime import UTC
from decimal import Decimal
from typing import Final

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import Numeric
from recordings.meters.contec08a_layout import HIGH_SYSTOLIC, REPORT_SIZE, TOP, looks_like_contec08a, taken_at, user_of
from recordings.signal import DecodedRecording

FORMAT: Final = "contec08a"
_SYSTOLIC, _DIASTOLIC, _MEAN, _PULSE = (
    BY_KEY[key] for key in ("loinc:8480-6", "loinc:8462-4", "loinc:8478-0", "loinc:8867-4")
)
_MEAN_SHARE: Final = (Decimal("0.15"), Decimal("0.75"))
"""Where the mean lies between diastolic and systolic; 0.32 to 0.52 in the published records."""
_AGAIN = Hint("血压数据不完整，请重新读取。", "The blood pressure record is damaged; read the meter again.")
_CHECK = Hint("数值与血压计屏幕核对，手工录入。", "Compare with the meter's display and enter the values by hand.")


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
    if record[1] != TOP or marks not in {TOP, HIGH_SYSTOLIC}:
        raise RefusedInput(f"Contec08A: marks {record[:2].hex(' ')} were never seen before", hint=_CHECK)
    return value & 0x7F if marks == TOP and value & TOP else value
