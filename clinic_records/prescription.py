"""E-prescriptions, and the one right to dispense each (law 5, sync rule 1)."""

from datetime import datetime
from typing import Final

import msgspec

from clinic_records.ids import EncounterId, PatientId, RecordId
from clinic_records.people import Author, Patient

PHARMACY: Final = "pharmacy"
"""Holder of a right that went out as a code for any pharmacy; every other holder is a vehicle's id."""


class PrescribedLine(msgspec.Struct, frozen=True):
    """One medicine: its code in the formulary, how many units, and how to take it."""

    code: str
    name: str
    units: int
    usage: str


class Prescription(msgspec.Struct, frozen=True, omit_defaults=True):
    """One e-prescription; a change is a retraction and a new one.

    Attributes:
        valid_until: by the hospital's clock; afterwards only a doctor who sees the person issues a new one (H15).
        person: the patient inline (sync rule 19).
    """

    id: RecordId
    encounter: EncounterId
    patient: PatientId
    lines: tuple[PrescribedLine, ...]
    by: Author
    at: datetime
    valid_until: datetime
    person: Patient | None = None


class DispenseRight(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who alone may dispense a prescription, told to every vehicle that has it.

    Attributes:
        rx: the prescription.
        token: 1, 2 ... of this prescription; a higher one is newer, whatever arrives first.
        holder: a vehicle's id, or PHARMACY.
        until: the right ends then by itself.
        is_asked_back: the holder is to release it, if it has not dispensed.
        incarnation: of the holding vehicle when the token was given; a box restored since may not know what became of
            it, and neither uses it nor gives it back.
    """

    id: RecordId
    rx: RecordId
    token: int
    holder: str
    until: datetime
    at: datetime
    is_asked_back: bool = False
    incarnation: int = 0


class Release(msgspec.Struct, frozen=True):
    """The holder gives the right back undispensed, and will never use this token."""

    id: RecordId
    rx: RecordId
    token: int
    at: datetime


class Dispense(msgspec.Struct, frozen=True):
    """The holder has handed over what was prescribed; its token is spent."""

    id: RecordId
    rx: RecordId
    token: int
    by: Author
    at: datetime
