"""Units as devices write them: what each means, what means two things, and that every target is a unit we know."""

import pytest

from clinic_records.quantity import quantity
from recordings.written_units import _ANY_CASE, _AS_WRITTEN, ucum


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("mmHg", "mm[Hg]"),
        ("mm Hg", "mm[Hg]"),
        ("mm[Hg]", "mm[Hg]"),
        ("MMOL/L", "mmol/L"),
        ("µmol/L", "umol/L"),
        ("μmol/l", "umol/L"),
        ("℃", "Cel"),
        ("°C", "Cel"),
        ("°F", "[degF]"),
        ("x10*9/L", "10*9/L"),
        ("10^9/L", "10*9/L"),
        ("10e12/l", "10*12/L"),
        ("/nl", "10*9/L"),
        ("/pL", "10*12/L"),
        ("g/l", "g/L"),
        ("gm/dL", "g/dL"),
        (" L/min ", "L/min"),
        ("次/分", "/min"),
        ("PPB", "[ppb]"),
    ],
)
def test_spellings(written: str, code: str) -> None:
    assert ucum(written) == code


@pytest.mark.parametrize("written", ["", "G/L", "widgets", "mU/L", "MU/L", "x" * 1000, "\x00"])
def test_what_is_unknown_or_could_be_two_things_is_none(written: str) -> None:
    assert ucum(written) == ""


def test_every_target_is_a_known_unit() -> None:
    for code in {*_AS_WRITTEN.values(), *_ANY_CASE.values()}:
        quantity("1", code)
    assert all(key == key.lower() and " " not in key for key in _ANY_CASE)


@pytest.mark.parametrize(
    ("value", "unit", "other", "result"),
    [
        ("50", "ug/dL", "ug/L", "500"),
        ("1", "mg/L", "ug/L", "1000"),
        ("1", "ng/mL", "ug/L", "1"),
        ("1", "umol/L", "nmol/L", "1000"),
        ("1", "u[IU]/mL", "m[IU]/L", "1"),
        ("1", "[ppm]", "[ppb]", "1000"),
    ],
)
def test_factors(value: str, unit: str, other: str, result: str) -> None:
    assert quantity(value, unit).to(other).value == quantity(result, other).value
