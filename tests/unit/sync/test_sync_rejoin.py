"""Hazards 6 and 7: a restored box uses no number twice, a clone gets nothing out of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.record import Lane
from sync.admission import Admission, admit
from sync.courier import Alarm, LinkState
from sync.frames import Hello
from sync.ports import SessionState
from tests.unit.sync.sync_world import VEHICLE, Box, World

STATE = SessionState(
    token="4.aa", pending_token="5.bb", epoch="e1", highest_receipt_seq=9, incarnation=2, session="old"
)


def hello(session: str, token: str, incarnation: int, rejoin: str = "", last_seq: int = 0) -> Hello:
    return Hello(
        "V01", session, "n", incarnation, token, "e1", 5, 0, 1, 3, (), (), (), rejoin=rejoin, last_seq=last_seq
    )


def judged(said: Hello, state: SessionState) -> tuple[Admission, SessionState]:
    return admit(said, state, fresh_token=said.session, fresh_epoch="e2")


def test_a_restored_box_that_asks_gets_its_stream_and_the_old_one_ends() -> None:
    verdict, state = judged(hello("s1", "2.zz", 900, "r1", 70), STATE)
    assert (verdict, state.incarnation, state.closed_seq, state.epoch) == (Admission.OK, 900, 70, "e1")
    verdict, state = judged(hello("s2", state.pending_token, 900), state)
    assert verdict is Admission.OK
    verdict, _ = judged(hello("s3", "5.bb", 2), state)
    assert verdict is Admission.FORK, "somebody goes on in the old stream"


def test_a_number_that_was_used_is_not_granted() -> None:
    assert judged(hello("s1", "2.zz", 2, "r1"), STATE)[1].incarnation == 3
    assert judged(hello("s1", "2.zz", 1, "r1"), STATE)[1].incarnation == 3


def test_a_lost_grant_is_given_again_and_only_until_it_was_heard() -> None:
    _, state = judged(hello("s1", "2.zz", 900, "r1"), STATE)
    verdict, state = judged(hello("s2", "2.zz", 900, "r1"), state)
    assert (verdict, state.incarnation) == (Admission.OK, 900)
    _, state = judged(hello("s3", state.pending_token, 900), state)
    verdict, state = judged(hello("s4", "2.zz", 900, "r1"), state)
    assert verdict is Admission.FORK, "a clone of the restored box"


def test_a_forked_vehicle_gets_no_stream_without_a_person() -> None:
    forked = msgspec.structs.replace(STATE, is_forked=True)
    assert judged(hello("s1", "2.zz", 900, "r1"), forked)[0] is Admission.FORK


def test_after_a_rollback_of_the_hospital_the_granted_stream_goes_on() -> None:
    _, state = judged(hello("s1", "2.zz", 900, "r1"), STATE)
    verdict, state = judged(hello("s2", state.pending_token, 900), STATE)
    assert (verdict, state.incarnation, state.epoch) == (Admission.OK, 900, "e2")


@given(st.lists(st.tuples(st.sampled_from(["restored", "clone"]), st.booleans()), min_size=2, max_size=20))
def test_of_two_boxes_restored_from_one_backup_one_is_seen_as_soon_as_each_heard_an_answer(
    turns: list[tuple[str, bool]],
) -> None:
    state = STATE
    boxes = dict.fromkeys(("restored", "clone"), ("2.zz", 900, "r1"))
    heard: set[str] = set()
    for number, (box, is_lost) in enumerate(turns):
        verdict, state = judged(hello(f"s{number}", *boxes[box]), state)
        if verdict is Admission.FORK:
            assert len({each for each, _ in turns[: number + 1]}) == 2
            return
        if not is_lost:
            boxes[box] = (state.pending_token, state.incarnation, "")
            heard.add(box)
    assert not (heard == {"restored", "clone"} and len({token for token, _, _ in boxes.values()}) == 1)


def restored(box: Box, incarnation: int = 900) -> Box:
    """A copy of `box` that knows it was restored."""
    copy = Box()
    copy.sessions.state = msgspec.structs.replace(
        box.sessions.state, incarnation=incarnation, rejoin="r1", closed_seq=3
    )
    return copy


@pytest.mark.parametrize("incarnation", [900, 1], ids=["its own number", "a number used before"])
def test_a_restored_vehicle_is_granted_its_stream_before_it_sends(incarnation: int) -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    backup = restored(world.box, incarnation)
    for _ in range(3):
        world.net.cut(VEHICLE)
        world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    granted: list[int] = []
    backup.outbound.add(b"made after the restoration", Lane.P2)

    def adopt(number: int) -> None:
        assert backup.outbound.open, "it sent before it counted anew"
        granted.append(number)

    world.box = backup
    world.start_courier(on_incarnation=adopt)
    world.run(lambda: world.is_complete, 60)
    assert granted == [max(incarnation, 2)]
    assert backup.sessions.state.incarnation == granted[0]
    assert backup.sessions.state.rejoin == ""
    assert (VEHICLE, "rejoined") in world.alarms
    world.net.cut(VEHICLE)
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    assert not world.hospital_sessions.state.is_forked


def test_the_box_that_goes_on_in_the_old_stream_is_held_and_drops_nothing() -> None:
    world = World()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    old, world.box = world.box, restored(world.box)
    world.start_courier()
    world.run(lambda: world.courier.state is LinkState.ONLINE, 60)
    row = old.outbound.add(b"row", Lane.P0)
    world.box = old
    world.start_courier()
    world.run(lambda: world.courier.alarm is Alarm.FORK, 60)
    assert old.outbound.open == {row}
