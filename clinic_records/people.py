"""Patients, the people who care for them, and what each role may do."""

from datetime import date
from enum import StrEnum

import msgspec

from clinic_records.ids import PatientId


class Role(StrEnum):
    """Who acts; permissions hang on the role, authorship on the person."""

    NURSE = "nurse"
    DOCTOR = "doctor"
    PHARMACIST = "pharmacist"
    VILLAGE_DOCTOR = "village-doctor"
    COORDINATOR = "coordinator"
    SPECIALIST = "specialist"
    BUREAU = "bureau"
    OPERATOR = "operator"
    DRIVER = "driver"


class Author(msgspec.Struct, frozen=True):
    """Who did it; fixed at capture and never rewritten."""

    staff: str
    name: str
    role: Role


class Sex(StrEnum):
    """Administrative gender in FHIR R4's words."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class IdentityCheck(StrEnum):
    """How the person's identity was checked (hazard H03)."""

    CARD_AND_FACE = "card+face"
    CARD = "card"
    KNOWN_TO_STAFF = "known"
    DECLARED = "declared"


class PatientStatus(StrEnum):
    """How far the demographics may be trusted."""

    PROVISIONAL = "provisional"
    DECLARED = "declared"
    VERIFIED = "verified"
    MERGED = "merged"
    DECEASED = "deceased"


class AllergyState(StrEnum):
    """Four states, because "not asked" is not "none" (hazard H13)."""

    NOT_ASKED = "not-asked"
    ASKED_NONE = "asked-none"
    KNOWN = "known"
    UNKNOWN = "unknown"


class Allergies(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of the question, and the substances where any are known."""

    state: AllergyState = AllergyState.NOT_ASKED
    substances: tuple[str, ...] = ()


class Patient(msgspec.Struct, frozen=True, omit_defaults=True):
    """One villager. `name` is one field, family name first, never split."""

    id: PatientId
    name: str
    sex: Sex
    birth_date: date | None
    status: PatientStatus = PatientStatus.DECLARED
    identity_check: IdentityCheck = IdentityCheck.DECLARED
    resident_id: str = ""
    insurance_code: str = ""
    village: str = ""
    phone: str = ""
    allergies: Allergies = Allergies()


def full_years(birth_date: date, on: date) -> int:
    """Age in completed years on a day, as every paper form wants it."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
