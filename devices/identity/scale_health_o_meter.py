"""A Health o meter Pro Plus scale with height rod: one packet for each weighing. From documentation only.

Packet: ESC R, then fields of ESC, a letter and a value, then ESC E. Letters: I id typed on the scale, W weight, H
height, T tare taken out, B body mass index, N unit (m metric: kg and cm; c constitutional). Source: Health o meter
Professional, Pro Plus 1100KL operation manual, pages 33 to 35. Rice Lake's manual of the same protocol (160-10-7N,
table 5-2) adds that 999.99 stands for a load outside the scale's range; its line is 9600 8N1.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.reading import Numeric, Reading, Subject
from devices.delivery import Delivery
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.delimited import DelimitedFraming
from devices.simple import Said, measured, not_measured, reading_of

MEDIA_TYPE: Final = "text/vnd.clinic.scale-health-o-meter"
START: Final = "\x1bR"
END: Final = "\x1bE"
_LONGEST: Final = 256
"""Bytes: all fields of the manual at their longest are 60."""
_MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "W": ("loinc:29463-7", "kg"),
    "H": ("loinc:8302-2", "cm"),
    "B": ("loinc:39156-5", "kg/m2"),
}
"""Field -> code and metric unit."""
_OUT_OF_RANGE: Final = "999.99"
_SET_METRIC: Final = Hint("把秤调成公制(kg)再称一次。", "Set the scale to metric (kg) and weigh again.")


def read(text: str) -> Said:
    """What a packet says.

    Raises:
        BadFrame: not a packet of this scale.
        RefusedInput: not in metric units, which we do not guess into others; or a number that is none.
    """
    if not (text.startswith(START) and text.endswith(END)):
        raise BadFrame("scale: not a packet")
    parts = text[len(START) : -len(END)].split("\x1b")[1:]
    fields = {part[:1]: part[1:].strip() for part in parts}
    if len(fields) < len(parts):
        raise BadFrame("scale: a field stands twice")
    if fields.get("N") != "m":
        raise RefusedInput(f"scale: unit {fields.get('N', '')!r} is not metric", hint=_SET_METRIC)
    numerics = tuple(_numeric(letter, fields[letter]) for letter in _MEASURES if letter in fields)
    tare = fields.get("T", "0").strip("0.")
    notes = (f"tare taken out by the scale: {fields['T']} kg",) if tare else ()
    return Said(numerics, Subject(patient_id=fields.get("I", "").strip("0") and fields["I"]), notes)


def _numeric(letter: str, value: str) -> Numeric:
    key, unit = _MEASURES[letter]
    return not_measured(key) if value == _OUT_OF_RANGE else measured(key, value, unit)


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """The Reading of one packet. Raises BadFrame and RefusedInput as `read` does."""
    return reading_of(delivery, raw, "body", read)


class ScaleHealthOMeter(Driver):
    """It only speaks."""

    name = "scale-health-o-meter"
    media_type = MEDIA_TYPE

    def framing(self) -> DelimitedFraming:
        """A fresh framing."""
        start, end = START.encode(), END.encode()
        return DelimitedFraming(lambda raw: Frame(raw, MEDIA_TYPE), start=start, end=(end,), longest=_LONGEST)
