"""Stops on the road: check-in by hand and by position, substitution, missed and made up, unscheduled, due lists."""

from datetime import date, datetime, time, timedelta
from functools import partial

import msgspec
import pytest

from clinic_records.care import CheckInWay, Encounter, Recording, Stop, StopStatus
from clinic_records.clock import CHINA, Origin, Stamp
from clinic_records.consult import Recall, RecallLevel
from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.ids import EncounterId, PatientId, RecordId, StopId
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric, Reading
from clinic_records.record import Kind, Lane, Record
from clinic_records.schedule import PublishedPoint, Visit
from schedules.adherence.match import MAKE_UP_WITHIN
from schedules.publish import encode, make_version
from tests.unit.visits.visits_world import NOW_DAY, NURSE, Clinic, close_stop, open_stop, register, see, visit
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.records import history, put_foreign
from vehicle_agent.store.resuming import Resuming, save_resuming
from vehicle_agent.visits.crew import NewSubstitution, crew_of, substitute
from vehicle_agent.visits.days import day_of, next_days
from vehicle_agent.visits.due import due_at
from vehicle_agent.visits.encounters import finish, set_follow_up
from vehicle_agent.visits.following import follow
from vehicle_agent.visits.missed import say_missed, to_make_up
from vehicle_agent.visits.plans import plan_of_day
from vehicle_agent.visits.stops import NewStop, open_unscheduled
from vehicle_agent.visits.stops import open_stop as open_at
from vehicle_agent.visits.versions import listed

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)
LON, LAT = 119.68645, 27.80983
POINTS = {
    "P001": PublishedPoint("桃源点", "桃源村", "331127101204", LON, LAT, "蓝医生", "0578-0000001"),
    "P002": PublishedPoint("东坑点", "东坑村", "331127101206", LON + 0.02, LAT),
}
MORNING = visit("a", time(9))
NOON = msgspec.structs.replace(visit("b", time(14)), point_id="P002", point_name="东坑点", village="东坑村")
DEGREE_M = 111_195
ORIGIN = Origin("H1", 1, 1)
ENCOUNTER = EncounterId("e1")


def publish(clinic: Clinic, *visits: Visit, version: int = 1, staff: dict[str, str] | None = None) -> None:
    plan = make_version(
        visits, version=version, effective_from=FIRST, first=FIRST, last=LAST, staff=staff, points=POINTS
    )
    record = Record(RecordId("schedule"), version, Kind.SCHEDULE, Lane.P2, encode(plan), ORIGIN, None, clinic.now)
    clinic.store.write(lambda conn: put_foreign(conn, record))


def at(clock: str, day: date = NOW_DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), CHINA)


def fix(
    clinic: Clinic, when: datetime, metres: float = 0, *, knots: str = "0", ahead_s: int = 0, doubtful: bool = False
) -> bool:
    """The vehicle is heard `metres` north of point P001."""
    clinic.now = when
    latitude = f"{LAT + metres / DEGREE_M:.6f}"
    numerics = tuple(
        Numeric(Code("local", name, name), quantity(value, unit))
        for name, value, unit in (
            ("latitude", latitude, "deg"),
            ("longitude", str(LON), "deg"),
            ("ground-speed", knots, "[kn_i]"),
        )
    )
    stamp = Stamp(when, when - timedelta(seconds=ahead_s), clock_doubtful=doubtful)
    reading = clinic.reading("gps1", modality="position", stamp=stamp, numerics=numerics)
    clinic.keep(reading)
    return follow_it(clinic, reading)


def follow_it(clinic: Clinic, reading: Reading) -> bool:
    new_id = StopId(clinic.ids.new())
    return clinic.store.write(lambda conn: follow(conn, "V01", reading, new_id, clinic.now))


def stop_of_visit(clinic: Clinic, visit_id: str) -> Stop:
    found = clinic.store.read(lambda conn: listed(conn, Stop, where={"visit_id": visit_id}))
    return found[0].thing


def test_standing_at_the_point_is_the_check_in_and_opening_keeps_it(clinic: Clinic) -> None:
    publish(clinic, MORNING, NOON)
    assert not fix(clinic, at("08:00"), 5_000)
    assert not fix(clinic, at("08:40"), 200, knots="20"), "it only passes by"
    assert fix(clinic, at("08:52"), 120, ahead_s=7)
    assert not fix(clinic, at("08:58"), 90), "once"
    here = stop_of_visit(clinic, "a")
    assert here.arrived is not None
    assert (here.status, here.arrived.at, here.arrived.way) == (StopStatus.PLANNED, at("08:52"), CheckInWay.POSITION)
    assert (here.arrived.metres, here.arrived.by, here.arrived.clock_ahead_s) == (120, None, 7)
    clinic.now = at("09:05")
    opened = open_stop(clinic)
    assert (opened.id, opened.arrived, opened.opened_at) == (here.id, here.arrived, at("09:05"))
    rows = clinic.store.read(lambda conn: rows_where(conn, "id = ?", (here.id,)))
    assert [(row.revision, row.lane, row.state) for row in rows] == [(1, Lane.P2, "queued"), (2, Lane.P2, "queued")]


