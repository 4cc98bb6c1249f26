"""The registration form: typed text to a NewPatient, or words beside the fields that say what to do."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from clinic_records import resident_id as gb11643
from clinic_records.errors import RefusedInput
from clinic_records.people import Allergies, AllergyState, IdentityCheck, Sex
from vehicle_agent.visits.views import NewPatient

Say = Callable[..., str]
SEXES: Final = (Sex.FEMALE, Sex.MALE, Sex.OTHER)
OLDEST_YEAR: Final = 1900
LIMITS: Final[Mapping[str, int]] = {
    "name": 60,
    "resident_id": 24,
    "insurance_code": 40,
    "village": 60,
    "phone": 30,
    "substances": 200,
    "reason": 200,
}
"""Longest text a field takes; GA/T 2000.156 names have up to 50 characters."""
FIELD_OF: Final[Mapping[str, str]] = {"birth_date": "birth_year", "allergies": "allergies"}
"""A field of NewPatient named by the desk -> the control it is typed into."""
_FULL_WIDTH: Final = {ord(wide): ord("0") + digit for digit, wide in enumerate("０１２３４５６７８９")} | {
    ord("Ｘ"): ord("X"),
    ord("ｘ"): ord("X"),
    ord("　"): ord(" "),
}


def narrowed(text: str) -> str:
    """Digits typed with a Chinese input method in their usual width, without outer spaces."""
    return text.translate(_FULL_WIDTH).strip()


def read_birth(typed: Mapping[str, str], today: date, say: Say) -> tuple[date | None, str]:
    """The birth date typed in three boxes, or None and what to do."""
    parts = [narrowed(typed.get(f"birth_{part}", "")) for part in ("year", "month", "day")]
    if not any(parts):
        return None, ""
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None, say("people.error.birth_parts")
    try:
        born = date(int(parts[0]), int(parts[1]), int(parts[2]))
    except (ValueError, OverflowError):
        return None, say("people.error.birth_date")
    if born > today:
        return None, say("people.error.birth_future", day=today.isoformat())
    if born.year < OLDEST_YEAR:
        return None, say("people.error.birth_old", year=OLDEST_YEAR)
    return born, ""


def read_identity(text: str, say: Say) -> tuple[str, str]:
    """The 18-digit number, checked against GB 11643-1999, or "" and what to do."""
    number = narrowed(text).replace(" ", "").upper()
    if not number:
        return "", ""
    if len(number) != 18:
        return "", say("people.error.id_length", n=len(number))
    try:
        return gb11643.resident_id(number), ""
    except RefusedInput:
        is_digit = number[:17].isascii() and number[:17].isdigit() and number[17] in "0123456789X"
        return "", say("people.error.id_check" if is_digit else "people.error.id_characters")


def _read_sex(typed: Mapping[str, str], number: str, say: Say) -> tuple[str, str]:
    sex = typed.get("sex", "") or (gb11643.sex(number).value if number else "")
    if sex not in set(SEXES):
        return "", say("people.error.sex")
    return sex, say("people.error.sex_differs") if number and sex != gb11643.sex(number) else ""


def _agree_birth(typed: Mapping[str, str], born: date | None, number: str, say: Say) -> tuple[date | None, str]:
    """The birth date when it fits the identity number, or comes from it, or is said to be unknown."""
    if number and born is not None and born != gb11643.born(number):
        return None, say("people.error.birth_differs", day=gb11643.born(number).isoformat())
    found = born or (gb11643.born(number) if number else None)
    is_missing = found is None and typed.get("birth_unknown") != "yes" and not typed.get("resident_id", "").strip()
    return found, say("people.error.birth_missing") if is_missing else ""


def _read_allergies(typed: Mapping[str, str], say: Say) -> tuple[Allergies, dict[str, str]]:
    state = typed.get("allergies", "")
    if state not in set(AllergyState):
        return Allergies(), {"allergies": say("people.error.allergies")}
    if state != AllergyState.KNOWN:
        return Allergies(AllergyState(state)), {}
    substances = tuple(part.strip() for part in _split(typed.get("substances", "")) if part.strip())
    return Allergies(AllergyState.KNOWN, substances), {} if substances else {
        "substances": say("people.error.substances")
    }


def read_form(typed: Mapping[str, str], today: date, say: Say) -> tuple[NewPatient | None, dict[str, str]]:
    """The person the form describes, or what to change, by control in the order of the page."""
    name = typed.get("name", "").strip()
    number, wrong_id = read_identity(typed.get("resident_id", ""), say)
    sex, wrong_sex = _read_sex(typed, number, say)
    born, wrong_birth = read_birth(typed, today, say)
    if not wrong_birth:
        born, wrong_birth = _agree_birth(typed, born, number, say)
    check = typed.get("identity_check", "")
    allergies, wrong_allergies = _read_allergies(typed, say)
    said = {
        "name": "" if name else say("people.error.name"),
        "resident_id": wrong_id,
        "sex": wrong_sex,
        "birth_year": wrong_birth,
        "identity_check": "" if check in set(IdentityCheck) else say("people.error.identity_check"),
        **wrong_allergies,
    }
    errors = {field: words for field, words in said.items() if words}
    for field, limit in LIMITS.items():
        if len(typed.get(field, "")) > limit:
            errors.setdefault(field, say("people.error.long", n=limit))
    if errors:
        return None, errors
    return NewPatient(
        name=name,
        sex=Sex(sex),
        birth_date=born,
        identity_check=IdentityCheck(check),
        resident_id=number,
        village=typed.get("village", "").strip(),
        phone=narrowed(typed.get("phone", "")),
        allergies=allergies,
        insurance_code=narrowed(typed.get("insurance_code", "")),
        key=typed.get("key", ""),
        card=typed.get("card", ""),
    ), {}


def _split(text: str) -> list[str]:
    for mark in "，、；;":
        text = text.replace(mark, ",")
    return text.split(",")


def refused(error: RefusedInput, lang: str) -> dict[str, str]:
    """What the desk refused, beside its control: its message starts with the field's name."""
    field = str(error).partition(":")[0]
    words = error.hint.en if lang == "en" else error.hint.zh
    return {FIELD_OF.get(field, field if field in LIMITS or field in {"sex", "identity_check"} else "name"): words}
