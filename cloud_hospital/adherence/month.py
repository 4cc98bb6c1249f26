"""A month's adherence from what the vehicles recorded."""

from collections import Counter
from datetime import datetime

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, NotFound
from clinic_records.schedule import PublishedSchedule
from cloud_hospital.adherence.planned import planned_visits
from cloud_hospital.adherence.records import checkins_of, people_at, reasons_of, spot_reasons, stops_between
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from schedules.adherence.checkins import CheckIn
from schedules.adherence.match import MAKE_UP_WITHIN
from schedules.adherence.report import Report, adherence_of
from schedules.draft import month_days
from schedules.folder import PlanFolder
from schedules.model import Plan, Point, Vehicle
from schedules.places import Place


def month_report(hospital: Hospital, month: str, as_of: datetime | None = None) -> Report:
    """How the visits of `2026-11` were kept, as far as the vehicles' records have come. Reads only; takes a while.

    `changes_by_reason` counts the coordinator's dated exceptions and what crews did on the spot.

    Args:
        hospital: whose records.
        month: as `2026-11`.
        as_of: a visit due later that nobody kept is open; None: now.

    Raises:
        RefusedInput: it is not a month, or the file of a version was altered.
        NotFound: no published version speaks of that month.
    """
    first, last = month_days(month)
    end = last + MAKE_UP_WITHIN
    folder = PlanFolder(hospital.folder.root)
    versions = [plan for plan in folder.versions() if plan.last >= first and plan.effective_from <= end]
    if not versions:
        raise NotFound(
            f"no published version speaks of {month}",
            hint=Hint("先发布这个月的班表。", "Publish that month's schedule first."),
        )
    with reading(hospital.engine) as connection:
        stops = stops_between(connection, first, end)
        people = people_at(connection, [stop.id for stop in stops])
    plan = _plan(folder, versions, {stop.vehicle for stop in stops})
    report = adherence_of(
        planned_visits(versions, stops, first, end),
        plan,
        [_at_known_point(one, plan) for one in checkins_of(stops, people)],
        first,
        last,
        (as_of or hospital.now()).astimezone(CHINA),
        why=reasons_of(stops),
    )
    reasons = Counter(report.changes_by_reason) + Counter(spot_reasons(stops, first, last))
    return msgspec.structs.replace(report, changes_by_reason=dict(sorted(reasons.items())))


def _at_known_point(one: CheckIn, plan: Plan) -> CheckIn:
    return one if one.point_id in plan.points else msgspec.structs.replace(one, point_id="")


def _plan(folder: PlanFolder, versions: list[PublishedSchedule], came: set[str]) -> Plan:
    """Points, vehicles and ways: of the newest plan that was kept, completed by what the versions themselves say."""
    newest = versions[-1]
    kept = folder.publication(newest.version)
    plan = kept.draft.plan if kept else Plan()
    place = Place("", "", 0)
    points = {
        id_: Point(id_, one.name, one.village_code or one.village, place, lon=one.lon, lat=one.lat)
        for version in versions
        for id_, one in version.points.items()
    }
    points |= {
        visit.point_id: Point(visit.point_id, visit.point_name, visit.village, place)
        for version in versions
        for visit in version.visits
        if visit.point_id not in points
    }
    names = {visit.vehicle_id for version in versions for visit in version.visits} | came
    vehicles = {name: Vehicle(name, "", place) for name in names}
    return msgspec.structs.replace(plan, points=points | plan.points, vehicles=vehicles | plan.vehicles)
