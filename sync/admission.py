"""How the hospital judges a Hello: a pure function, so every order of loss and clone can be tried (rules 3, 6, 7, 15).

A token is `<dense count>.<random>`. The hospital remembers the one the vehicle showed last and the one it then gave;
either is right, because the Welcome may have been lost, and each new session replaces the second. Two boxes that hold
the same disk therefore part at once: whichever comes second with a replaced token is seen. The count tells a clone's
old token from one that a rolled-back hospital no longer remembers having given.

A box restored from a backup looks like a clone, so its operator lets it ask for an incarnation under a name of its own
(`rejoin`). The old stream ends with the grant, once for each name: whoever still speaks in it is a fork from then on.
"""

from enum import StrEnum

import msgspec

from sync.abilities import OURS, Abilities
from sync.frames import Hello
from sync.ports import SessionState


class Admission(StrEnum):
    """The verdict in a Welcome; only `ok` opens a session."""

    OK = "ok"
    FORK = "fork"
    UNKNOWN = "unknown"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"


def token_count(token: str) -> int:
    """The dense count in a token; 0 where there is none yet."""
    head, dot, _ = token.partition(".")
    return int(head) if dot and head.isascii() and head.isdigit() else 0


def abilities_of(hello: Hello) -> Abilities:
    """What the vehicle says that it understands."""
    return Abilities(hello.proto_min, hello.proto_max, hello.kinds, hello.codecs, hello.dict_ids)


def _is_rolled_back(hello: Hello, state: SessionState) -> bool:
    """Whether the vehicle, which signs what it says, saw more of us than we remember (sync rule 3)."""
    given = max(token_count(state.token), token_count(state.pending_token))
    return (
        (hello.epoch == state.epoch and hello.highest_receipt_seq > state.highest_receipt_seq)
        or token_count(hello.token) > given
        or (hello.incarnation > state.incarnation and not hello.rejoin)
    )


def _is_granted_again(hello: Hello, state: SessionState) -> bool:
    """Whether this restoration has its grant and nobody has spoken under it yet: the Welcome may have been lost."""
    return hello.rejoin == state.rejoin and not state.token


def _may_rejoin(hello: Hello, state: SessionState) -> bool:
    """Whether the incarnation asked for is granted; one name gets one, and a clone that repeats it gets none."""
    return bool(hello.rejoin) and (hello.rejoin != state.rejoin or _is_granted_again(hello, state))


def _rejoined(hello: Hello, state: SessionState) -> SessionState:
    """The old stream ends, the number asked for begins; the next free one where that was used already."""
    if _is_granted_again(hello, state):
        return state
    return msgspec.structs.replace(
        state,
        incarnation=hello.incarnation if hello.incarnation > state.incarnation else state.incarnation + 1,
        closed_seq=hello.last_seq,
        rejoin=hello.rejoin,
    )


def admit(
    hello: Hello, state: SessionState, *, fresh_token: str, fresh_epoch: str, ours: Abilities = OURS
) -> tuple[Admission, SessionState]:
    """The verdict on a Hello and the state to be durable before it is told.

    Args:
        hello: signed by this vehicle, and said now: it answered a Challenge.
        state: what the hospital remembers of it.
        fresh_token: random text for the next token.
        fresh_epoch: random text for a new epoch, should one be due.
        ours: what this program understands.
    """
    theirs = abilities_of(hello)
    if not ours.agreed(theirs):
        return (Admission.TOO_OLD if theirs.proto_max < ours.proto_min else Admission.TOO_NEW), state
    if hello.session == state.session:
        return (Admission.FORK if state.is_forked else Admission.OK), state
    rolled_back = _is_rolled_back(hello, state)
    may_rejoin = _may_rejoin(hello, state)
    is_known = hello.token == state.token or (hello.token == state.pending_token != "")
    is_same = not hello.rejoin and (rolled_back or (is_known and hello.incarnation == state.incarnation))
    is_forked = state.is_forked or not (may_rejoin or is_same)
    count = max(map(token_count, (hello.token, state.token, state.pending_token)))
    changed = msgspec.structs.replace(state, session=hello.session, is_forked=is_forked, peer=theirs)
    if is_forked:
        return Admission.FORK, changed
    changed = (
        _rejoined(hello, changed) if may_rejoin else msgspec.structs.replace(changed, incarnation=hello.incarnation)
    )
    changed = msgspec.structs.replace(
        changed, token="" if may_rejoin else hello.token, pending_token=f"{count + 1}.{fresh_token}"
    )
    # Where the epochs differ, a new one has begun already since this vehicle was here: its Welcome tells it.
    if not state.epoch or (rolled_back and hello.epoch == state.epoch):
        changed = msgspec.structs.replace(changed, epoch=fresh_epoch, highest_receipt_seq=0)
    return Admission.OK, changed
