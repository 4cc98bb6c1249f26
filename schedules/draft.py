"""From a coordinator's files to a draft, and from a draft to the next version."""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_records.schedule import PublishedSchedule
from schedules.check import Checked, check
from schedules.diff import Change, changes, visits_in_force
from schedules.findings import Severity, has_errors
from schedules.folder import Draft, PlanFolder
from schedules.load.rows import RawTables
from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Plan
from schedules.publish import cancelled_of, make_version, points_of

DEFAULT_SPAN = timedelta(days=365)
"""Longest stretch laid out when no month is asked for: twelve months from the first rule's first day."""


YEARS = range(1990, 2100)
"""What a schedule can mean: `26-11-23` is no date of it."""


def month_days(text: str) -> tuple[date, date]:
    """First and last day of `2026-11`.

    Raises:
        RefusedInput: it is not a month.
    """
    try:
        year, month = (int(part) for part in text.split("-"))
        year = year if year in YEARS else 0
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    except ValueError:
        raise RefusedInput(f'"{text}" is not a month; write it as 2026-11') from None


def year_days(year: int) -> tuple[date, date]:
    """First and last day of a year."""
    return date(year, 1, 1), date(year, 12, 31)


def plan_days(plan: Plan, today: date) -> tuple[date, date]:
    """The days a plan's rules speak of; the month of `today` where it has no rule.

    At most twelve months, and beyond the first year only years whose holidays the plan holds: next year's are made
    known in November.
    """
    if not plan.rules:
        return month_days(f"{today:%Y-%m}")
    first = min(rule.effective_from for rule in plan.rules.values())
    ends = [rule.effective_to for rule in plan.rules.values()]
    latest = max((end for end in ends if end is not None), default=first)
    limit = first + DEFAULT_SPAN - timedelta(days=1)
    if limit.year not in {first.year, *(day.year for day in plan.holidays)}:
        limit = date(first.year, 12, 31)
    return first, limit if None in ends else min(latest, limit)


class CheckedFiles(NamedTuple):
    """What lay at a path, and what came of it between two days."""

    tables: RawTables
    checked: Checked
    first: date
    last: date


def check_files(path: Path, days: tuple[date, date] | None, today: date) -> CheckedFiles:
    """Read and check what lies at `path`, on the given days or on those its rules speak of.

    Raises:
        NotFound: there is nothing.
        RefusedInput: it cannot be read at all.
    """
    tables = read_tables(path, days[0].year if days else None)
    first, last = days or plan_days(read_plan(tables).plan, today)
    return CheckedFiles(tables, check(tables, first, last), first, last)


def read_draft(
    path: Path, days: tuple[date, date] | None, now: datetime, imported_by: str = ""
) -> tuple[Draft, RawTables]:
    """What lies at `path` as a draft, errors and all, and the tables it was read from.

    Raises:
        NotFound: there is nothing at `path`.
        RefusedInput: it cannot be read at all.
    """
    tables, checked, first, last = check_files(path, days, now.astimezone(CHINA).date())
    staff = {person.staff_id: person.name for person in checked.plan.staff.values()}
    name, found = path.resolve().name, checked.findings
    return Draft(
        name, now, first, last, checked.visits, staff, found, checked.plan, checked.of_reading, imported_by
    ), tables


def import_draft(path: Path, folder: PlanFolder, days: tuple[date, date] | None, now: datetime) -> Draft:
    """Read, check and keep as the draft, errors and all: it can be looked at, but not published.

    Raises:
        NotFound: there is nothing at `path`.
        RefusedInput: it cannot be read at all; the draft before it stays.
    """
    draft, _ = read_draft(path, days, now)
    return folder.take_draft(draft)


def draft_changes(folder: PlanFolder) -> tuple[Change, ...]:
    """What the draft changes of the versions in force on its days.

    Raises:
        NotFound: there is no draft.
    """
    draft = folder.draft()
    return changes(visits_in_force(folder.versions(), draft.first, draft.last), draft.visits)


def _same_content(one: PublishedSchedule, other: PublishedSchedule) -> bool:
    def content(schedule: PublishedSchedule) -> PublishedSchedule:
        return msgspec.structs.replace(schedule, version=0, hash="", approved_by="")

    return content(one) == content(other)


def publish_draft(
    folder: PlanFolder,
    draft: Draft,
    effective_from: date | None,
    today: date,
    approved_by: str = "",
    must: Callable[[PublishedSchedule], None] = lambda _: None,
) -> PublishedSchedule:
    """Make a draft the next version; where the newest version says the same already, that one is returned.

    Args:
        folder: where drafts and versions lie.
        draft: what is published.
        effective_from: None is `today`, or the plan's first day where `today` lies outside it.
        today: the date at +08:00.
        approved_by: who approved it; empty where nobody said.
        must: raises where a new version may not be.

    Raises:
        RefusedInput: the draft has errors or no visit, or `effective_from` lies outside its days.
        Conflict: somebody published at the same moment.
    """
    if has_errors(draft.findings):
        count = sum(one.severity is Severity.ERROR for one in draft.findings)
        raise RefusedInput(
            f"the draft of {draft.source} has {count} error(s); correct the files, import again, then publish",
            hint=Hint(f"草稿有 {count} 处错误，改好后重新导入再发布。", "Correct the files and import them again."),
        )
    if not draft.visits:
        raise RefusedInput(f"the draft of {draft.source} has no visit from {draft.first} to {draft.last}")
    start = effective_from or (today if draft.first <= today <= draft.last else draft.first)
    numbers = folder.numbers()
    schedule = make_version(
        draft.visits,
        version=numbers[-1] + 1 if numbers else 1,
        effective_from=start,
        first=draft.first,
        last=draft.last,
        staff=draft.staff,
        points=points_of(draft.plan),
        approved_by=approved_by,
        cancelled=cancelled_of(draft.plan, draft.first, draft.last),
    )
    if numbers and _same_content(newest := folder.version(numbers[-1]), schedule):
        return newest
    must(schedule)
    folder.add(schedule)
    return schedule
