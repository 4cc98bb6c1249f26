"""One record of a TaiDoc (FORA) meter, decoded; its layout and sources are in `taidoc_layout`."""

from datetime import UTC
from decimal import Decimal
from typing import Final

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.meters.glucose import glucose
from recordings.meters.taidoc_layout import AGAIN, PACKET_SIZE, looks_like_taidoc, read_time
from recordings.signal import DecodedRecording

FORMAT: Final = "taidoc"
_GLUCOSE_RANGE: Final = range(20, 601)
_MEALS: Final = {0x00: {}, 0x40: {"meal": "before"}, 0x80: {"meal": "after"}}
_SITES: Final = ("ear", "forehead", "rectum", "axilla", "", "", "child")
"""Body site by its number; 4 and 5 are things and rooms."""
_TEMPERATURE: Final = BY_KEY["loinc:8310-5"]
_NO_TEMPERATURE: Final = frozenset({0, 0xFFFF})
_COLD_FOREHEAD: Final = Decimal(35)
"""degC; a forehead below it in a cold car is cold skin, not a cold patient (hazard H07)."""
_CELSIUS = Hint("把体温计设为摄氏度再测。", "Set the thermometer to degrees Celsius and measure again.")


def decode_taidoc(raw: bytes) -> DecodedRecording:
    """The glucose or the temperature of one record.

    Raises:
        BadFrame: not three packets in this order, or a time that is none.
        RefusedInput: a model or a kind of measurement that is not read.
    """
    if not looks_like_taidoc(raw):
        raise BadFrame(f"TaiDoc record: not its three packets, {len(raw)} bytes", hint=AGAIN)
    model = f"{int.from_bytes(raw[2:4], 'little'):04X}"
    time, value = raw[PACKET_SIZE + 2 : PACKET_SIZE + 6], raw[2 * PACKET_SIZE + 2 : 2 * PACKET_SIZE + 6]
    if model.startswith("42"):
        modality, numerics, notes = "glucose", *_glucose(time, value)
    elif model.startswith("12"):
        modality, numerics, notes = "temperature", *_temperature(time, value)
    else:
        raise RefusedInput(f"TaiDoc TD-{model}: neither a glucose meter (TD-42xx) nor a thermometer (TD-12xx)")
    taken = read_time(time)
    return DecodedRecording(
        format=FORMAT,
        modality=modality,
        device={
            "manufacturer": "TaiDoc",
            "model": f"TD-{model}",
            "source_id": f"{model}-{taken:%Y%m%d%H%M}-{value.hex()}",
            "time_zone": "assumed",
        },
        start=taken.astimezone(UTC),
        numerics=numerics,
        notes=tuple(notes),
    )


def _glucose(time: bytes, value: bytes) -> tuple[tuple[Numeric, ...], list[str]]:
    if time[2] > 59 or time[3] > 23:
        raise BadFrame(f"TaiDoc time {time.hex(' ')}: no hour and minute", hint=AGAIN)
    meal = _MEALS.get(value[3])
    numerics, notes = glucose(int.from_bytes(value[:2], "little"), _GLUCOSE_RANGE, meal or {})
    return numerics, notes + ([f"meal mark {value[3]:02X} is not known"] if meal is None else [])


def _temperature(time: bytes, value: bytes) -> tuple[tuple[Numeric, ...], list[str]]:
    if time[3] & 0x80:
        raise RefusedInput("TaiDoc thermometer set to degF: its sources disagree on the unit it sends", hint=_CELSIUS)
    number = (time[3] >> 5 & 1) << 2 | time[2] >> 6
    site = _SITES[number] if number < len(_SITES) else ""
    if not site:
        raise RefusedInput(f"TaiDoc thermometer: measured a thing or a room (site {number}), nobody's temperature")
    body, around = int.from_bytes(value[:2], "little"), int.from_bytes(value[2:], "little")
    context = {"site": site}
    if around not in _NO_TEMPERATURE:
        context["surroundings"] = f"{Decimal(around).scaleb(-1)} Cel"
    if body in _NO_TEMPERATURE:
        return (Numeric(_TEMPERATURE.as_code(), absent=AbsentReason.ERROR, context=context),), ["no value"]
    told = Decimal(body).scaleb(-1)
    notes = ["forehead below 35 Cel: measure again with another method"]
    is_cold = site == "forehead" and told < _COLD_FOREHEAD
    numeric = Numeric(_TEMPERATURE.as_code(), Quantity(told, _TEMPERATURE.unit), None, context)
    return (numeric,), notes if is_cold else []
