"""Which version of the plan a day goes by: versions that come in mid-day, out of order, early, late, twice."""

import tempfile
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.care import Stop, StopStatus
from clinic_records.clock import Origin
from clinic_records.errors import BadFrame, Conflict
from clinic_records.ids import RecordId, StopId, sha256_hex
from clinic_records.record import Kind, Lane, Record
from clinic_records.schedule import CancelledVisit, PublishedSchedule, Visit
from schedules.publish import decode, encode, in_force, make_version
from tests.unit.visits.conftest import opened
from tests.unit.visits.visits_world import NOW_DAY, Clinic, close_stop, open_stop, register, see, visit
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge, understand
from vehicle_agent.visits import stops
from vehicle_agent.visits.days import day_of, month_of
from vehicle_agent.visits.encounters import finish
from vehicle_agent.visits.plans import Turn, plan_of_day, plans_for
from vehicle_agent.visits.published import versions
from vehicle_agent.visits.stops import Seen, stop_of
from vehicle_agent.visits.versions import get, listed, put

AT = datetime(2026, 11, 1, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
MORNING, NOON = visit("a", time(8)), visit("b", time(14))
TOMORROW = NOW_DAY + timedelta(days=1)


def version(
    number: int, *visits: Visit, effective_from: date = FIRST, cancelled: Collection[CancelledVisit] = ()
) -> PublishedSchedule:
    return make_version(
        visits, version=number, effective_from=effective_from, first=FIRST, last=LAST, cancelled=cancelled
    )


def gone(one: Visit, reason: str) -> CancelledVisit:
    where = (one.date, one.point_id, one.point_name, one.village, one.vehicle_id)
    return CancelledVisit(one.visit_id, *where, one.start, reason)


def record(payload: bytes, number: int) -> Record:
    return Record(RecordId("schedule"), number, Kind.SCHEDULE, Lane.P2, payload, Origin("H1", 1, number), None, AT)


def take(clinic: Clinic, plan: PublishedSchedule) -> None:
    """As the agent does with what came down."""
    clinic.store.write(lambda conn: merge(conn, record(encode(plan), plan.version), merging(clinic)))


def merging(clinic: Clinic) -> Merging:
    return Merging("V01", clinic.now, clinic.ids.new)


def states(clinic: Clinic, day: date = NOW_DAY) -> dict[str, str]:
    found = clinic.store.read(lambda conn: day_of(conn, "V01", day, NOW_DAY))
    return {line.stop.visit_id: line.state for line in found.lines}


def version_of(clinic: Clinic, day: date) -> int | None:
    plan = clinic.store.read(lambda conn: plan_of_day(conn, day))
    return plan.version if plan else None


def test_a_day_that_has_begun_keeps_its_version_and_the_next_has_the_new_one(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, NOON))
    stop = open_stop(clinic)
    assert (stop.visit_id, stop.schedule_version) == ("a", 12)
    take(clinic, version(13, MORNING, msgspec.structs.replace(NOON, start=time(15))))
    assert (version_of(clinic, NOW_DAY), version_of(clinic, TOMORROW)) == (12, 13)
    encounter = see(clinic, register(clinic))
    assert (encounter.schedule_version, encounter.visit_id) == (12, "a")
    clinic.store.write(lambda conn: finish(conn, encounter.id, clinic.act()))
    close_stop(clinic)
    assert open_stop(clinic).start == time(14), "the day's own version says when"


def test_before_the_first_check_in_the_new_version_counts_at_once(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, NOON))
    take(clinic, version(13, NOON))
    assert version_of(clinic, NOW_DAY) == 13
    assert states(clinic) == {"b": "planned"}


def test_a_cancellation_shows_at_once_and_is_not_the_next_stop(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, NOON))
    open_stop(clinic)
    later = msgspec.structs.replace(NOON, visit_id="c", start=time(16))
    take(clinic, version(13, MORNING, later))
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, NOW_DAY))
    assert {line.stop.visit_id: line.state for line in day.lines} == {"a": "open", "b": "cancelled"}
    assert [(v.visit_id, v.start) for v in day.added] == [("c", time(16))]
    assert (day.version, day.newest) == (12, 13)
    close_stop(clinic)
    assert open_stop(clinic).visit_id == "", "what was cancelled is not opened by itself: the stop is unscheduled"


