"""Sync rule 1: one prescription is dispensed at most once, in every order of move, offline, dispense and code."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from clinic_records.dispensing import (
    Refusal,
    Right,
    RightState,
    answered,
    ask,
    can_give_back,
    must_release,
    refusal,
    settled,
    told,
)
from clinic_records.errors import AccessError, Conflict, NotFound, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.people import Author, Role
from clinic_records.prescription import PHARMACY, Dispense, DispenseRight, PrescribedLine, Prescription, Release
from clinic_records.record import Kind, Lane
from cloud_hospital.downlinks.opinions import retract
from cloud_hospital.downlinks.prescriptions import prescribe
from cloud_hospital.downlinks.rights import move_right, redeem, right_of, settle_rights
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import alarms, issued
from cloud_hospital.vehicles import enrol, revoke
from sync.ports import Verdict
from tests.unit.hospital.conftest import Box, Clinic, deliver
from tests.unit.hospital.test_downlinks import DOCTOR, came_down, seen_case

START = datetime(2026, 11, 23, 1, tzinfo=UTC)
END = START + timedelta(hours=15)
RX = RecordId("rx")
HOLDERS = ("V01", "V02", PHARMACY)
LINES = (PrescribedLine("A1", "二甲双胍片 0.5 g", 14, "口服"),)


class OneDispensing(RuleBasedStateMachine):
    """The hospital, two vehicles and a pharmacy over a link that loses nothing and orders nothing.

    Everything said stays in a bag and is delivered at any later time, also again; clocks of vehicles are their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hospital = Right(1, "V01", END)
        self.now = START
        self.known: dict[str, Right | None] = {"V01": None, "V02": None}
        self.skew = {"V01": timedelta(), "V02": timedelta()}
        self.incarnation = {"V01": 1, "V02": 1}
        self.backups: dict[str, list[Right | None]] = {"V01": [None], "V02": [None]}
        self.given_in = 1
        self.words: list[DispenseRight] = [self._word()]
        self.answers: list[tuple[str, int, RightState]] = []
        self.dispensed: list[str] = []

    def _word(self) -> DispenseRight:
        right = self.hospital
        is_asked = right.state is RightState.ASKED
        return DispenseRight(
            RecordId("w"), RX, right.token, right.holder, right.until, self.now, is_asked, self.given_in
        )

    def _note(self, before: int) -> None:
        """The hospital's word about what became of the right; a new token is bound to its holder's incarnation."""
        if self.hospital.token != before:
            self.given_in = self.incarnation.get(self.hospital.holder, 0)
        self.words.append(self._word())

    def _keep(self, vehicle: str, right: Right) -> None:
        self.known[vehicle] = right
        self.backups[vehicle].append(right)

    @rule(vehicle=st.sampled_from(("V01", "V02")), data=st.data())
    def a_box_is_restored(self, vehicle: str, data: st.DataObject) -> None:
        self.known[vehicle] = data.draw(st.sampled_from(self.backups[vehicle]))
        self.incarnation[vehicle] += 1

    @rule(hours=st.sampled_from((0, 1, 2, 16)))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(vehicle=st.sampled_from(("V01", "V02")), hours=st.sampled_from((0, 0, 0, -30, 30)))
    def clock_jumps(self, vehicle: str, hours: int) -> None:
        self.skew[vehicle] = timedelta(hours=hours)

    @rule(to=st.sampled_from(HOLDERS))
    def hospital_moves(self, to: str) -> None:
        before = self.hospital.token
        try:
            self.hospital = ask(self.hospital, to, is_frozen=False)
        except Conflict:
            return
        self._note(before)

    @rule(vehicle=st.sampled_from(("V01", "V02")), data=st.data())
    def a_word_comes_down(self, vehicle: str, data: st.DataObject) -> None:
        self._comes_down(vehicle, data.draw(st.sampled_from(self.words)))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_comes_up(self, data: st.DataObject) -> None:
        self._comes_up(data.draw(st.sampled_from(self.answers)))

    @rule()
    def coverage(self) -> None:
        """Everything arrives everywhere: without it few runs would get far."""
        for answer in self.answers:
            self._comes_up(answer)
        for word in self.words:
            for vehicle in self.known:
                self._comes_down(vehicle, word)
        for answer in self.answers:
            self._comes_up(answer)

    def _comes_down(self, vehicle: str, word: DispenseRight) -> None:
        right = told(self.known[vehicle], word)
        self._keep(vehicle, right)
        if must_release(right, word, vehicle, self.incarnation[vehicle]):
            self._keep(vehicle, msgspec.structs.replace(right, state=RightState.RELEASED))
            self.answers.append((vehicle, right.token, RightState.RELEASED))

    def _comes_up(self, answer: tuple[str, int, RightState]) -> None:
        before = self.hospital.token
        self.hospital = settled(answered(self.hospital, *answer))
        if self.hospital.token != before:
            self._note(before)

    @rule(vehicle=st.sampled_from(("V01", "V02")), is_doubtful=st.sampled_from((False, False, False, True)))
    def a_vehicle_dispenses(self, vehicle: str, is_doubtful: bool) -> None:
        right = self.known[vehicle]
        now = self.now + self.skew[vehicle]
        own = self.incarnation[vehicle]
        why = refusal(right, vehicle, now, incarnation=own, is_clock_doubtful=is_doubtful, is_retracted=False)
        if why is None and right is not None:
            self._keep(vehicle, msgspec.structs.replace(right, state=RightState.USED))
            self.answers.append((vehicle, right.token, RightState.USED))
            self.dispensed.append(vehicle)

    @rule(vehicle=st.sampled_from(("V01", "V02")))
    def a_vehicle_gives_back(self, vehicle: str) -> None:
        right = self.known[vehicle]
        if right is not None and can_give_back(right, vehicle, self.incarnation[vehicle]):
            self._keep(vehicle, msgspec.structs.replace(right, state=RightState.RELEASED))
            self.answers.append((vehicle, right.token, RightState.RELEASED))

    @rule()
    def a_pharmacy_redeems(self) -> None:
        right = self.hospital
        is_open = right.state is RightState.HELD and self.now < right.until
        if right.holder == PHARMACY and is_open:
            self.hospital = answered(right, PHARMACY, right.token, RightState.USED)
            self.dispensed.append(PHARMACY)

    @invariant()
    def at_most_once(self) -> None:
        assert len(self.dispensed) <= 1

    @invariant()
    def one_holder(self) -> None:
        usable = [
            vehicle for vehicle, right in self.known.items() if can_give_back(right, vehicle, self.incarnation[vehicle])
        ]
        is_pharmacys = self.hospital.holder == PHARMACY and self.hospital.state is RightState.HELD
        assert len(usable) + is_pharmacys <= 1


