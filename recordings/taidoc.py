"""One record of a TaiDoc (FORA) meter: what it answered for its model, the record's time and the record's value.

Packets of 8 bytes: 51, command, four bytes of message, A5 from the meter (A3 from the host), sum of the seven before.
24 model, two bytes of binary-coded decimal, low byte first. 25 time of a record: day u16 (year since 2000 in 7 bits,
month in 4, day in 5), minute, hour. 26 its value, u16: glucose in mg/dL, always, then a byte of unknown meaning and the
meal mark; or temperature of the body in 0.1 degC and of the surroundings. Thermometers put the body site into the top
bits of minute (2 low bits) and hour (bit 5, third bit), and into bit 7 of the hour whether they display degF.

Sources: protocols.glucometers.tech, TaiDoc TD-42xx (glucose); YentingChia-Ultron/Ultron-esp32BLE, foraThermometer
(temperature); both found with devices. HI above 600 and LO below 20 mg/dL: user's manuals of the TD-42xx.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.glucose import glucose
from recordings.signal import DecodedRecording

FORMAT: Final = "taidoc"
MEDIA_TYPE: Final = "application/vnd.taidoc.record"
PACKET_SIZE: Final = 8
MODEL, TIME, VALUE = 0x24, 0x25, 0x26
FROM_METER: Final = 0xA5
FROM_HOST: Final = 0xA3
_START: Final = 0x51
_RECORD_SIZE: Final = 3 * PACKET_SIZE
_GLUCOSE_RANGE: Final = range(20, 601)
_MEALS: Final = {0x00: {}, 0x40: {"meal": "before"}, 0x80: {"meal": "after"}}
_SITES: Final = ("ear", "forehead", "rectum", "axilla", "", "", "child")
"""Body site by its number; 4 and 5 are things and rooms."""
_TEMPERATURE: Final = BY_KEY["loinc:8310-5"]
_NO_TEMPERATURE: Final = frozenset({0, 0xFFFF})
_COLD_FOREHEAD: Final = Decimal(35)
"""degC; a forehead below it in a cold car is cold skin, not a cold patient (hazard H07)."""
_AGAIN = Hint("数据不完整，请在设备上重新上传。", "The record is damaged; read the meter again.")
_CELSIUS = Hint("把体温计设为摄氏度再测。", "Set the thermometer to degrees Celsius and measure again.")


def packet(command: int, message: bytes = bytes(4), end: int = FROM_HOST) -> bytes:
    """A whole packet."""
    body = bytes((_START, command)) + message + bytes((end,))
    return body + bytes((sum(body) & 0xFF,))


def is_packet(raw: bytes | bytearray) -> bool:
    """Whether the bytes are a whole packet of a meter."""
    return len(raw) == PACKET_SIZE and raw[0] == _START and raw[6] == FROM_METER and sum(raw[:7]) & 0xFF == raw[7]


def looks_like_taidoc(raw: bytes) -> bool:
    """Whether the bytes are the three packets of a record."""
    if len(raw) != _RECORD_SIZE:
        return False
    parts = [raw[at : at + PACKET_SIZE] for at in range(0, _RECORD_SIZE, PACKET_SIZE)]
    return all(is_packet(part) for part in parts) and [part[1] for part in parts] == [MODEL, TIME, VALUE]


def read_time(message: bytes) -> datetime:
    """The time in four bytes of message, in China's zone, without a thermometer's marks.

    Raises:
        BadFrame: they are no time.
    """
    day = int.from_bytes(message[:2], "little")
    try:
        return datetime(2000 + (day >> 9), day >> 5 & 15, day & 31, message[3] & 31, message[2] & 63, tzinfo=CHINA)
    except ValueError as error:
        raise BadFrame(f"TaiDoc time {message.hex(' ')}: {error}", hint=_AGAIN) from None


def write_time(time: datetime) -> bytes:
    """The four bytes of `time`, for the simulator and the tests."""
    local = time.astimezone(CHINA)
    day = local.year - 2000 << 9 | local.month << 5 | local.day
    return day.to_bytes(2, "little") + bytes((local.minute, local.hour))


def decode_taidoc(raw: bytes) -> DecodedRecording:
    """The glucose or the temperature of one record.

    Raises:
        BadFrame: not three packets in this order, or a time that is none.
        RefusedInput: a model or a kind of measurement that is not read.
    """
    if not looks_like_taidoc(raw):
        raise BadFrame(f"TaiDoc record: not its three packets, {len(raw)} bytes", hint=_AGAIN)
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
        raise BadFrame(f"TaiDoc time {time.hex(' ')}: no hour and minute", hint=_AGAIN)
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
