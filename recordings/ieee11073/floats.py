"""FLOAT-Type and SFLOAT-Type (IEEE 11073-20601-2008, annex F.7): a decimal mantissa and a power of ten.

Each is a signed exponent and a signed mantissa, two's complement: SFLOAT 4 and 12 bits, FLOAT 8 and 24 bits. With
exponent 0 the mantissas nearest the ends are no numbers: NaN, NRes (not at this resolution), +INF, -INF, reserved.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from clinic_records.errors import RefusedInput
from clinic_records.reading import AbsentReason
from recordings.ieee11073.mder import damaged


class _Layout(NamedTuple):
    size: int
    mantissa_bits: int
    lowest_exponent: int
    highest_exponent: int


_SFLOAT: Final = _Layout(2, 12, -8, 7)
_FLOAT: Final = _Layout(4, 24, -128, 127)
_BY_SIZE: Final = {layout.size: layout for layout in (_SFLOAT, _FLOAT)}
_SPECIAL: Final = {
    -1: AbsentReason.NOT_A_NUMBER,  # 7FF: NaN
    -2: AbsentReason.ERROR,  # 7FE: +INF
    0: AbsentReason.ERROR,  # 800: NRes
    1: AbsentReason.ERROR,  # 801: reserved
    2: AbsentReason.ERROR,  # 802: -INF
}
"""Distance of the mantissa from +/-2^(bits-1) -> why there is no number."""


def read_float(data: bytes) -> Decimal | AbsentReason:
    """The number in two (SFLOAT) or four (FLOAT) bytes, with the digits the device gave; or why there is none.

    Raises:
        BadFrame: neither two nor four bytes.
    """
    layout = _BY_SIZE.get(len(data))
    if layout is None:
        raise damaged(f"a number of {len(data)} bytes")
    raw = int.from_bytes(data, signed=True)
    exponent = raw >> layout.mantissa_bits
    half = 1 << layout.mantissa_bits - 1
    mantissa = (raw + half) % (2 * half) - half
    if exponent == 0:
        distance = mantissa - half if mantissa > 0 else mantissa + half
        if distance in _SPECIAL:
            return _SPECIAL[distance]
    if exponent >= 0:
        return Decimal(mantissa * 10**exponent)
    return Decimal(mantissa).scaleb(exponent)


def sfloat(value: Decimal) -> bytes:
    """SFLOAT-Type.

    Raises:
        RefusedInput: its digits do not fit.
    """
    return _write(value, _SFLOAT)


def float32(value: Decimal) -> bytes:
    """FLOAT-Type.

    Raises:
        RefusedInput: its digits do not fit.
    """
    return _write(value, _FLOAT)


def _write(value: Decimal, layout: _Layout) -> bytes:
    sign, digits, scale = value.as_tuple()
    if not isinstance(scale, int):
        raise RefusedInput(f"{value} is not a finite number")
    exponent: int = scale
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    half = 1 << layout.mantissa_bits - 1
    while mantissa and mantissa % 10 == 0 and (abs(mantissa) > half - 3 or exponent < layout.lowest_exponent):
        mantissa //= 10
        exponent += 1
    while exponent > layout.highest_exponent:
        mantissa *= 10
        exponent -= 1
    if mantissa == 0:
        exponent = max(exponent, layout.lowest_exponent)
    if abs(mantissa) > half - 3 or exponent < layout.lowest_exponent:
        raise RefusedInput(f"{value} does not fit {layout.size} bytes")
    return ((exponent << layout.mantissa_bits) + mantissa % (2 * half)).to_bytes(layout.size, signed=True)