def test_why_a_visit_was_cancelled_is_told_before_and_after_the_day_has_begun(clinic: Clinic) -> None:
    ours, theirs = gone(NOON, "道路不通"), gone(msgspec.structs.replace(MORNING, vehicle_id="V02"), "天气")
    take(clinic, version(12, MORNING, cancelled=[ours, theirs]))
    month = clinic.store.read(lambda conn: month_of(conn, "V01", FIRST, NOW_DAY))
    assert {one.day: one.cancelled for one in month.days if one.cancelled} == {NOW_DAY: (ours,)}
    take(clinic, version(13, MORNING, NOON))
    open_stop(clinic)
    take(clinic, version(14, MORNING, cancelled=[ours]))
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, NOW_DAY))
    assert [(line.turn.turn, line.turn.reason) for line in day.lines if line.turn] == [(Turn.CANCELLED, "道路不通")]
    assert day.cancelled == (), "the day keeps version 13, whose visit it is"


def test_who_came_to_a_cancelled_visit_stands_among_the_stops(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING))
    open_stop(clinic)
    clinic.wait(days=1)
    plan = version(13, cancelled=[gone(MORNING, "天气")])
    take(clinic, plan)
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, TOMORROW))
    assert ([line.state for line in day.lines], day.cancelled) == (["open"], ())


def open_seen(clinic: Clinic, visit_id: str, version: int) -> Stop:
    new_id, seen = StopId(clinic.ids.new()), Seen(visit_id, version)
    return clinic.store.write(lambda conn: stops.open_seen(conn, "V01", new_id, clinic.act(), seen))


def test_only_the_stop_that_was_seen_is_opened(clinic: Clinic) -> None:
    with pytest.raises(Conflict, match="version 0, not 12"):
        open_seen(clinic, "a", 12)
    take(clinic, version(12, MORNING, NOON))
    with pytest.raises(Conflict, match="version 12, not 0"):
        open_seen(clinic, "", 0)  # somebody saw a day without a schedule
    take(clinic, version(13, NOON))
    with pytest.raises(Conflict, match="version 13, not 12") as refused:
        open_seen(clinic, "a", 12)
    assert "第13版" in refused.value.hint.zh
    assert clinic.store.read(stops.open_one) is None
    take(clinic, version(14, MORNING, NOON))
    assert open_seen(clinic, "b", 14).visit_id == "b", "seen, though not the next one any more"
    assert open_seen(clinic, "a", 12).visit_id == "b", "the open one, where there is one"


def test_a_stop_that_was_taken_away_or_closed_meanwhile_is_not_opened(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, NOON))
    assert open_seen(clinic, "a", 12).visit_id == "a"
    take(clinic, version(13, MORNING))
    close_stop(clinic)
    for gone in ("a", "b"):  # closed, and cancelled on a day that keeps its version
        with pytest.raises(Conflict, match="not to come"):
            open_seen(clinic, gone, 12)
    assert len(clinic.store.read(lambda conn: listed(conn, Stop))) == 1


def test_moved_and_changed_visits_are_told(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, NOON, visit("d", time(17))))
    open_stop(clinic)
    moved = msgspec.structs.replace(NOON, date=TOMORROW)
    changed = msgspec.structs.replace(visit("d", time(17)), start=time(17, 30))
    take(clinic, version(13, MORNING, moved, changed))
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, NOW_DAY))
    turns = {line.stop.visit_id: line.turn.turn if line.turn else None for line in day.lines}
    assert turns == {"a": None, "b": Turn.MOVED, "d": Turn.CHANGED}


def test_a_version_that_comes_twice_or_late_changes_nothing(clinic: Clinic) -> None:
    for plan in (version(13, NOON), version(12, MORNING), version(13, NOON), version(12, MORNING)):
        take(clinic, plan)
    assert clinic.store.read(lambda conn: [plan.version for plan in versions(conn)]) == [13, 12]
    assert states(clinic) == {"b": "planned"}


