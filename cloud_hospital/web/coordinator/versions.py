"""History of the versions, and which vehicle has which: from the vehicles' own signed answers."""

from collections import Counter
from datetime import date
from typing import Final, NamedTuple

from fastapi import FastAPI, Request, Response

from clinic_records.schedule import PublishedSchedule
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.schedule_desk.holders import holders
from cloud_hospital.web.coordinator.place import Coordination
from schedules.diff import Change, changes
from schedules.folder import Publication
from schedules.publish import in_force

SHOWN: Final = 300
"""Changes on one page."""


class Version(NamedTuple):
    """A version, who published it, and what it changed of the one before."""

    schedule: PublishedSchedule
    publication: Publication | None
    counts: dict[str, int]
    is_current: bool
    is_over: bool


def add_versions(app: FastAPI, here: Coordination) -> None:
    """Mount the history."""
    desk = here.desk

    @app.get("/schedule/versions")
    def history(request: Request) -> Response:
        here.planner(request)
        return here.page(
            request,
            "versions.html",
            desk.draft(),
            versions=list(reversed(_versions(desk, desk.today()))),
            holders=holders(desk.hospital),
        )

    @app.get("/schedule/versions/{number}")
    def one(request: Request, number: int) -> Response:
        here.planner(request)
        version = desk.folder.version(number)
        found = _since_before(desk, version)
        return here.page(
            request,
            "version.html",
            desk.draft(),
            version=version,
            publication=desk.folder.publication(number),
            shown=found[:SHOWN],
            more=max(0, len(found) - SHOWN),
            counts=Counter(change.kind.value for change in found),
            place="versions",
        )


def _since_before(desk: ScheduleDesk, version: PublishedSchedule) -> tuple[Change, ...]:
    """What it changed of the version before it, on the days of both on which it is in force."""
    numbers = [number for number in desk.folder.numbers() if number < version.version]
    if not numbers:
        return changes((), version.visits)
    return _changed(desk.folder.version(numbers[-1]), version)


def _changed(before: PublishedSchedule, after: PublishedSchedule) -> tuple[Change, ...]:
    first, last = max(before.first, after.effective_from), min(before.last, after.last)
    if last < first:
        return changes((), after.visits)
    old = [one for one in before.visits if first <= one.date <= last]
    return changes(old, [one for one in after.visits if first <= one.date <= last])


def _versions(desk: ScheduleDesk, today: date) -> list[Version]:
    every = desk.versions()
    current = in_force(every, today)
    made = []
    before: PublishedSchedule | None = None
    for one in every:
        found = _changed(before, one) if before else ()
        counts = dict(Counter(change.kind.value for change in found))
        publication = desk.folder.publication(one.version)
        made.append(Version(one, publication, counts, one is current, one.last < today))
        before = one
    return made
