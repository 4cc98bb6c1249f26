"""Making an e-prescription: lines of the formulary, a doctor's name, at most three days (forms S9, hazard H15)."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import AccessError, Hint, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.people import Author, Role
from clinic_records.prescription import PrescribedLine, Prescription
from clinic_records.record import Kind
from cloud_hospital.downlinks.csv_rows import Mistake, Row, read_table
from cloud_hospital.downlinks.issue import keep_message, queue_issued
from cloud_hospital.downlinks.lists import formulary
from cloud_hospital.downlinks.opinions import find_case
from cloud_hospital.downlinks.rights import first_right
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import writing
from cloud_hospital.vehicles import box_key

PRESCRIBERS: Final = frozenset({Role.DOCTOR, Role.SPECIALIST})
MOST_LINES: Final = 5
"""Drugs of one prescription: 处方管理办法 (2007), article 6."""
MOST_DAYS: Final = 3
"""Days of validity, the first one being today: 处方管理办法 (2007), article 18."""
LINE_COLUMNS: Final = ("code", "units", "usage")


def read_lines(hospital: Hospital, path: Path) -> tuple[PrescribedLine, ...]:
    """The lines of a CSV file, by their codes in the formulary.

    Raises:
        ConfigError, RefusedInput: as `read_table`; an unknown code is a mistake of its row.
    """
    names = {medicine.code: f"{medicine.name} {medicine.strength}" for medicine in formulary(hospital).medicines}

    def line(row: Row) -> PrescribedLine:
        if row["code"] not in names:
            raise Mistake("code", f"{row['code']} 不在目录里", f"{row['code']} is not in the formulary")
        if not row["units"].isdecimal() or int(row["units"]) == 0:
            raise Mistake("units", "要写数量，例如 14", "write how many, for example 14")
        if not row["usage"]:
            raise Mistake("usage", "要写用法", "write how to take it")
        return PrescribedLine(row["code"], names[row["code"]], int(row["units"]), row["usage"])

    return read_table(path, LINE_COLUMNS, line, key="code")


def prescribe(
    hospital: Hospital, encounter: str, lines: Sequence[PrescribedLine], by: Author, days: int = 1
) -> Prescription:
    """Make a prescription and give the encounter's vehicle the right to dispense it. Durable on return.

    Raises:
        AccessError: `by` may not prescribe, or the encounter's vehicle is revoked.
        RefusedInput: no line, too many, or too many days.
        NotFound: the encounter has not come.
    """
    if by.role not in PRESCRIBERS:
        raise AccessError(f"{by.staff} is a {by.role}: only {', '.join(sorted(PRESCRIBERS))} prescribe")
    if not 1 <= len(lines) <= MOST_LINES or not 1 <= days <= MOST_DAYS:
        raise RefusedInput(
            f"{len(lines)} lines for {days} days: 1 to {MOST_LINES} lines, 1 to {MOST_DAYS} days",
            hint=Hint("每张最多五种药，最长三天。", "At most five medicines a prescription, three days."),
        )
    case = find_case(hospital, encounter)
    box_key(hospital, case.vehicle)  # else a right would lie where nobody can use it or give it back
    rx = Prescription(
        id=RecordId(hospital.ids.new()),
        encounter=case.encounter.id,
        patient=case.encounter.patient,
        lines=tuple(lines),
        by=by,
        at=hospital.now(),
        valid_until=_end_of_day(hospital.now(), days),
        person=case.person,
    )
    with writing(hospital.engine) as connection:
        refers = {"patient": rx.patient, "encounter": rx.encounter}
        keep_message(connection, hospital, Kind.PRESCRIPTION, rx, to=[case.vehicle], by=by, **refers)
        word = first_right(connection, hospital, rx, case.vehicle)
    for each in (rx.id, word):
        queue_issued(hospital, each)
    return rx


def _end_of_day(now: datetime, days: int) -> datetime:
    """Midnight in China that ends the last of `days`, today being the first."""
    today = now.astimezone(CHINA).date()
    return datetime.combine(today + timedelta(days), time(), CHINA)
