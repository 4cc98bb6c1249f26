from datetime import date

import pytest

from clinic_records.errors import RefusedInput
from clinic_records.people import Sex
from clinic_records.resident_id import born, check_character, resident_id, sex


def test_the_example_of_the_standard() -> None:
    # GB 11643-1999, Annex A
    assert resident_id("11010519491231002X") == "11010519491231002X"
    assert check_character("44052418800101001") == "4"


def test_spaces_and_a_small_x_are_taken() -> None:
    assert resident_id(" 110105 19491231 002x ") == "11010519491231002X"


def test_what_is_in_the_number() -> None:
    assert born("11010519491231002X") == date(1949, 12, 31)
    assert sex("11010519491231002X") is Sex.FEMALE
    assert sex("440524188001010014") is Sex.MALE


@pytest.mark.parametrize("index", range(17))
def test_every_single_wrong_digit_is_found(index: int) -> None:
    number = "11010519491231002X"
    other = str((int(number[index]) + 1) % 10)
    with pytest.raises(RefusedInput):
        resident_id(number[:index] + other + number[index + 1 :])


@pytest.mark.parametrize("text", ["", "1101051949123100", "110105194912310021", "11010519491331002X", "身份证号码"])
def test_what_is_no_number_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(RefusedInput) as caught:
        resident_id(text)
    assert caught.value.hint.zh.startswith("身份证号")
