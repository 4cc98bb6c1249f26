from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import RefusedInput
from clinic_records.quantity import Quantity, quantity


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        ("123", "[jin_cn]", "kg", "61.5"),
        ("61.5", "kg", "[jin_cn]", "123"),
        ("3", "[chi_cn]", "cm", "100"),
        ("162", "cm", "m", "1.62"),
        ("16.0", "kPa", "mm[Hg]", "120.01"),
        ("98.6", "[degF]", "Cel", "37"),
        ("37", "Cel", "[degF]", "98.6"),
        ("14.2", "g/dL", "g/L", "142"),
        ("2500", "nV", "uV", "2.5"),
        ("360", "L/min", "L/s", "6"),
        ("0.75", "1", "%", "75"),
        ("1", "Hz", "/min", "60"),
    ],
)
def test_conversions(value: str, unit: str, to: str, expected: str) -> None:
    assert quantity(value, unit).to(to).value == pytest.approx(Decimal(expected), rel=Decimal("1e-4"))


@pytest.mark.parametrize(
    ("unit", "to"), [("mg/dL", "mmol/L"), ("%", "mmol/mol"), ("kg", "cm"), ("mm[Hg]", "psi"), ("L", "L/s")]
)
def test_what_is_not_one_kind_of_quantity_is_never_guessed(unit: str, to: str) -> None:
    with pytest.raises(RefusedInput, match="cannot turn"):
        quantity("5", unit).to(to)


@pytest.mark.parametrize(
    ("value", "unit"), [("x", "kg"), ("", "kg"), ("nan", "kg"), ("inf", "kg"), ("1", "KG"), ("1", "")]
)
def test_no_number_or_no_unit_is_refused(value: str, unit: str) -> None:
    with pytest.raises(RefusedInput):
        quantity(value, unit)


def test_digits_stay_as_the_device_gave_them() -> None:
    assert str(quantity("6.80", "mmol/L").value) == "6.80"
    assert str(Quantity(Decimal("6.80"), "mmol/L")) == "6.80\u00a0mmol/L"


@given(
    st.decimals(-10_000, 10_000, places=3), st.sampled_from([("kg", "[jin_cn]"), ("Cel", "[degF]"), ("kPa", "mm[Hg]")])
)
def test_there_and_back(value: Decimal, units: tuple[str, str]) -> None:
    there = Quantity(value, units[0]).to(units[1])
    assert there.to(units[0]).value == pytest.approx(value, abs=Decimal("1e-9"))
