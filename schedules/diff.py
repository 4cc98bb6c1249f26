"""What a draft changes of what is in force: visits new, gone, and changed, by their ids."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from clinic_records.schedule import PublishedSchedule, Visit
from schedules.publish import in_force

FIELDS = ("date", "vehicle_id", "point_id", "start", "end", "staff_ids")
"""What of a visit people go by."""


class Kind(StrEnum):
    """How a visit differs."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One visit that differs; `fields` names what of it, for a changed one."""

    kind: Kind
    before: Visit | None = None
    after: Visit | None = None
    fields: tuple[str, ...] = ()


def visits_in_force(versions: Sequence[PublishedSchedule], first: date, last: date) -> list[Visit]:
    """What vehicles go by from `first` to `last`: on each day that of the version in force."""
    chosen = {}
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        version = in_force(versions, day)
        if version is not None:
            chosen[day] = version.version
    return [visit for version in versions for visit in version.visits if chosen.get(visit.date) == version.version]


def _fields(before: Visit, after: Visit) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))


def _day(change: Change) -> tuple[date, str]:
    visit = change.after or change.before
    return (visit.date, visit.visit_id) if visit else (date.min, "")


def changes(before: Iterable[Visit], after: Iterable[Visit]) -> tuple[Change, ...]:
    """Every difference, by date."""
    old = {visit.visit_id: visit for visit in before}
    new = {visit.visit_id: visit for visit in after}
    found = [Change(Kind.NEW, after=visit) for name, visit in new.items() if name not in old]
    found += [Change(Kind.GONE, before=visit) for name, visit in old.items() if name not in new]
    for name, visit in new.items():
        if name in old and (fields := _fields(old[name], visit)):
            found.append(Change(Kind.CHANGED, old[name], visit, fields))
    return tuple(sorted(found, key=_day))