OneDispensing.TestCase.settings = settings(max_examples=400, stateful_step_count=25, deadline=None)
TestOneDispensing = OneDispensing.TestCase


def test_a_restored_box_uses_nothing_it_held_before() -> None:
    word = DispenseRight(RecordId("w"), RX, 1, "V01", END, START, incarnation=1)
    right = told(None, word)

    def why(incarnation: int) -> Refusal | None:
        return refusal(right, "V01", START, incarnation=incarnation, is_clock_doubtful=False, is_retracted=False)

    assert (why(1), why(2)) == (None, Refusal.RESTORED)


def test_a_word_of_use_newer_than_a_restored_database_counts() -> None:
    assert answered(Right(1, "V01", END), "V02", 3, RightState.USED) == Right(3, "V02", END, RightState.USED)
    with pytest.raises(Conflict, match="restored"):
        ask(Right(1, "V01", END), "V02", is_frozen=True)


def test_an_old_word_says_nothing_of_a_new_token() -> None:
    now = Right(3, "V01", END)
    for state in (RightState.RELEASED, RightState.USED):
        assert answered(now, "V01", 1, state) == now
        assert answered(now, "V02", 3, state) == now


def test_what_was_dispensed_moves_nowhere() -> None:
    for holder in HOLDERS:
        with pytest.raises(Conflict, match="dispensed"):
            ask(Right(2, holder, END, RightState.USED), "V02", is_frozen=False)


def test_what_was_given_back_unasked_goes_to_the_next_at_once() -> None:
    given = answered(Right(1, "V01", END), "V01", 1, RightState.RELEASED)
    assert settled(given) == given
    assert ask(given, "V01", is_frozen=False) == Right(2, "V01", END)
    assert ask(given, "V02", is_frozen=False) == Right(2, "V02", END)