def test_a_version_with_an_earlier_day_holds_for_days_not_begun_and_renumbers_nothing(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING, effective_from=date(2026, 11, 10)))
    stop = open_stop(clinic)
    take(clinic, version(13, msgspec.structs.replace(MORNING, visit_id="z"), effective_from=FIRST))
    assert clinic.store.read(lambda conn: get(conn, Stop, stop.id).thing) == stop
    assert (version_of(clinic, NOW_DAY), version_of(clinic, date(2026, 11, 5)), version_of(clinic, TOMORROW)) == (
        12,
        13,
        13,
    )


def test_a_forged_hash_is_refused_and_nothing_is_kept(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING))
    forged = encode(version(13, NOON)).replace(b'"b"', b'"x"')
    with pytest.raises(BadFrame, match="does not match"):
        understand(record(forged, 13))
    with pytest.raises(BadFrame):
        clinic.store.write(lambda conn: merge(conn, record(forged, 13), merging(clinic)))
    assert clinic.store.read(lambda conn: [plan.version for plan in versions(conn)]) == [12]


def test_a_number_given_twice_is_a_conflict(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING))
    with pytest.raises(Conflict, match="two contents"):
        take(clinic, version(12, NOON))
    assert states(clinic) == {"a": "planned"}


def test_a_field_of_a_later_release_does_not_break_the_hash() -> None:
    payload = encode(version(13, NOON))
    bare = payload.replace(decode(payload).hash.encode(), b"")[:-1] + b',"tides":[1]}'
    later = bare.replace(b'"hash":""', b'"hash":"%s"' % sha256_hex(bare).encode())
    assert decode(later).visits == (NOON,)


def test_after_two_weeks_offline_every_version_comes_at_once(clinic: Clinic) -> None:
    take(clinic, version(12, MORNING))
    open_stop(clinic)
    close_stop(clinic)
    clinic.wait(days=14)
    day = NOW_DAY + timedelta(days=14)
    for number in (15, 13, 14):
        there = msgspec.structs.replace(visit(f"v{number}", time(9)), date=day)
        plan = make_version([there], version=number, effective_from=FIRST, first=FIRST, last=date(2026, 12, 31))
        take(clinic, plan)
    assert (version_of(clinic, NOW_DAY), version_of(clinic, day)) == (12, 15)
    assert open_stop(clinic).visit_id == "v15"


def test_a_day_whose_version_is_lost_goes_by_the_one_in_force(clinic: Clinic) -> None:
    take(clinic, version(14, NOON))
    kept = msgspec.structs.replace(stop_of(MORNING, version(12, MORNING)), opened_at=clinic.now)
    clinic.store.write(lambda conn: put(conn, kept, clinic.act()))
    assert version_of(clinic, NOW_DAY) == 14


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)).map(sorted), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_whatever_the_order_the_highest_that_covers_a_day_counts(
    tmp_path: Path, spans: list[list[int]], random: Random
) -> None:
    plans = [
        make_version([], version=n, effective_from=date(2026, 11, a), first=FIRST, last=date(2026, 11, b))
        for n, (a, b) in enumerate(spans, 1)
    ]
    random.shuffle(plans)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    days = [FIRST + timedelta(days=n) for n in range(30)]
    with opened(folder) as clinic:
        for plan in plans:
            take(clinic, plan)
        found = clinic.store.read(lambda conn: plans_for(conn, days))
    assert {day: plan.version for day, plan in found.items()} == {
        day: best.version for day in days if (best := in_force(plans, day)) is not None
    }


def test_the_month_says_what_became_of_each_visit(clinic: Clinic) -> None:
    gone_by = msgspec.structs.replace(visit("old", time(8)), date=date(2026, 11, 2))
    beside = msgspec.structs.replace(MORNING, visit_id="v2", vehicle_id="V02")
    take(clinic, version(12, gone_by, MORNING, NOON, beside))
    open_stop(clinic)
    month = clinic.store.read(lambda conn: month_of(conn, "V01", FIRST, NOW_DAY))
    lines = {line.stop.visit_id: line for day in month.days for line in day.lines}
    assert {name: line.state for name, line in lines.items()} == {"old": "missed", "a": "open", "b": "planned"}
    assert lines["a"].others == ("V02",), "two vehicles at one stop"
    assert lines["a"].stop.status is StopStatus.OPEN
    assert (len(month.days), month.versions) == (30, (12,))
