"""Law 9, hazards H01 and H02: whatever the order of acts, nothing binds outside a window, and no memory dump binds."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import Stamp
from clinic_records.ids import BlobHash, DeviceId, EncounterId, PatientId
from clinic_records.people import Author, Role
from clinic_records.reading import RawBytes, Reading, Subject
from vehicle_agent.visits.arming import IDLE, Armings
from vehicle_agent.visits.binding import REASONS, Bound, Unbound, decide
from vehicle_agent.visits.orders import (
    ACCESSION_CHARACTERS,
    SAMPLE_CHARACTERS,
    accession_of,
    new_order,
    sample_of,
    sample_order,
)

NURSE = Author("n001", "张护士", Role.NURSE)
START = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
ECG = DeviceId("ecg1")
WANG, LI = PatientId("wang"), PatientId("li")
NUMBERS = {WANG: ("wang", "331127195903080127"), LI: ("li",)}


def reading(at: datetime, **changes: object) -> Reading:
    plain = Reading(
        device=ECG, modality="ecg", stamp=Stamp(vehicle_time=at), raw=RawBytes(BlobHash("0" * 64), 1, "x/y")
    )
    return msgspec.structs.replace(plain, **changes)


def armed_at(at: datetime, patient: PatientId = WANG) -> Armings:
    armings = Armings()
    armings.arm(ECG, EncounterId(f"enc-{patient}"), patient=patient, patient_name=patient, by=NURSE, now=at)
    return armings


def outcome(one: Reading, armings: Armings, *, is_burst: bool = False) -> Bound | Unbound:
    window = armings.at(one.device, one.stamp.vehicle_time)
    return decide(one, order=None, window=window, numbers_of=NUMBERS, is_burst=is_burst)


def test_armed_device_binds_to_its_person() -> None:
    armings = armed_at(START)
    assert outcome(reading(START + timedelta(minutes=1)), armings) == Bound(WANG, EncounterId("enc-wang"), "armed")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"from_memory": True}, "from-memory"),
        ({"stamp": Stamp(START + timedelta(minutes=1), clock_doubtful=True)}, "clock-doubtful"),
        ({"stamp": Stamp(START + timedelta(minutes=1), datetime(2021, 1, 1, tzinfo=UTC))}, "measured-before"),
        ({"subject": Subject(patient_id="li")}, "other-patient"),
        ({"subject": Subject(accession="FOREIGN")}, "not-our-order"),
        ({"stamp": Stamp(START - timedelta(seconds=1))}, "not-armed"),
        ({"stamp": Stamp(START + IDLE)}, "not-armed"),
    ],
)
def test_doubt_leaves_it_unbound(changes: dict[str, object], reason: str) -> None:
    one = reading(START + timedelta(minutes=1), **changes)
    assert outcome(one, armed_at(START)) == Unbound(reason)
    assert reason in REASONS


def test_a_burst_never_binds() -> None:
    assert outcome(reading(START), armed_at(START), is_burst=True) == Unbound("burst")


def test_a_name_decides_nothing() -> None:
    one = reading(START, subject=Subject(name="李国强"))
    assert isinstance(outcome(one, armed_at(START)), Bound)


def test_the_persons_own_numbers_are_no_contradiction() -> None:
    one = reading(START, subject=Subject(patient_id=" 331127195903080127 "))
    assert isinstance(outcome(one, armed_at(START)), Bound)


def test_a_device_clock_behind_by_its_known_offset_binds() -> None:
    an_hour = timedelta(hours=1)
    stamp = Stamp(START, START - an_hour, device_offset_ms=3_600_000)
    assert isinstance(outcome(reading(START, stamp=stamp), armed_at(START)), Bound)


def test_our_accession_binds_whoever_is_armed() -> None:
    order = new_order(EncounterId("enc-li"), LI, ECG, "ECG", START)
    window = armed_at(START).at(ECG, START)
    ours = reading(START, subject=Subject(accession=order.accession, patient_id="li"))
    found = decide(ours, order=order, window=window, numbers_of=NUMBERS, is_burst=False)
    assert found == Bound(LI, EncounterId("enc-li"), "worklist")
    other = reading(START, subject=Subject(accession=order.accession, patient_id="wang"))
    assert decide(other, order=order, window=window, numbers_of=NUMBERS, is_burst=False) == Unbound("other-patient")
    old = msgspec.structs.replace(ours, from_memory=True)
    assert decide(old, order=order, window=window, numbers_of=NUMBERS, is_burst=False) == Unbound("from-memory")


def test_a_sample_number_is_short_enough_to_type_and_stays_the_same() -> None:
    """What an analyser measured binds by the number, long after the window has closed (law 9)."""
    encounter, device = EncounterId("e1"), DeviceId("lab1")
    order = sample_order(encounter, WANG, device, START)
    assert order.accession == sample_of(encounter, device) == sample_of(encounter, device)
    assert len(order.accession) == SAMPLE_CHARACTERS
    assert len({sample_of(EncounterId(f"e{n}"), device) for n in range(2000)}) == 2000
    late = reading(START + timedelta(hours=3), subject=Subject(accession=order.accession))
    assert decide(late, order=order, window=None, numbers_of=NUMBERS, is_burst=True) == Bound(
        WANG, encounter, "worklist"
    )


def test_accessions_are_short_stable_and_distinct() -> None:
    numbers = {accession_of(EncounterId(str(n)), DeviceId(d)) for n in range(200) for d in ("us1", "ecg2")}
    assert len(numbers) == 400
    assert all(len(number) == ACCESSION_CHARACTERS and number.isascii() for number in numbers)
    order = new_order(EncounterId("1"), WANG, DeviceId("us1"), "US", START)
    assert order.accession == accession_of(EncounterId("1"), DeviceId("us1"))
    assert order.study_uid.startswith("2.25.")
    assert len(order.study_uid) <= 64


# one step: (what, which device, which person, seconds that pass before it)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arm", "disarm", "finish", "arrive", "dump", "restart"]),
        st.sampled_from([DeviceId("a"), DeviceId("b")]),
        st.sampled_from([WANG, LI]),
        st.integers(0, 1200),
    ),
    max_size=40,
)


@given(STEPS)
def test_nothing_binds_outside_a_window(steps: list[tuple[str, DeviceId, PatientId, int]]) -> None:
    """Beside the product runs the plainest model: device -> (person, last use), emptied by every ending act."""
    armings = Armings()
    model: dict[DeviceId, tuple[PatientId, datetime]] = {}
    now = START
    for what, device, person, seconds in steps:
        now += timedelta(seconds=seconds)
        model = {d: (p, used) for d, (p, used) in model.items() if now < used + IDLE}
        if what == "arm":
            armings.arm(device, EncounterId(f"enc-{person}"), patient=person, patient_name=person, by=NURSE, now=now)
            model[device] = (person, now)
        elif what == "disarm":
            armings.disarm(device, now)
            model.pop(device, None)
        elif what == "finish":
            armings.finish(EncounterId(f"enc-{person}"), now)
            model = {d: kept for d, kept in model.items() if kept[0] != person}
        elif what == "restart":
            armings = Armings(armings.windows)
        else:
            one = reading(now, device=device, from_memory=what == "dump")
            found = outcome(one, armings)
            if what == "dump" or device not in model:
                assert isinstance(found, Unbound)
            else:
                assert found == Bound(model[device][0], EncounterId(f"enc-{model[device][0]}"), "armed")
                armings.used(device, now, now)
                model[device] = (model[device][0], now)


def test_a_late_intake_does_not_reopen_a_window_that_was_ended() -> None:
    armings = armed_at(START)
    armings.finish(EncounterId("enc-wang"), START + timedelta(minutes=5))
    armings.used(ECG, START + timedelta(minutes=4), START + timedelta(minutes=20))
    assert armings.at(ECG, START + timedelta(minutes=6)) is None


def test_a_delivery_that_waited_in_the_inbox_is_judged_by_its_arrival() -> None:
    armings = armed_at(START)
    armings.arm(ECG, EncounterId("enc-li"), patient=LI, patient_name="li", by=NURSE, now=START + timedelta(minutes=5))
    assert outcome(reading(START + timedelta(minutes=4)), armings) == Bound(WANG, EncounterId("enc-wang"), "armed")
