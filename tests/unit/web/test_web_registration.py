"""The registration form: what is typed becomes a person, or words beside the fields."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.people import AllergyState, IdentityCheck, Sex
from clinic_records.resident_id import check_character
from clinic_web.i18n import Catalogue
from clinic_web.pages import COMMON_TEXTS
from vehicle_agent.web import site
from vehicle_agent.web.registration import LIMITS, narrowed, read_form
from vehicle_agent.web.routes.unbound import REASONS

TODAY = date(2026, 11, 23)
CATALOGUE = Catalogue.load(COMMON_TEXTS, site.HERE / "texts.toml")
CONTROLS = {"name", "resident_id", "sex", "birth_year", "identity_check", "allergies", "substances", *LIMITS}
GOOD = {
    "name": "王秀英",
    "sex": "female",
    "birth_year": "1959",
    "birth_month": "3",
    "birth_day": "8",
    "identity_check": "card+face",
    "allergies": "asked-none",
}


def say(key: str, **values: object) -> str:
    return CATALOGUE.say("zh", key, **values)


def errors_of(**changes: str) -> dict[str, str]:
    return read_form({**GOOD, **changes}, TODAY, say)[1]


def test_a_whole_form_is_a_person() -> None:
    form, errors = read_form({**GOOD, "phone": "１３８0000", "village": " 桃源村 "}, TODAY, say)
    assert errors == {}
    assert form is not None
    assert (form.name, form.sex, form.birth_date) == ("王秀英", Sex.FEMALE, date(1959, 3, 8))
    assert (form.phone, form.village) == ("1380000", "桃源村")
    assert form.identity_check is IdentityCheck.CARD_AND_FACE


def test_the_identity_number_fills_birth_and_sex() -> None:
    typed = {
        "name": "王秀英",
        "resident_id": "１１010519491231００２x",
        "identity_check": "card",
        "allergies": "not-asked",
    }
    form, errors = read_form(typed, TODAY, say)
    assert errors == {}
    assert form is not None
    assert (form.resident_id, form.sex, form.birth_date) == ("11010519491231002X", Sex.FEMALE, date(1949, 12, 31))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": "  "}, "name", "写上姓名"),
        ({"sex": ""}, "sex", "选性别"),
        ({"birth_day": "31", "birth_month": "2"}, "birth_year", "没有这一天"),
        ({"birth_year": "2026", "birth_month": "11", "birth_day": "24"}, "birth_year", "不能晚于今天"),
        ({"birth_year": "1859"}, "birth_year", "1900年以后"),
        ({"birth_month": ""}, "birth_year", "都用数字写"),
        ({"birth_year": "", "birth_month": "", "birth_day": ""}, "birth_year", "或选“不知道”"),
        ({"resident_id": "110105194912310021"}, "resident_id", "第13–18位"),
        ({"resident_id": "1101051949"}, "resident_id", "现在是10位"),
        ({"resident_id": "11010519491231002Y"}, "resident_id", "数字或X"),
        ({"resident_id": "11010519491231002X"}, "birth_year", "证上是1949-12-31"),
        ({"identity_check": "guess"}, "identity_check", "怎样核对"),
        ({"allergies": ""}, "allergies", "选过敏"),
        ({"allergies": "known", "substances": " ， "}, "substances", "写上对什么过敏"),
        ({"village": "村" * 61}, "village", "最多60个字"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(changes: dict[str, str], field: str, words: str) -> None:
    assert words in errors_of(**changes)[field]


def test_an_unknown_birthday_must_be_said_to_be_unknown() -> None:
    blank = {"birth_year": "", "birth_month": "", "birth_day": ""}
    assert errors_of(**blank, birth_unknown="yes") == {}
    assert "birth_year" in errors_of(**blank)


def test_a_sex_that_differs_from_the_number_is_asked_about() -> None:
    errors = errors_of(
        resident_id="11010519491231002X", sex="male", birth_year="1949", birth_month="12", birth_day="31"
    )
    assert errors == {"sex": "性别和身份证号对不上，看一下第17位"}


def test_not_asked_stays_apart_from_none() -> None:
    for state in AllergyState:
        form, _ = read_form({**GOOD, "allergies": state.value, "substances": "青霉素、花生"}, TODAY, say)
        assert form is not None
        assert form.allergies.state is state
        assert form.allergies.substances == (("青霉素", "花生") if state is AllergyState.KNOWN else ())


@given(
    st.dictionaries(
        st.sampled_from(sorted(CONTROLS | {"birth_month", "birth_day", "birth_unknown"})), st.text(max_size=80)
    )
)
def test_no_text_breaks_the_form_and_every_error_names_a_control(typed: dict[str, str]) -> None:
    form, errors = read_form(typed, TODAY, say)
    assert (form is None) == bool(errors)
    assert set(errors) <= CONTROLS


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 999))
def test_every_true_number_is_taken_and_every_changed_last_digit_is_not(born: date, serial: int) -> None:
    first = f"331127{born:%Y%m%d}{serial:03d}"
    number = first + check_character(first)
    typed = {"name": "蓝", "resident_id": number, "identity_check": "card", "allergies": "unknown"}
    form, errors = read_form(typed, TODAY, say)
    assert errors == {}
    assert form is not None
    assert form.birth_date == born
    wrong = next(digit for digit in "0123456789X" if digit != number[-1])
    assert set(read_form({**typed, "resident_id": first + wrong}, TODAY, say)[1]) >= {"resident_id"}


@given(st.text(alphabet="０１２３４５６７８９0123456789", max_size=20))
def test_full_width_digits_become_digits(text: str) -> None:
    assert narrowed(text).isascii()
    assert len(narrowed(text)) == len(text)


def test_every_value_a_page_builds_a_key_from_has_its_text() -> None:
    for reason in REASONS:
        assert say(f"unbound.reason.{reason}")
    for sex in Sex:
        assert say(f"sex.{sex}")
