"""The coordinator's draft: one visit moved or cancelled, made up or put back, published with an approver."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.record import Lane
from cloud_hospital.downlink import queue_schedules
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.schedule_desk.holders import holders
from schedules.check import check_plan
from schedules.desk.choices import Moving
from schedules.desk.decide import Wish, Word, move
from schedules.draft import publish_draft, read_draft
from schedules.findings import Severity
from schedules.folder import Draft
from schedules.model import Action
from schedules.repair.propose import propose
from sync.ports import Verdict
from tests.unit.hospital.schedule_bench import LAN, NOW, TODAY, desk, hospital, laid_before, with_holiday, with_nurses
from tests.unit.hospital.test_downlink import receipt
from tests.unit.schedules.schedule_county import EXAMPLE, calm, example, put, write_csv

__all__ = ["desk", "hospital"]  # fixtures
WORD = Word("修路", "县卫健局 王科长", TODAY)
PLAN = read_draft(EXAMPLE, None, NOW)[0].plan
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def draft(hospital: Hospital, tmp_path: Path) -> Draft:
    return laid_before(hospital, tmp_path / "files")


def stands(draft: Draft, name: str) -> tuple[date, str, time]:
    (visit,) = [one for one in draft.visits if one.visit_id == name]
    return visit.date, visit.vehicle_id, visit.start


def test_a_visit_goes_to_another_day_and_back_and_keeps_its_name(desk: ScheduleDesk, draft: Draft) -> None:
    name, there = "R03-20261117", Wish(date(2026, 11, 18), "V01", time(13, 0))
    moved = desk.move(LAN, draft.revision, name, there, WORD)
    assert stands(moved, name) == there
    row = moved.plan.exceptions[f"M-{name}"]
    assert (row.action, row.reason, row.approved_by, row.announced_on) == (Action.MOVE, *WORD)
    assert (moved.edits[-1].by, moved.edits[-1].before, moved.edits[-1].after) == ("兰调度", None, row)
    back = desk.move(LAN, moved.revision, name, Wish(date(2026, 11, 17), "V01", time(8, 30)), WORD)
    assert back.plan == draft.plan, "back where its rule put it: nothing is left to say of it"
    assert [one.after is None for one in back.edits] == [False, True]


def test_undo_takes_back_one_change_after_the_other(desk: ScheduleDesk, draft: Draft) -> None:
    one = desk.cancel(LAN, draft.revision, "R03-20261117", WORD)
    two = desk.move(LAN, one.revision, "R03-20261117", Wish(date(2026, 11, 18), "V01", time(13, 0)), WORD)
    assert len(two.visits) == len(draft.visits), "a cancelled visit is brought back by putting it somewhere"
    assert desk.undo(two.revision).visits == one.visits
    assert desk.undo(two.revision + 1).visits == draft.visits
    with pytest.raises(NotFound, match="nothing to undo"):
        desk.undo(two.revision + 2)


def test_what_does_not_fit_is_refused_with_its_reason(desk: ScheduleDesk, draft: Draft) -> None:
    name = "R03-20261117"
    for day, vehicle, start, code in (
        (date(2026, 11, 16), "V01", time(8, 30), "V01"),
        (date(2026, 11, 9), "V01", None, "P03"),
        (date(2026, 11, 17), "V01", time(5, 0), "T03"),
        (date(2026, 10, 1), "V01", None, "P03"),
        (date(2027, 1, 1), "V01", None, "H01"),
    ):
        with pytest.raises(RefusedInput, match=f"\\({code}\\)"):
            desk.move(LAN, draft.revision, name, Wish(day, vehicle, start), WORD)
    with pytest.raises(RefusedInput, match="no such vehicle"):
        desk.move(LAN, draft.revision, name, Wish(date(2026, 11, 18), "V99"), WORD)
    with pytest.raises(RefusedInput, match="no reason"):
        desk.move(LAN, draft.revision, name, Wish(date(2026, 11, 18), "V01"), Word("  "))
    with pytest.raises(RefusedInput, match="was on 2026-11-09"):
        desk.cancel(LAN, draft.revision, "R01-20261109", WORD)
    for unknown in ("R99-20261117", "R03-20261118", "R03", "../../x", "R03-2026111x"):
        with pytest.raises(NotFound):
            desk.move(LAN, draft.revision, unknown, Wish(date(2026, 11, 18), "V01"), WORD)
    assert desk.draft() == draft


def test_who_has_not_seen_a_change_makes_none(desk: ScheduleDesk, draft: Draft) -> None:
    done: list[object] = []

    def cancel(name: str) -> None:
        try:
            done.append(desk.cancel(LAN, draft.revision, name, WORD))
        except Conflict as error:
            done.append(error)

    both = [threading.Thread(target=cancel, args=(name,)) for name in ("R03-20261117", "R04-20261118")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (refused,) = [one for one in done if isinstance(one, Conflict)]
    assert "兰调度" in refused.hint.zh
    assert len(desk.editable().edits) == 1


@calm
@given(
    pick=st.integers(0, 10_000),
    day=st.dates(*NOVEMBER),
    vehicle=st.sampled_from(["V01", "V02"]),
    start=st.none() | st.builds(time, st.integers(6, 18), st.sampled_from([0, 15, 30, 45])),
)
def test_a_move_that_is_taken_makes_no_error(pick: int, day: date, vehicle: str, start: time | None) -> None:
    visits = [one for one in check_plan(PLAN, *NOVEMBER).visits if one.date >= TODAY]
    name = visits[pick % len(visits)].visit_id
    try:
        plan, row = move(PLAN, name, Wish(day, vehicle, start), WORD, TODAY)
    except RefusedInput:
        return
    checked = check_plan(plan, *NOVEMBER)
    (there,) = [one for one in checked.visits if one.visit_id == name]
    assert (there.date, there.vehicle_id) == (day, vehicle)
    assert start in {None, there.start}
    wrong = [one for one in checked.findings if one.severity is Severity.ERROR]
    assert wrong == [], row


def test_every_place_offered_is_taken_and_no_other() -> None:
    name = "R03-20261117"
    moving = Moving(PLAN, name, TODAY, *NOVEMBER)
    choices = list(moving.choices(*NOVEMBER))
    assert len(choices) == 60
    assert {one.code for one in choices if one.day < TODAY} == {"P03"}
    for one in choices:
        if one.code:
            with pytest.raises(RefusedInput, match=f"\\({one.code}\\)"):
                move(PLAN, name, Wish(one.day, one.vehicle_id), WORD, TODAY)
        else:
            plan, _ = move(PLAN, name, Wish(one.day, one.vehicle_id), WORD, TODAY)
            (there,) = [each for each in check_plan(plan, *NOVEMBER).visits if each.visit_id == name]
            assert (there.date, there.vehicle_id, there.start) == (one.day, one.vehicle_id, one.start)


def test_a_way_in_no_table_is_said_to_be_guessed() -> None:
    moving = Moving(PLAN, "R03-20261117", TODAY, *NOVEMBER)
    alone = moving.choice(date(2026, 11, 17), "V01")
    beside = moving.choice(date(2026, 11, 18), "V01")
    known = moving.choice(date(2026, 11, 18), "V02", time(10, 30))
    assert (alone.code, alone.is_guessed) == ("", False)
    assert (beside.code, beside.is_guessed) == ("", True)
    assert (known.code, known.is_guessed) == ("", False), "P03 to P02 takes 25 minutes, the table says"


def test_make_up_visits_are_accepted_one_or_all_and_a_refused_one_is_not_offered_again(
    desk: ScheduleDesk, hospital: Hospital, tmp_path: Path
) -> None:
    draft = laid_before(hospital, tmp_path / "files", with_holiday(example(), "2026-11-24"))
    assert {one.code for one in draft.findings if one.severity is Severity.ERROR} == {"H01"}
    first, second = propose(draft.plan, *NOVEMBER, begin=date(2026, 11, 13)).changes
    refused = desk.refuse(draft.revision, first)
    found = propose(refused.plan, *NOVEMBER, begin=date(2026, 11, 13), refused=refused.refused).changes
    assert (first.change_id, first.new_date) not in {(one.change_id, one.new_date) for one in found}
    taken = desk.accept(LAN, refused.revision, found, WORD)
    assert [one.visit_id for one in taken.edits] == [one.change_id for one in found]
    assert not [one for one in taken.findings if one.severity is Severity.ERROR]
    with pytest.raises(RefusedInput, match="needs no change"):
        desk.accept(LAN, taken.revision, [second], WORD)


def test_nothing_is_published_without_an_approver_and_the_version_names_him(
    desk: ScheduleDesk, draft: Draft, hospital: Hospital
) -> None:
    with pytest.raises(RefusedInput, match="nobody approved"):
        desk.publish(LAN, draft.revision, " ", None)
    with pytest.raises(Conflict):
        desk.publish(LAN, draft.revision + 1, "王科长", None)
    assert [one.has for one in holders(hospital)] == [None, None]
    version = desk.publish(LAN, draft.revision, "王科长", date(2026, 11, 16))
    assert (version.version, version.approved_by, version.effective_from) == (1, "王科长", date(2026, 11, 16))
    told = desk.folder.publication(1)
    assert told is not None
    assert (told.published_by, told.draft.plan, told.draft.visits) == ("兰调度", draft.plan, ())
    assert desk.publish(LAN, draft.revision, "李科长", date(2026, 11, 16)) == version, "the same again is the same"
    outbound = VehicleOutbound(hospital, "V01")
    (item,) = outbound.waiting(Lane.P2, 0, 10)
    assert outbound.settle(receipt(item, Verdict.APPLIED))
    one, two = holders(hospital)
    assert one.has is not None
    assert (one.vehicle, one.has.version, one.newer) == ("V01", 1, ())
    assert two.has is None
    assert [(sent.version, sent.verdict) for sent in two.newer] == [(1, "")]


def test_of_two_who_publish_at_one_moment_one_wins_and_the_other_is_told(
    desk: ScheduleDesk, draft: Draft, hospital: Hospital
) -> None:
    def publish(days: int) -> str:
        try:
            made = ScheduleDesk(hospital).publish(LAN, draft.revision, "王科长", TODAY + timedelta(days=days), 1)
        except Conflict as refused:
            return refused.hint.zh
        return f"version {made.version}"

    with ThreadPoolExecutor(8) as pool:
        told = sorted(pool.map(publish, (0, 0, 0, 0, 1, 2, 3, 4)))
    assert told[0] == "version 1"
    assert set(told[1:]) == {"兰调度刚发布了第1版，没有再发。看一下还有什么没发布。"}
    assert desk.folder.numbers() == [1]


def test_a_version_is_sealed_once_for_a_vehicle_however_many_queue_it(
    desk: ScheduleDesk, draft: Draft, hospital: Hospital
) -> None:
    publish_draft(desk.folder, draft, None, TODAY, "王科长")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: queue_schedules(hospital, ["V01", "V02"]), range(8))) == [[1]] * 8
    assert len(list(hospital.folder.downlink.glob("*/*.wire"))) == 2


def test_a_cancellation_goes_to_the_vehicle_with_its_reason(desk: ScheduleDesk, draft: Draft) -> None:
    one = desk.cancel(LAN, draft.revision, "R03-20261117", WORD._replace(reason="Road closed"))
    two = desk.move(LAN, one.revision, "R03-20261124", Wish(date(2026, 11, 25), "V01", time(13, 0)), WORD)
    version = desk.publish(LAN, two.revision, "王科长", TODAY)
    (gone,) = [one for one in version.cancelled if one.visit_id.startswith("R03")]
    assert (gone.visit_id, gone.date, gone.vehicle_id, gone.reason) == (
        "R03-20261117", date(2026, 11, 17), "V01", "道路不通",
    )  # fmt: skip
    assert gone.visit_id not in {visit.visit_id for visit in version.visits}
    assert desk.folder.version(1) == version, "and its hash is that of all of it"
    back = desk.undo(desk.undo(two.revision).revision)
    assert gone not in desk.publish(LAN, back.revision, "王科长", TODAY).cancelled


def crew(draft: Draft, name: str) -> tuple[str, ...]:
    return next(one.staff_ids for one in draft.visits if one.visit_id == name)


@pytest.fixture
def staffed(hospital: Hospital, tmp_path: Path) -> Draft:
    """The county with nurses to spare."""
    return laid_before(hospital, tmp_path / "staffed", with_nurses(example()))


def test_one_person_of_a_crew_is_swapped_for_a_visit_or_the_vehicles_day(desk: ScheduleDesk, staffed: Draft) -> None:
    name, also = "R01-20261116", "R02-20261116"
    one = desk.swap(LAN, staffed.revision, name, {"n001": "n903"}, WORD)
    assert crew(one, name) == tuple("n903" if who == "n001" else who for who in crew(staffed, name))
    assert crew(one, also) == crew(staffed, also), "one visit alone"
    row = one.plan.exceptions[f"M-{name}"]
    assert (row.action, row.reason, row.approved_by) == (Action.SUBSTITUTE, "修路", "县卫健局 王科长")
    back = desk.swap(LAN, one.revision, name, {"n903": "n001"}, WORD)
    assert back.plan == staffed.plan, "as the rule has it: nothing is left to say"
    day = desk.swap(LAN, back.revision, name, {"n001": "n903"}, WORD, whole_day=True)
    assert ("n903" in crew(day, name), "n903" in crew(day, also)) == (True, True)
    assert not [found for found in day.findings if found.severity is Severity.ERROR]


def test_a_swap_keeps_the_move_and_its_reason(desk: ScheduleDesk, staffed: Draft) -> None:
    name, there = "R03-20261117", Wish(date(2026, 11, 18), "V01", time(13, 0))
    moved = desk.move(LAN, staffed.revision, name, there, WORD)
    swapped = desk.swap(LAN, moved.revision, name, {"n001": "n903"}, WORD._replace(reason="staff on leave"))
    assert stands(swapped, name) == there
    assert swapped.plan.exceptions[f"M-{name}"].reason == "修路；人员请假"


def test_who_cannot_go_is_named_with_the_reason_and_not_taken(desk: ScheduleDesk, staffed: Draft) -> None:
    name = "R01-20261116"
    told = [(one.person.staff_id, one.code) for one in desk.take_up(name).stand_ins("n001")]
    assert told == [("n903", ""), ("n901", "Q04"), ("n902", "L01"), ("n002", "S01")]
    refused = {"n901": "Q04", "n902": "L01", "n002": "S01", "": "Q01"}
    for who, code in refused.items():
        with pytest.raises(RefusedInput, match=f"\\({code}\\)"):
            desk.swap(LAN, staffed.revision, name, {"n001": who}, WORD)
    for stead in ({}, {"n001": "n001"}, {"n001": "d001"}, {"n001": "n999"}, {"n999": "n903"}):
        with pytest.raises(RefusedInput):
            desk.swap(LAN, staffed.revision, name, stead, WORD)
    with pytest.raises(RefusedInput, match="no reason"):
        desk.swap(LAN, staffed.revision, name, {"n001": "n903"}, Word(""))
    assert desk.draft() == staffed
    gone = desk.cancel(LAN, staffed.revision, name, WORD)
    with pytest.raises(RefusedInput, match="is cancelled"):
        desk.swap(LAN, gone.revision, name, {"n001": "n903"}, WORD, whole_day=True)


def test_the_command_line_publishes_by_the_rules_of_the_page(desk: ScheduleDesk, draft: Draft) -> None:
    assert desk.publish(None, None, "", TODAY).approved_by == ""
    desk.hospital.clock.later(timedelta(days=5))  # type: ignore[attr-defined]  # the bench's own
    changed = desk.cancel(LAN, draft.revision, "R03-20261117", WORD)
    with pytest.raises(RefusedInput, match="was in force"):
        desk.publish(None, None, "", TODAY + timedelta(days=4))
    assert desk.publish(None, None, "", None).version == 2
    assert desk.draft() == changed


def test_rows_that_were_refused_keep_visits_from_being_changed_but_not_looked_at(
    desk: ScheduleDesk, hospital: Hospital, tmp_path: Path
) -> None:
    lines = example()
    put(lines, "rules", 3, "point_id", "P999")
    draft = laid_before(hospital, tmp_path / "files", lines)
    assert draft.visits
    with pytest.raises(RefusedInput, match="rows of the plan were refused"):
        desk.move(LAN, draft.revision, "R03-20261117", Wish(date(2026, 11, 18), "V01"), WORD)
    with pytest.raises(RefusedInput, match="error"):
        publish_draft(desk.folder, draft, None, TODAY, "王科长")


def test_who_saw_the_draft_before_an_import_changes_and_publishes_nothing_of_the_new_one(
    desk: ScheduleDesk, draft: Draft, hospital: Hospital, tmp_path: Path
) -> None:
    newer = laid_before(hospital, tmp_path / "newer", with_holiday(example()))
    with pytest.raises(Conflict):
        desk.publish(LAN, draft.revision, "王科长", None)
    with pytest.raises(Conflict):
        desk.cancel(LAN, draft.revision, "R03-20261117", WORD)
    by_command = desk.replace(read_draft(EXAMPLE, None, NOW)[0])
    with pytest.raises(Conflict):
        desk.publish(LAN, newer.revision, "王科长", None)
    assert desk.publish(LAN, by_command.revision, "王科长", None).version == 1


def test_a_visit_stays_on_days_that_the_draft_lays_out(desk: ScheduleDesk, tmp_path: Path) -> None:
    """Else it would be in no version, and nobody would come."""
    lines = with_holiday(example(), "2026-11-24")
    draft = desk.replace(read_draft(write_csv(lines, tmp_path / "files"), NOVEMBER, NOW)[0])
    name, december = "R03-20261117", date(2026, 12, 3)
    assert {one.code for one in desk.take_up(name, december).choices(december, december)} == {"P04"}
    with pytest.raises(RefusedInput, match="no such day"):
        desk.move(LAN, draft.revision, name, Wish(december, "V01"), WORD)
    (lost, *_) = propose(draft.plan, *NOVEMBER).changes
    edited = lost._replace(action=Action.MOVE, new_date=december)
    with pytest.raises(RefusedInput, match="no such day"):
        desk.accept(LAN, draft.revision, [edited], WORD)
    assert desk.draft() == draft


def test_days_that_are_over_keep_the_version_that_was_in_force(desk: ScheduleDesk, draft: Draft) -> None:
    desk.publish(LAN, draft.revision, "王科长", TODAY)
    desk.hospital.clock.later(timedelta(days=5))  # type: ignore[attr-defined]  # the bench's own
    changed = desk.cancel(LAN, draft.revision, "R03-20261117", WORD)
    with pytest.raises(RefusedInput, match="was in force"):
        desk.publish(LAN, changed.revision, "王科长", TODAY + timedelta(days=4))
    with pytest.raises(RefusedInput, match="was in force"):
        desk.publish(LAN, changed.revision, "王科长", draft.first)
    assert desk.publish(LAN, changed.revision, "王科长", None).effective_from == TODAY + timedelta(days=5)
