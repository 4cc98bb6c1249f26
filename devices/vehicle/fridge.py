"""The thermometer of the medicine refrigerator: an XY-MD02 sensor (SHT20 inside) asked by Modbus RTU at 9600 8N1.

Registers (input): 1 temperature, signed tenths of a degree Celsius; 2 relative humidity, tenths of a per cent. Address
1 at delivery. Source: the sensor's description as its sellers print it (SantaClaas/serial, temperature sensor.md),
whose answer `01 04 02 01 31 79 74` is 30.5 degrees. From documentation only.

The refrigerator keeps 2 to 8 degrees (storage words on medicines, Chinese Pharmacopoeia 2020, general notices: cold
place 2-10, and vaccines 2-8 by their labels): outside of it a reading says so at once (hazard H17).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from clinic_records.reading import AbsentReason, Numeric, RawBytes, Reading
from devices.delivery import Delivery
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.modbus import EXCEPTION, READ_INPUT, ModbusFraming, is_whole, rtu_frame

MEDIA_TYPE: Final = "application/vnd.xy-md02.modbus"
ADDRESS: Final = 1
REGISTERS: Final = 2
QUESTION: Final = rtu_frame(bytes((ADDRESS, READ_INPUT, 0, 1, 0, REGISTERS)))
ANSWER_SIZE: Final = 9
LOW: Final = Decimal(2)
HIGH: Final = Decimal(8)
"""Degrees Celsius between which the refrigerator must stay."""
_SENSOR: Final = (Decimal(-40), Decimal(125))
"""Degrees Celsius an SHT20 can measure (Sensirion SHT20 data sheet, table 2): anything else is a broken sensor."""
ASKED_EACH_S: Final = 10.0
TOLD_EACH: Final = timedelta(minutes=10)


def excursion(celsius: Decimal) -> str:
    """`low`, `high`, or nothing where it is as cold as it must be."""
    return "low" if celsius < LOW else "high" if celsius > HIGH else ""


def read(raw: bytes) -> tuple[Decimal, Decimal]:
    """Temperature in degrees Celsius and relative humidity in per cent.

    Raises:
        BadFrame: not an answer of this sensor.
        RefusedInput: the sensor answered that it cannot.
    """
    if len(raw) >= 2 and raw[1] == READ_INPUT + EXCEPTION and is_whole(raw):
        raise RefusedInput(f"the sensor refuses: Modbus exception {raw[2]}")
    if len(raw) != ANSWER_SIZE or raw[:3] != bytes((ADDRESS, READ_INPUT, 2 * REGISTERS)) or not is_whole(raw):
        raise BadFrame("not an answer of this sensor")
    temperature = int.from_bytes(raw[3:5], "big", signed=True)
    return Decimal(temperature) / 10, Decimal(int.from_bytes(raw[5:7], "big")) / 10


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """The Reading of one answer; an excursion is in its context and its notes. Raises as `read`."""
    data = raw.read_bytes() if raw.stat().st_size <= ANSWER_SIZE else b""
    celsius, humidity = read(data)
    outside = excursion(celsius)
    limits = {"limits": f"{LOW} to {HIGH} Cel"} | ({"excursion": outside} if outside else {})
    temperature = BY_KEY["local:storage-temperature"].as_code()
    is_measured = _SENSOR[0] <= celsius <= _SENSOR[1]
    numerics = (
        Numeric(temperature, quantity(celsius, "Cel"), context=limits)
        if is_measured
        else Numeric(temperature, absent=AbsentReason.ERROR),
        Numeric(BY_KEY["local:storage-humidity"].as_code(), quantity(humidity, "%")),
    )
    reading = Reading(
        device=delivery.device,
        modality="cold-chain",
        stamp=delivery.stamp,
        raw=RawBytes(sha256_hex(data), len(data), delivery.media_type),
        numerics=numerics,
        notes=(f"outside {LOW} to {HIGH} Cel",) if outside and is_measured else (),
    )
    return (reading,)


class Worth:
    """Which answers become a reading: the first, each crossing of a limit, and one in ten minutes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._told: tuple[str, datetime] | None = None

    def wants(self, raw: bytes) -> bool:
        """Whether this answer is told."""
        try:
            state = excursion(read(raw)[0])
        except RefusedInput:
            state = "refused"
        now = self._now()
        if self._told is not None and self._told[0] == state and now - self._told[1] < TOLD_EACH:
            return False
        self._told = (state, now)
        return True


class FridgeSensor(Driver):
    """Asks at each silence."""

    name = "fridge-xy-md02"
    media_type = MEDIA_TYPE
    idle_s = ASKED_EACH_S

    def framing(self) -> ModbusFraming:
        """A fresh framing that keeps few answers."""
        worth = Worth(self._now)
        return ModbusFraming(ADDRESS, REGISTERS, lambda raw: Frame(raw, MEDIA_TYPE, deliver=worth.wants(raw)))

    def greeting(self) -> bytes:
        """How cold is it?"""
        return QUESTION

    def on_idle(self) -> bytes:
        """And now?"""
        return QUESTION
