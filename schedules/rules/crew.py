"""S01, S02, Q01, Q06: one person on one vehicle at a time, a nurse in every crew, a seat for everybody."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from clinic_records.schedule import Visit
from schedules.findings import Finding
from schedules.model import StaffMember
from schedules.rules.calendar import Calendar, Gathering

NURSE_WORDS: Final = ("nurse", "护")
"""What the column `role` says of a nurse: 护士, 护师, 主管护师, head nurse."""


def one_vehicle_a_person(calendar: Calendar) -> Iterator[Finding]:
    """S01 two vehicles at the same time, S02 another vehicle later on the same day."""
    found = Gathering()
    for _, visits in groupby(calendar.visits, key=attrgetter("date")):
        last: dict[str, Visit] = {}
        for visit in sorted(visits, key=attrgetter("start")):
            for person in visit.staff_ids:
                before = last.get(person)
                if before is not None and before.vehicle_id != visit.vehicle_id:
                    _changes_vehicle(calendar, found, person, before, visit)
                if before is None or visit.end > before.end:
                    last[person] = visit
    yield from found.findings()


def _changes_vehicle(calendar: Calendar, found: Gathering, person: str, before: Visit, visit: Visit) -> None:
    place, day = calendar.place(visit).at("staff_ids"), visit.date
    root, (row_zh, row_en) = calendar.rule(visit, "staff_ids"), calendar.row(before, place)
    one, two = before.vehicle_id, visit.vehicle_id
    if visit.start < before.end:
        zh = f"{day} {visit.start:%H:%M}，{person} 同时在 {one}（{row_zh}）和 {two} 上"
        en = f"{person} is on {one} ({row_en}) and {two} at {visit.start:%H:%M} on {day}"
        found.add("S01", place, day, zh, en, value=person, key=person, root=root)
    else:
        zh = f"{day}，{person} 从 {one}（{row_zh}）换到 {two}"
        en = f"{person} changes from {one} ({row_en}) to {two} on {day}"
        found.add("S02", place, day, zh, en, value=person, key=person, root=root)


def is_nurse(person: StaffMember) -> bool:
    """Whether the person's role is that of a nurse."""
    return any(word in person.role.lower() for word in NURSE_WORDS)


def qualified(calendar: Calendar) -> Iterator[Finding]:
    """Q01 no nurse in the crew, Q06 more people than seats."""
    found = Gathering()
    nurses = {name for name, person in calendar.plan.staff.items() if is_nurse(person)}
    for visit in calendar.visits:
        has_nurse = not nurses.isdisjoint(visit.staff_ids)
        crew, seats = len(visit.staff_ids), calendar.plan.vehicles[visit.vehicle_id].seats
        if has_nurse and (seats is None or crew <= seats):
            continue
        place, value = calendar.origin(visit, "staff_ids").at("staff_ids"), ";".join(visit.staff_ids)
        if not has_nurse:
            zh, en = "人员里没有护士，请加一位", "no nurse in the crew; add one"
            found.add("Q01", place, visit.date, zh, en, value=value)
        if seats is not None and crew > seats:
            zh = f"{visit.vehicle_id} 有 {seats} 个座位，排了 {crew} 人"
            en = f"{crew} people on the {seats} seats of {visit.vehicle_id}"
            found.add("Q06", place, visit.date, zh, en, value=value)
    yield from found.findings()
