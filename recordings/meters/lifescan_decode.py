"""Records of LifeScan meters, decoded; their layouts and sources are in `ultraeasy_layout` and `verio_iq_layout`."""

from collections.abc import Mapping
from datetime import UTC
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from recordings.meters import ultraeasy_layout, verio_iq_layout
from recordings.meters.glucose import glucose
from recordings.meters.lifescan_record import RecordLayout, Told
from recordings.signal import DecodedRecording

_MEASURING_RANGE: Final = range(20, 601)
"""mg/dL; beyond it the meters display LO and HI (owner's booklets)."""
_MEALS: Final = {0: {}, 1: {"meal": "before"}, 2: {"meal": "after"}}
_QUALITY = Hint("质控液结果请记入质控。", "Enter a control solution's result as quality control.")


def decode_ultraeasy(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
    """
    layout = ultraeasy_layout.LAYOUT
    return _recording("ultraeasy", layout, layout.read(raw), {})


def decode_verio_iq(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
        RefusedInput: control solution.
    """
    layout = verio_iq_layout.LAYOUT
    told = layout.read(raw)
    control, mark = told.marks
    if control:
        raise RefusedInput(f"{layout.model}: {told.mg_dl} mg/dL of control solution, nobody's glucose", hint=_QUALITY)
    if mark not in _MEALS:
        return _recording("verio-iq", layout, told, {}, f"meal mark {mark:02X} is not known")
    return _recording("verio-iq", layout, told, _MEALS[mark])


def _recording(
    form: str, layout: RecordLayout, told: Told, context: Mapping[str, str], *notes: str
) -> DecodedRecording:
    numerics, range_notes = glucose(told.mg_dl, _MEASURING_RANGE, {"displayed": told.displayed, **context})
    return DecodedRecording(
        format=form,
        modality="glucose",
        device={
            "manufacturer": "LifeScan",
            "model": layout.model,
            "source_id": f"{told.seconds}-{told.mg_dl}",
            "time_zone": "assumed",
        },
        start=layout.read_time(told.seconds).astimezone(UTC),
        numerics=numerics,
        notes=(*range_notes, *notes),
    )
