"""What heads each of the coordinator's pages: the draft, the version in force, how far they differ."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from clinic_records.schedule import PublishedSchedule
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from schedules.diff import Change, changes, visits_in_force
from schedules.findings import Severity, has_errors
from schedules.folder import Draft, Edit
from schedules.publish import in_force


class Head(NamedTuple):
    """The state of the plan in one line.

    Attributes:
        source: the file the draft was read from; empty where there is no draft.
        revision: of the draft.
        current: number of the version in force today; 0 where none is.
        newest: number of the newest version; 0 where none was published.
        differing: what the draft changes, from today on, of what vehicles will go by on each day.
        last_edit: the last change by hand.
        is_readable: no row of its files was refused, so that visits can be changed here.
    """

    source: str
    revision: int
    errors: int
    warnings: int
    current: int
    newest: int
    differing: tuple[Change, ...]
    last_edit: Edit | None
    is_readable: bool = True


def head_of(desk: ScheduleDesk, draft: Draft | None) -> Head:
    """The head of the pages now."""
    versions = desk.versions()
    current = in_force(versions, desk.today())
    numbers = current.version if current else 0, versions[-1].version if versions else 0
    if draft is None:
        return Head("", 0, 0, 0, *numbers, (), None)
    severities = [one.severity for one in draft.findings]
    return Head(
        draft.source,
        draft.revision,
        severities.count(Severity.ERROR),
        severities.count(Severity.WARNING),
        *numbers,
        _differing(versions, draft, desk.today()),
        draft.edits[-1] if draft.edits else None,
        not has_errors(draft.of_reading),
    )


def _differing(versions: Sequence[PublishedSchedule], draft: Draft, today: date) -> tuple[Change, ...]:
    """What is over is not told. A version counts on the days on which it is in force, not on those before."""
    first = max(draft.first, today)
    published = visits_in_force(versions, first, draft.last)
    return changes(published, [visit for visit in draft.visits if visit.date >= first])