@pytest.fixture
def rx(clinic: Clinic) -> Prescription:
    return prescribe(clinic.hospital, seen_case(clinic), LINES, DOCTOR)


def words_down(clinic: Clinic, box: Box) -> list[tuple[int, str, bool]]:
    found = [thing for _, thing in came_down(clinic.hospital, box) if isinstance(thing, DispenseRight)]
    return [(each.token, each.holder, each.is_asked_back) for each in found]


def say(clinic: Clinic, box: Box, kind: Kind, thing: Release | Dispense) -> Verdict:
    sealed = box.seal(box.record(kind, thing, thing.id, lane=Lane.P1), clinic.recipient)
    return deliver(clinic.hospital, box.vehicle, sealed).verdict


def test_a_right_moves_only_when_it_was_given_back(clinic: Clinic, rx: Prescription) -> None:
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    assert words_down(clinic, clinic.box) == [(1, "V01", False)]
    asked = move_right(clinic.hospital, rx.id, "V02")
    assert (asked.token, asked.holder, asked.state, asked.wanted) == (1, "V01", RightState.ASKED, "V02")
    assert settle_rights(clinic.hospital) == 0
    assert words_down(clinic, other) == [(1, "V01", True)]  # "held at V01" is what V02 shows
    assert say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START)) is Verdict.APPLIED
    assert settle_rights(clinic.hospital) == 1
    assert settle_rights(clinic.hospital) == 0
    assert words_down(clinic, other) == [(1, "V01", True), (2, "V02", False)]
    assert words_down(clinic, clinic.box)[-1] == (2, "V02", False)
    assert [type(thing) for _, thing in came_down(clinic.hospital, other)].count(Prescription) == 1
    with pytest.raises(Conflict, match="holds it already"):
        move_right(clinic.hospital, rx.id, "V02")
    with pytest.raises(NotFound):
        move_right(clinic.hospital, rx.id, "V09")


def test_a_vehicle_revoked_meanwhile_stops_nothing(clinic: Clinic, rx: Prescription) -> None:
    """The worker settles rights for everybody: one revoked vehicle must not end it."""
    other = Box("V02")
    enrol(clinic.hospital, other.request())
    move_right(clinic.hospital, rx.id, "V02")
    assert say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START)) is Verdict.APPLIED
    revoke(clinic.hospital, "V01", "stolen")
    assert settle_rights(clinic.hospital) == 1
    assert words_down(clinic, other)[-1] == (2, "V02", False)


def test_what_a_revoked_vehicle_holds_goes_nowhere_and_the_line_says_what_to_do(
    clinic: Clinic, rx: Prescription
) -> None:
    enrol(clinic.hospital, Box("V02").request())
    revoke(clinic.hospital, "V01", "stolen")
    before = right_of(clinic.hospital, rx.id)
    for to in ("V02", PHARMACY):
        with pytest.raises(Conflict, match="V01 holds token 1 and is revoked") as told:
            move_right(clinic.hospital, rx.id, to)
        assert "撤销这张处方" in told.value.hint.zh
    assert right_of(clinic.hospital, rx.id) == before, "nothing was asked of it"
    with pytest.raises(AccessError):  # kept all the same; that vehicle alone never hears of it
        retract(clinic.hospital, rx.id, "V01 被盗", DOCTOR)
    with pytest.raises(AccessError, match="V01 is revoked") as refused:
        prescribe(clinic.hospital, rx.encounter, LINES, DOCTOR)
    assert "换一辆车" in refused.value.hint.zh
    with reading(clinic.hospital.engine) as connection:
        kinds = list(connection.execute(select(issued.c.kind)).scalars())
    assert kinds.count(Kind.PRESCRIPTION.value) == 1, "refused before anything was made"


def test_who_held_it_before_and_was_revoked_is_in_nobodys_way(clinic: Clinic, rx: Prescription) -> None:
    others = [Box(name) for name in ("V02", "V03")]
    for other in others:
        enrol(clinic.hospital, other.request())
    move_right(clinic.hospital, rx.id, "V02")
    assert say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START)) is Verdict.APPLIED
    assert settle_rights(clinic.hospital) == 1
    revoke(clinic.hospital, "V01", "stolen")
    asked = move_right(clinic.hospital, rx.id, "V03")
    assert (asked.holder, asked.state, asked.wanted) == ("V02", RightState.ASKED, "V03")
    assert words_down(clinic, others[1])[-1] == (2, "V02", True)


