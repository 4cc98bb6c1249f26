import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.abilities import OLDEST, PROTOCOL
from sync.admission import Admission, admit, token_count
from sync.frames import Hello
from sync.ports import SessionState

STATE = SessionState(
    token="4.aa", pending_token="5.bb", epoch="e1", highest_receipt_seq=100, incarnation=2, session="s-old"
)


def hello(
    *,
    session: str = "s-new",
    incarnation: int = 2,
    token: str = "5.bb",
    epoch: str = "e1",
    highest_receipt_seq: int = 90,
    proto_min: int = PROTOCOL,
    proto_max: int = PROTOCOL,
) -> Hello:
    return Hello(
        vehicle="V01",
        session=session,
        nonce="n",
        incarnation=incarnation,
        token=token,
        epoch=epoch,
        highest_receipt_seq=highest_receipt_seq,
        sent_ms=0,
        proto_min=proto_min,
        proto_max=proto_max,
        kinds=(),
        codecs=(),
        dict_ids=(),
    )


def judged(said: Hello, state: SessionState = STATE) -> tuple[Admission, SessionState]:
    return admit(said, state, fresh_token="cc", fresh_epoch="e2")


@pytest.mark.parametrize(
    ("said", "verdict", "epoch"),
    [
        (hello(), "ok", "e1"),
        (hello(token="4.aa"), "ok", "e1"),  # its last Welcome was lost
        (hello(token="3.zz"), "fork", "e1"),
        (hello(token="5.xx"), "fork", "e1"),  # as many sessions, but not ours: a clone was here in between
        (hello(token=""), "fork", "e1"),
        (hello(token="6.yy"), "ok", "e2"),  # we gave it and do not know: we were restored from a backup
        (hello(highest_receipt_seq=101), "ok", "e2"),
        (hello(highest_receipt_seq=101, token="3.zz"), "ok", "e2"),
        (hello(epoch="e0", highest_receipt_seq=500), "ok", "e1"),  # a new epoch has begun already
        (hello(epoch="e0", token="9.yy"), "ok", "e1"),
        (hello(incarnation=1), "fork", "e1"),  # a restored box speaks in a closed stream
        (hello(incarnation=3), "ok", "e2"),
        (hello(proto_min=PROTOCOL + 1, proto_max=PROTOCOL + 3), "too-new", "e1"),
        (hello(proto_min=0, proto_max=OLDEST - 1), "too-old", "e1"),
        (hello(proto_min=0, proto_max=PROTOCOL + 3), "ok", "e1"),
    ],
)
def test_the_table_of_greetings(said: Hello, verdict: str, epoch: str) -> None:
    given_verdict, state = judged(said)
    assert given_verdict == verdict
    assert state.epoch == epoch
    assert state.is_forked is (verdict == "fork")
    if verdict == "ok":
        assert state.token == said.token
        assert state.pending_token == f"{max(5, token_count(said.token)) + 1}.cc"
        assert state.session == "s-new"
    if epoch == "e2":
        assert state.highest_receipt_seq == 0


def test_the_first_greeting_of_all_begins_an_epoch() -> None:
    verdict, state = judged(hello(token="", epoch="", incarnation=1, highest_receipt_seq=0), SessionState())
    assert verdict is Admission.OK
    assert state.epoch == "e2"
    assert state.pending_token == "1.cc"


def test_the_same_session_gets_the_same_answer() -> None:
    _, state = judged(hello())
    assert judged(hello(), state) == (Admission.OK, state)
    _, forked = judged(hello(token="3.zz"))
    assert judged(hello(), forked) == (Admission.FORK, forked)


def test_a_fork_stays_until_a_person_enrols_the_vehicle_anew() -> None:
    _, forked = judged(hello(token="3.zz"))
    assert judged(hello(session="s-3"), forked)[0] is Admission.FORK


@given(st.lists(st.tuples(st.sampled_from(["true", "clone"]), st.booleans()), min_size=4, max_size=30))
def test_two_boxes_with_one_disk_are_seen_as_soon_as_each_has_heard_an_answer(
    turns: list[tuple[str, bool]],
) -> None:
    """However they alternate and whichever Welcomes are lost, no box gets two answers after the other got one."""
    state = SessionState(token="0.first", epoch="e1")
    tokens = {"true": "0.first", "clone": "0.first"}
    last_answered = ""
    for number, (box, is_lost) in enumerate(turns):
        verdict, state = admit(
            hello(session=f"s{number}", token=tokens[box], incarnation=1, highest_receipt_seq=0),
            state,
            fresh_token=f"r{number}",
            fresh_epoch="never",
        )
        if verdict is Admission.FORK:
            assert len({each for each, _ in turns[: number + 1]}) == 2, "a box alone is no fork"
            return
        if not is_lost:
            assert tokens[box] == "0.first" or last_answered == box, "a token older than the other's was accepted"
            tokens[box] = state.pending_token
            last_answered = box


@given(st.lists(st.booleans(), max_size=30))
def test_one_box_is_never_a_fork_whatever_answers_are_lost(losses: list[bool]) -> None:
    state, token = SessionState(token="0.first", epoch="e1"), "0.first"
    for number, is_lost in enumerate(losses):
        verdict, state = admit(
            hello(session=f"s{number}", token=token, incarnation=1, highest_receipt_seq=0),
            state,
            fresh_token=f"r{number}",
            fresh_epoch="never",
        )
        assert verdict is Admission.OK
        if not is_lost:
            token = state.pending_token
