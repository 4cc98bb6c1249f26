"""Numbers with units (law 10).

Unit codes are UCUM, case sensitive (The Unified Code for Units of Measure, 2.1). A conversion happens only when
somebody asks for it, and only between units of one kind. Mass and substance concentration are two kinds: their
factor is the molar mass of an analyte, which a unit does not know.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from clinic_records.errors import RefusedInput

# UCUM code -> (kind of quantity, factor to the kind's base unit, offset added after the factor)
_UNITS: Final[dict[str, tuple[str, Decimal, Decimal]]] = {
    code: (kind, Decimal(factor), Decimal(offset))
    for code, kind, factor, offset in (
        ("1", "ratio", "1", "0"),
        ("%", "ratio", "0.01", "0"),
        ("mm[Hg]", "pressure", "1", "0"),
        ("kPa", "pressure", "7.50061683", "0"),  # 1 kPa = 7.50061683 mm[Hg], BIPM SI Brochure 9th ed.
        ("Cel", "temperature", "1", "0"),
        ("[degF]", "temperature", "0.5555555555555555555556", "-17.7777777777777777778"),
        ("kg", "mass", "1", "0"),
        ("g", "mass", "0.001", "0"),
        ("[lb_av]", "mass", "0.45359237", "0"),  # exactly; international yard and pound agreement, 1959
        ("[jin_cn]", "mass", "0.5", "0"),  # 市斤; local code, UCUM has none
        ("m", "length", "1", "0"),
        ("cm", "length", "0.01", "0"),
        ("mm", "length", "0.001", "0"),
        ("[in_i]", "length", "0.0254", "0"),  # exactly; the same agreement
        ("[chi_cn]", "length", "0.3333333333333333333333", "0"),  # 市尺; local code
        ("s", "time", "1", "0"),
        ("ms", "time", "0.001", "0"),
        ("us", "time", "0.000001", "0"),
        ("min", "time", "60", "0"),
        ("d", "time", "86400", "0"),
        ("wk", "time", "604800", "0"),
        ("a", "time", "31557600", "0"),
        ("/min", "rate", "1", "0"),
        ("Hz", "rate", "60", "0"),
        ("L", "volume", "1", "0"),
        ("mL", "volume", "0.001", "0"),
        ("L/s", "flow", "1", "0"),
        ("L/min", "flow", "0.0166666666666666666667", "0"),
        ("mV", "voltage", "1", "0"),
        ("uV", "voltage", "0.001", "0"),
        ("nV", "voltage", "0.000001", "0"),
        ("mmol/L", "substance", "1", "0"),
        ("umol/L", "substance", "0.001", "0"),
        ("g/L", "mass concentration", "1", "0"),
        ("g/dL", "mass concentration", "10", "0"),
        ("mg/dL", "mass concentration", "0.01", "0"),
        ("mg/L", "mass concentration", "0.001", "0"),
        ("10*9/L", "number concentration", "1", "0"),
        ("10*3/uL", "number concentration", "1", "0"),
        ("10*12/L", "number concentration", "1000", "0"),
        ("10*6/uL", "number concentration", "1000", "0"),
        ("fL", "volume", "0.000000000000001", "0"),
        ("pg", "mass", "0.000000000000001", "0"),
        ("mg/g", "ratio", "0.001", "0"),
        ("[pH]", "acidity", "1", "0"),
        ("[ppm]", "trace fraction", "1", "0"),  # of a gas; not to be mistaken for a percentage
        ("[ppb]", "trace fraction", "0.001", "0"),
        ("U/L", "catalytic concentration", "1", "0"),
        ("ug/dL", "mass concentration", "0.00001", "0"),
        ("ug/L", "mass concentration", "0.000001", "0"),
        ("ng/mL", "mass concentration", "0.000001", "0"),
        ("pg/mL", "mass concentration", "0.000000001", "0"),
        ("nmol/L", "substance", "0.000001", "0"),
        ("pmol/L", "substance", "0.000000001", "0"),
        ("[IU]/L", "arbitrary concentration", "1", "0"),
        ("m[IU]/L", "arbitrary concentration", "0.001", "0"),
        ("u[IU]/mL", "arbitrary concentration", "0.001", "0"),
        ("mm/h", "sedimentation rate", "1", "0"),
        ("mmol/mol", "hba1c ifcc", "1", "0"),
        ("kg/m2", "body mass index", "1", "0"),
        ("deg", "angle", "1", "0"),
        ("cm/s", "velocity", "0.01", "0"),
        ("m/s", "velocity", "1", "0"),
        ("dB/MHz", "attenuation by frequency", "1", "0"),
        ("[kn_i]", "velocity", "0.5144444444444444444444", "0"),  # 1852 m an hour, exactly; BIPM SI Brochure
        ("mm/s", "velocity", "0.001", "0"),
        ("cm/s2", "acceleration", "1", "0"),
        ("m/s2", "acceleration", "100", "0"),
        ("mm2", "area", "0.01", "0"),
        ("cm2", "area", "1", "0"),
        ("m2", "area", "10000", "0"),
        ("cm3", "volume", "0.001", "0"),
        ("mL/m2", "volume by body surface", "1", "0"),
        ("L/min/m2", "flow by body surface", "1", "0"),
        ("g/m2", "mass by body surface", "1", "0"),
        ("mL/s", "flow", "0.001", "0"),
        ("mL/min", "flow", "0.0000166666666666666667", "0"),
        ("mm[Hg]/s", "pressure change", "1", "0"),
    )
}


class Quantity(msgspec.Struct, frozen=True):
    """A decimal value, digits as the device or person gave them, and its UCUM unit."""

    value: Decimal
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise RefusedInput(f"unit {self.unit!r} is not a UCUM code we know; known: {' '.join(sorted(_UNITS))}")
        if not self.value.is_finite():
            raise RefusedInput(f"{self.value} {self.unit} is not a number")

    def to(self, unit: str) -> "Quantity":
        """The same quantity in `unit`, unrounded.

        Raises:
            RefusedInput: `unit` is unknown or of another kind of quantity.
        """
        if unit == self.unit:
            return self
        kind, factor, offset = _UNITS[self.unit]
        target = _UNITS.get(unit)
        if target is None or target[0] != kind:
            raise RefusedInput(f"cannot turn {self.unit} ({kind}) into {unit}")
        return Quantity((self.value * factor + offset - target[2]) / target[1], unit)

    def __str__(self) -> str:
        return f"{self.value}\N{NO-BREAK SPACE}{self.unit}"


def quantity(value: str | float | Decimal, unit: str) -> Quantity:
    """A Quantity from what a driver or a form holds; a float passes through its shortest decimal.

    Raises:
        RefusedInput: `value` is not a finite number or `unit` is unknown.
    """
    try:
        return Quantity(Decimal(str(value)), unit)
    except InvalidOperation:
        raise RefusedInput(f"{value!r} is not a number") from None