def test_a_dispensing_wins_over_the_question(clinic: Clinic, rx: Prescription) -> None:
    enrol(clinic.hospital, Box("V02").request())
    move_right(clinic.hospital, rx.id, "V02")
    done = Dispense(RecordId("d1"), rx.id, 1, Author("p1", "药师", Role.PHARMACIST), START)
    assert say(clinic, clinic.box, Kind.DISPENSE, done) is Verdict.APPLIED
    assert settle_rights(clinic.hospital) == 0
    assert right_of(clinic.hospital, rx.id).state is RightState.USED
    with pytest.raises(Conflict, match="dispensed"):
        move_right(clinic.hospital, rx.id, "V02")


def test_a_dispensing_without_the_right_is_an_alarm(clinic: Clinic, rx: Prescription) -> None:
    thief = Box("V02")
    enrol(clinic.hospital, thief.request())
    done = Dispense(RecordId("d1"), rx.id, 1, Author("p1", "药师", Role.PHARMACIST), START)
    assert say(clinic, thief, Kind.DISPENSE, done) is Verdict.APPLIED
    assert right_of(clinic.hospital, rx.id).state is RightState.HELD
    with reading(clinic.hospital.engine) as connection:
        assert list(connection.execute(select(alarms.c.code)).scalars()) == ["dispensed-without-right"]


def test_a_pharmacys_code_counts_once(clinic: Clinic, rx: Prescription) -> None:
    move_right(clinic.hospital, rx.id, PHARMACY)
    assert say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START)) is Verdict.APPLIED
    settle_rights(clinic.hospital)
    code = right_of(clinic.hospital, rx.id).code
    assert len(code) == 32
    for wrong in ("", "0" * 32, code[:-1]):
        with pytest.raises(RefusedInput, match="opens nothing"):
            redeem(clinic.hospital, rx.id, wrong)
    assert redeem(clinic.hospital, rx.id, code).state is RightState.USED
    with pytest.raises(RefusedInput, match="opens nothing"):
        redeem(clinic.hospital, rx.id, code)


def test_a_code_that_was_moved_back_opens_nothing(clinic: Clinic, rx: Prescription) -> None:
    move_right(clinic.hospital, rx.id, PHARMACY)
    say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START))
    settle_rights(clinic.hospital)
    code = right_of(clinic.hospital, rx.id).code
    moved = move_right(clinic.hospital, rx.id, "V01")  # nobody's hand but ours held it
    assert (moved.token, moved.holder, moved.state, moved.code) == (3, "V01", RightState.HELD, "")
    with pytest.raises(RefusedInput):
        redeem(clinic.hospital, rx.id, code)


def test_what_was_taken_back_does_not_move(clinic: Clinic, rx: Prescription) -> None:
    retract(clinic.hospital, rx.id, "写错了", DOCTOR)
    with pytest.raises(Conflict, match="taken back"):
        move_right(clinic.hospital, rx.id, PHARMACY)


def test_after_a_restore_an_older_right_stays_where_it_is(clinic: Clinic, rx: Prescription) -> None:
    """Sync rule 3: the database went back, so a newer token may be out there; only a new prescription helps."""
    clinic.hospital.log.begin(clinic.hospital.now(), "restored")
    with pytest.raises(Conflict, match="restored"):
        move_right(clinic.hospital, rx.id, PHARMACY)
    fresh = prescribe(clinic.hospital, rx.encounter, LINES, DOCTOR)
    assert move_right(clinic.hospital, fresh.id, PHARMACY).state is RightState.ASKED


def test_what_was_wanted_before_a_restore_is_given_to_nobody(clinic: Clinic, rx: Prescription) -> None:
    move_right(clinic.hospital, rx.id, PHARMACY)
    clinic.hospital.log.begin(clinic.hospital.now(), "restored")
    say(clinic, clinic.box, Kind.RELEASE, Release(RecordId("r1"), rx.id, 1, START))
    assert settle_rights(clinic.hospital) == 0
    assert right_of(clinic.hospital, rx.id).code == ""
