"""Registering a villager: what the form must hold before it becomes a Patient."""

from datetime import date
from typing import Final

import msgspec

from clinic_records import resident_id as gb11643
from clinic_records.clock import CHINA
from clinic_records.errors import Conflict, Hint, RefusedInput
from clinic_records.ids import PatientId
from clinic_records.people import AllergyState, IdentityCheck, Patient, PatientStatus, Sex
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.versions import Act, listed, put
from vehicle_agent.visits.views import NewPatient

SEARCH_LIMIT: Final = 50
"""Hits shown; more means the person should type more."""

NUMBER_PART: Final = 4
"""Characters of a number that must be typed before numbers are searched: villagers are known by their last four."""


def _refuse(field: str, zh: str, en: str) -> RefusedInput:
    return RefusedInput(f"{field}: {en}", hint=Hint(zh, en))


def patient_from(form: NewPatient, new_id: PatientId, today: date) -> Patient:
    """The Patient a filled form makes.

    Raises:
        RefusedInput: no name, an impossible birth date, a wrong identity number, or one that contradicts the rest.
    """
    name = " ".join(form.name.split())
    if not name:
        raise _refuse("name", "请填姓名", "fill in the name")
    number = gb11643.resident_id(form.resident_id) if form.resident_id.strip() else ""
    birth_date = form.birth_date or (gb11643.born(number) if number else None)
    if birth_date is not None and birth_date > today:
        raise _refuse("birth_date", "出生日期在今天之后", "the birth date lies after today")
    if number and birth_date != gb11643.born(number):
        raise _refuse("birth_date", "出生日期和身份证号不一致", "the birth date differs from the identity number's")
    if number and form.sex in {Sex.MALE, Sex.FEMALE} and form.sex is not gb11643.sex(number):
        raise _refuse("sex", "性别和身份证号不一致", "the sex differs from the identity number's")
    allergies = form.allergies
    if allergies.state is AllergyState.KNOWN and not allergies.substances:
        raise _refuse("allergies", "请填过敏的药物或物质", "name the substance the person is allergic to")
    carded = form.identity_check in {IdentityCheck.CARD, IdentityCheck.CARD_AND_FACE}
    return Patient(
        id=new_id,
        name=name,
        sex=form.sex,
        birth_date=birth_date,
        status=PatientStatus.VERIFIED if carded and number else PatientStatus.DECLARED,
        identity_check=form.identity_check,
        resident_id=number,
        insurance_code=form.insurance_code.strip(),
        village=form.village.strip(),
        phone=form.phone.strip(),
        allergies=msgspec.structs.replace(allergies, substances=tuple(s.strip() for s in allergies.substances)),
    )


def register(conn: Connection, form: NewPatient, new_id: PatientId, act: Act) -> Patient:
    """Keep a new person.

    Raises:
        RefusedInput: see patient_from.
        Conflict: a person with this citizen number is here already.
    """
    patient = patient_from(form, new_id, act.now.astimezone(CHINA).date())
    if patient.resident_id:
        same = listed(conn, Patient, where={"resident_id": patient.resident_id}, limit=1)
        if same:
            raise Conflict(
                f"resident_id: person {same[0].thing.id} has this number already",
                hint=Hint(
                    f"这个身份证号已登记：{same[0].thing.name}", "This number is registered already; open that person."
                ),
            )
    put(conn, patient, act)
    return patient


def search(conn: Connection, text: str) -> list[Patient]:
    """People whose name holds `text`, or one of whose numbers does (at least 4 characters); newest first."""
    wanted = text.strip()
    fields = {"name": wanted}
    if len(wanted) >= NUMBER_PART:
        fields |= dict.fromkeys(("resident_id", "insurance_code", "phone"), wanted.upper())
    found = listed(conn, Patient, contains=fields if wanted else None, newest_first=True, limit=SEARCH_LIMIT)
    return [version.thing for version in found]