def test_leaving_is_noted_after_closing_and_coming_back_takes_it_away(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    fix(clinic, at("08:52"))
    open_stop(clinic)
    assert not fix(clinic, at("10:00"), 400), "between the fences a fix may wander"
    assert fix(clinic, at("10:10"), 600)
    assert stop_of_visit(clinic, "a").left is not None
    assert fix(clinic, at("10:20"), 50)
    assert stop_of_visit(clinic, "a").left is None
    clinic.now = at("11:30")
    close_stop(clinic)
    assert fix(clinic, at("11:42"), 900, knots="30")
    gone = stop_of_visit(clinic, "a")
    assert gone.left is not None
    assert (gone.status, gone.left.at, gone.left.way) == (StopStatus.CLOSED, at("11:42"), CheckInWay.POSITION)
    assert not fix(clinic, at("11:50"), 4000)


@pytest.mark.parametrize(("when", "is_it"), [("07:29", False), ("07:30", True), ("22:00", True)])
def test_nobody_comes_to_work_at_dawn(clinic: Clinic, when: str, is_it: bool) -> None:
    publish(clinic, MORNING)
    assert fix(clinic, at(when)) is is_it


def test_a_doubtful_clock_or_no_number_checks_nobody_in(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    assert not fix(clinic, at("09:00"), doubtful=True)
    assert not follow_it(clinic, clinic.reading("gps1", modality="position"))
    assert not follow_it(clinic, clinic.reading("ecg1"))


def test_a_restored_box_keeps_its_positions_and_checks_nobody_in_on_old_stops(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    fix(clinic, at("08:52"))
    open_stop(clinic)
    clinic.store.write(lambda conn: save_resuming(conn, Resuming(incarnation=2)))
    assert not fix(clinic, at("10:10"), 900), "no newer version of the stop is made before the last one is back"
    positions = clinic.store.read(lambda conn: listed(conn, Recording, where={"reading.modality": "position"}))
    assert len(positions) == 2


def test_by_hand_the_fix_stands_beside_and_corrects_nothing(clinic: Clinic) -> None:
    publish(clinic, MORNING, NOON)
    fix(clinic, at("13:50"), 9_000)
    clinic.now = at("14:10")
    stop = clinic.store.write(lambda conn: open_at(conn, "V01", StopId("s1"), clinic.act(), "b", at("13:58")))
    assert stop.arrived is not None
    assert (stop.visit_id, stop.arrived.at, stop.arrived.by) == ("b", at("13:58"), NURSE)
    assert stop.arrived.metres is not None
    assert stop.arrived.metres > 8_000, "far from the point: told, not changed"


@pytest.mark.parametrize("typed", [at("10:01"), at("09:00", NOW_DAY - timedelta(days=1))])
def test_an_arrival_to_come_or_of_another_day_is_refused(clinic: Clinic, typed: datetime) -> None:
    publish(clinic, MORNING)
    clinic.now = at("10:00")
    with pytest.raises(RefusedInput):
        clinic.store.write(lambda conn: open_at(conn, "V01", StopId("s1"), clinic.act(), "a", typed))
    assert clinic.store.read(lambda conn: listed(conn, Stop)) == []


def test_a_visit_of_another_vehicle_is_not_ours_to_open(clinic: Clinic) -> None:
    publish(clinic, MORNING, visit("other", time(9), "V02"))
    with pytest.raises(NotFound):
        clinic.store.write(lambda conn: open_at(conn, "V01", StopId("s1"), clinic.act(), "other"))


def test_a_substitution_has_a_reason_and_the_last_one_counts(clinic: Clinic) -> None:
    beside = msgspec.structs.replace(visit("x", time(9), "V02"), staff_ids=("n009",))
    publish(clinic, MORNING, beside, staff={"n001": "张护士", "n009": "李护士"})

    def put_in(instead: str, reason: str, name: str = "李护士") -> Stop:
        form = NewSubstitution("n001", instead, reason)
        return clinic.store.write(lambda conn: substitute(conn, "V01", "a", form, name, StopId("s1"), clinic.act()))

    with pytest.raises(RefusedInput):
        put_in("n009", " ")
    stop = put_in("n009", "请假")
    plan = clinic.store.read(lambda conn: plan_of_day(conn, NOW_DAY))
    (member,) = crew_of(stop, plan)
    assert member.change is not None
    assert (member.name, member.change.name, member.change.by) == ("张护士", "李护士", NURSE)
    assert [v.vehicle_id for v in member.elsewhere] == ["V02"], "a nurse who changes vehicle is planned on two"
    opened = open_stop(clinic)
    assert opened.substitutions == stop.substitutions
    (member,) = crew_of(put_in("", "没人能来", ""), plan)
    assert member.change is not None
    assert (member.change.instead, member.elsewhere) == ("", ())
    (member,) = crew_of(put_in("n001", "", "张护士"), plan)
    assert member.change is None
    assert len(stop_of_visit(clinic, "a").substitutions) == 3, "nothing that was said is lost"
    close_stop(clinic)
    with pytest.raises(Conflict):
        put_in("n009", "请假")


@pytest.mark.parametrize(("planned", "instead"), [("n999", "n002"), ("n001", "n002")])
def test_only_a_planned_person_by_one_who_is_not(clinic: Clinic, planned: str, instead: str) -> None:
    publish(clinic, msgspec.structs.replace(MORNING, staff_ids=("n001", "n002")))
    form = NewSubstitution(planned, instead, "请假")
    with pytest.raises((NotFound, RefusedInput)):
        clinic.store.write(lambda conn: substitute(conn, "V01", "a", form, "", StopId("s1"), clinic.act()))


def test_a_missed_visit_says_why_and_is_made_up_for(clinic: Clinic) -> None:
    earlier = NOW_DAY - timedelta(days=3)
    publish(clinic, msgspec.structs.replace(MORNING, date=earlier), NOON)

    def say(visit_id: str, day: date, reason: str) -> Stop:
        new_id = StopId(clinic.ids.new())
        return clinic.store.write(lambda conn: say_missed(conn, "V01", day, visit_id, reason, new_id, clinic.act()))

    with pytest.raises(RefusedInput):
        say("a", earlier, "")
    with pytest.raises(RefusedInput):
        say("b", NOW_DAY + timedelta(days=1), "路不通")
    with pytest.raises(NotFound):
        say("zzz", earlier, "路不通")
    missed = say("a", earlier, "路不通")
    assert say("a", earlier, "塌方").id == missed.id, "said again, it is the next version"

    def open_ones() -> list[str]:
        found = clinic.store.read(lambda conn: to_make_up(conn, "V01", NOW_DAY, MAKE_UP_WITHIN))
        return [stop.visit_id for stop in found]

    assert open_ones() == ["a"]
    form = NewStop("P001", reason="补诊", makes_up_for="a")
    clinic.now = at("10:00")
    made = clinic.store.write(lambda conn: open_unscheduled(conn, "V01", StopId("s2"), clinic.act(), form))
    assert (made.point_name, made.village, made.visit_id, made.schedule_version) == ("桃源点", "桃源村", "", 1)
    assert open_ones() == []
    close_stop(clinic)
    assert say("b", NOW_DAY, "车坏").status is StopStatus.MISSED
    clinic.now = at("15:00")
    reopened = clinic.store.write(lambda conn: open_at(conn, "V01", StopId("s3"), clinic.act(), "b"))
    assert (reopened.status, reopened.reason) == (StopStatus.OPEN, ""), "it could go after all"
    with pytest.raises(Conflict):
        say("b", NOW_DAY, "车坏")


def test_what_was_only_foreseen_is_no_visit_kept(clinic: Clinic) -> None:
    """Somebody was to come instead, and then nobody came: the visit is missed; taken away, it is no stop at all."""
    tomorrow = NOW_DAY + timedelta(days=1)
    publish(clinic, MORNING, NOON)
    form = NewSubstitution("n001", "n009", "请假")
    clinic.store.write(lambda conn: substitute(conn, "V01", "a", form, "李护士", StopId("s1"), clinic.act()))
    found = clinic.store.read(lambda conn: to_make_up(conn, "V01", tomorrow, MAKE_UP_WITHIN))
    assert [stop.visit_id for stop in found] == ["a", "b"]
    publish(clinic, msgspec.structs.replace(MORNING, date=tomorrow), NOON, version=2)
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, NOW_DAY))
    assert [line.stop.visit_id for line in day.lines] == ["b"]


def test_a_stop_at_an_unknown_point_is_refused_and_at_a_named_place_is_not(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    with pytest.raises(NotFound):
        clinic.store.write(lambda conn: open_unscheduled(conn, "V01", StopId("s"), clinic.act(), NewStop("P777")))
    form = NewStop(place=" 养老院 ", reason="体检")
    stop = clinic.store.write(lambda conn: open_unscheduled(conn, "V01", StopId("s"), clinic.act(), form))
    assert (stop.point_name, stop.point_id, stop.reason) == ("养老院", "", "体检")
    day = clinic.store.read(lambda conn: day_of(conn, "V01", NOW_DAY, NOW_DAY))
    assert sorted((line.origin, line.state) for line in day.lines) == [("planned", "planned"), ("unscheduled", "open")]


def test_two_vehicles_keep_a_stop_of_one_visit_each(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    assert open_stop(clinic).id != open_stop(clinic).visit_id


def test_who_is_due_at_the_next_stop(clinic: Clinic) -> None:
    next_stop = NOW_DAY + timedelta(days=7)
    publish(clinic, MORNING, msgspec.structs.replace(MORNING, visit_id="n", date=next_stop))
    open_stop(clinic)
    again, later, elsewhere = (
        register(clinic, name=name, village=village)
        for name, village in (("王秀英", "桃源村2组"), ("李国强", "桃源村"), ("蓝大娘", "东坑村"))
    )
    assert clinic.store.read(lambda conn: next_days(conn, "P001", NOW_DAY)) == [next_stop]
    for patient, day in ((again, next_stop), (later, next_stop + timedelta(days=1)), (elsewhere, next_stop)):
        encounter = see(clinic, patient)
        with pytest.raises(RefusedInput):
            come_again(clinic, encounter, NOW_DAY)
        come_again(clinic, encounter, day)
        clinic.store.write(partial(finish, encounter_id=encounter.id, act=clinic.act()))
        with pytest.raises(Conflict):
            come_again(clinic, encounter, None)

    def due(village: str = "桃源村", day: date = next_stop) -> list[tuple[str, str, date | None]]:
        found = clinic.store.read(lambda conn: due_at(conn, village, day))
        return [(one.patient.name, one.level.value, one.due_on) for one in found]

    assert due() == [("王秀英", "none", next_stop)]
    clinic.wait(hours=1)
    recall(clinic, later.id, RecallLevel.TODAY)
    recall(clinic, again.id, RecallLevel.ROUTINE)
    assert due() == [("李国强", "today", None), ("王秀英", "routine", next_stop)]
    clinic.wait(hours=1)
    see(clinic, later)
    assert [name for name, _, _ in due()] == ["王秀英"], "who was seen since is not called again"
    assert [name for name, _, _ in due("东坑村")] == ["蓝大娘"]


def test_who_came_since_without_a_new_date_is_not_due(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    open_stop(clinic)
    patient = register(clinic, village="桃源村")
    first = see(clinic, patient)
    come_again(clinic, first, NOW_DAY + timedelta(days=7))
    clinic.store.write(partial(finish, encounter_id=first.id, act=clinic.act()))
    later = NOW_DAY + timedelta(days=7)
    assert [one.patient.id for one in clinic.store.read(lambda conn: due_at(conn, "桃源村", later))] == [patient.id]
    clinic.wait(hours=2)
    see(clinic, patient)
    assert clinic.store.read(lambda conn: due_at(conn, "桃源村", later)) == []


def come_again(clinic: Clinic, encounter: Encounter, day: date | None) -> None:
    clinic.store.write(lambda conn: set_follow_up(conn, encounter.id, day, clinic.act()))


def recall(clinic: Clinic, patient: PatientId, level: RecallLevel) -> None:
    new_id = RecordId(clinic.ids.new())
    made = Recall(new_id, ENCOUNTER, patient, level, "血糖很高", NURSE, clinic.now)
    record = Record(new_id, 1, Kind.RECALL, Lane.P1, msgspec.json.encode(made), ORIGIN, None, clinic.now)
    assert clinic.store.write(lambda conn: put_foreign(conn, record))


def test_every_change_is_a_version_with_its_outbox_row(clinic: Clinic) -> None:
    publish(clinic, MORNING)
    fix(clinic, at("08:55"))
    open_stop(clinic)
    clinic.now = at("11:00")
    close_stop(clinic)
    fix(clinic, at("11:20"), 2_000)
    stop = stop_of_visit(clinic, "a")
    versions = clinic.store.read(lambda conn: history(conn, Kind.STOP, stop.id))
    rows = clinic.store.read(lambda conn: rows_where(conn, "id = ?", (stop.id,)))
    assert [record.revision for record in versions] == sorted(row.revision for row in rows) == [1, 2, 3, 4]
    assert [record.author for record in versions] == [None, NURSE, NURSE, None]
