"""How the hospital judges a Hello: a pure function, so every order of loss and clone can be tried (rules 3, 6, 7, 15).

A token is `<dense count>.<random>`. The hospital remembers the one the vehicle showed last and the one it then gave;
either is right, because the Welcome may have been lost, and each new session replaces the second. Two boxes that hold
the same disk therefore part at once: whichever comes second with a replaced token is seen. The count tells a clone's
old token from one that a rolled-back hospital no longer remembers having given.
"""

from enum import StrEnum

import msgspec

from sync.frames import PROTOCOL, Hello
from sync.ports import SessionState


class Admission(StrEnum):
    """The verdict in a Welcome; only `ok` opens a session."""

    OK = "ok"
    FORK = "fork"
    UNKNOWN = "unknown"
    TOO_OLD = "too-old"


def token_count(token: str) -> int:
    """The dense count in a token; 0 where there is none yet."""
    head, dot, _ = token.partition(".")
    return int(head) if dot and head.isascii() and head.isdigit() else 0


def _is_rolled_back(hello: Hello, state: SessionState) -> bool:
    """Whether the vehicle, which signs what it says, saw more of us than we remember (sync rule 3)."""
    given = max(token_count(state.token), token_count(state.pending_token))
    return (
        (hello.epoch == state.epoch and hello.highest_receipt_seq > state.highest_receipt_seq)
        or token_count(hello.token) > given
        or hello.incarnation > state.incarnation
    )


def admit(hello: Hello, state: SessionState, *, fresh_token: str, fresh_epoch: str) -> tuple[Admission, SessionState]:
    """The verdict on a Hello and the state to be durable before it is told.

    Args:
        hello: signed by this vehicle, and said now: it answered a Challenge.
        state: what the hospital remembers of it.
        fresh_token: random text for the next token.
        fresh_epoch: random text for a new epoch, should one be due.
    """
    if not hello.proto_min <= PROTOCOL <= hello.proto_max:
        return Admission.TOO_OLD, state
    if hello.session == state.session:
        return (Admission.FORK if state.is_forked else Admission.OK), state
    rolled_back = _is_rolled_back(hello, state)
    is_known = hello.token == state.token or (hello.token == state.pending_token != "")
    is_forked = state.is_forked or not (rolled_back or (is_known and hello.incarnation == state.incarnation))
    count = max(map(token_count, (hello.token, state.token, state.pending_token)))
    changed = msgspec.structs.replace(state, session=hello.session, is_forked=is_forked)
    if is_forked:
        return Admission.FORK, changed
    changed = msgspec.structs.replace(
        changed,
        token=hello.token,
        pending_token=f"{count + 1}.{fresh_token}",
        incarnation=hello.incarnation,
    )
    # Where the epochs differ, a new one has begun already since this vehicle was here: its Welcome tells it.
    if not state.epoch or (rolled_back and hello.epoch == state.epoch):
        changed = msgspec.structs.replace(changed, epoch=fresh_epoch, highest_receipt_seq=0)
    return Admission.OK, changed
