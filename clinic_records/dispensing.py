"""The right to dispense as a pure state machine, both ends of it (sync rule 1; decision 0017).

Time alone never moves a right: its end stops the holder, but only the holder's release says that it has not dispensed
before. A right ends with its prescription, so nothing is lost by waiting: what is past its end is issued anew (H15).
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from clinic_records.errors import Conflict, Hint
from clinic_records.prescription import PHARMACY, DispenseRight


class RightState(StrEnum):
    """Where one token stands."""

    HELD = "held"
    ASKED = "asked"
    """the hospital wants it back and has no answer yet; only at the hospital"""
    RELEASED = "released"
    USED = "used"


class Right(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one end knows of the newest token of a prescription.

    Attributes:
        wanted: who gets the next token once this one is released; only at the hospital.
        incarnation: of the holding vehicle when the token was given; a box restored since neither uses it nor gives it
            back, because it may have forgotten that it did.
    """

    token: int
    holder: str
    until: datetime
    state: RightState = RightState.HELD
    wanted: str = ""
    incarnation: int = 0


class Refusal(StrEnum):
    """Why a vehicle may not dispense."""

    UNKNOWN = "unknown"
    OTHER_HOLDER = "other-holder"
    GIVEN_BACK = "given-back"
    SPENT = "spent"
    OVER = "over"
    RETRACTED = "retracted"
    CLOCK = "clock"
    RESTORED = "restored"


def told(known: Right | None, said: DispenseRight) -> Right:
    """What a vehicle knows after the hospital's word, in whatever order words come; a spent token stays spent."""
    if known is not None and known.token >= said.token:
        return known
    return Right(said.token, said.holder, said.until, incarnation=said.incarnation)


def can_give_back(known: Right | None, vehicle: str, incarnation: int) -> bool:
    """Whether the token is in `vehicle`'s hand, and that hand knows it is unspent."""
    is_mine = known is not None and known.holder == vehicle and known.state is RightState.HELD
    return is_mine and known is not None and known.incarnation == incarnation


def must_release(known: Right, said: DispenseRight, vehicle: str, incarnation: int) -> bool:
    """Whether `vehicle` answers `said`, which `told` has taken in, by giving the token back."""
    is_asked = said.is_asked_back and said.token == known.token
    return is_asked and can_give_back(known, vehicle, incarnation)


def refusal(
    known: Right | None,
    vehicle: str,
    now: datetime,
    *,
    incarnation: int,
    is_clock_doubtful: bool,
    is_retracted: bool,
) -> Refusal | None:
    """Why `vehicle` may not dispense now; None where it may."""
    if is_retracted:
        return Refusal.RETRACTED
    if known is None:
        return Refusal.UNKNOWN
    checks = (
        (known.holder != vehicle, Refusal.OTHER_HOLDER),
        (known.state is RightState.USED, Refusal.SPENT),
        (known.state is not RightState.HELD, Refusal.GIVEN_BACK),
        (known.incarnation != incarnation, Refusal.RESTORED),
        (is_clock_doubtful, Refusal.CLOCK),
        (now >= known.until, Refusal.OVER),
    )
    return next((why for is_so, why in checks if is_so), None)


def ask(right: Right, to: str, *, is_frozen: bool) -> Right:
    """The hospital wants `to` to have it; what it does not hold itself it must first be given back.

    Args:
        right: the newest token.
        to: a vehicle's id, or PHARMACY.
        is_frozen: the database was restored since the token was given, so a newer one may be out there.

    Raises:
        Conflict: it is spent, frozen, or there already.
    """
    if right.state is RightState.USED:
        raise Conflict(
            f"token {right.token} was dispensed by {right.holder}",
            hint=Hint("已经发过药了。", "It was dispensed already."),
        )
    if is_frozen:
        raise Conflict(
            f"token {right.token} was given before this database was restored; a newer one may be out there",
            hint=Hint("数据库恢复过，请医生重开处方。", "The database was restored; a doctor must prescribe anew."),
        )
    if right.state is RightState.HELD and right.holder == to:
        raise Conflict(f"{to} holds it already", hint=Hint("已经在那里。", "It is there already."))
    state = RightState.RELEASED if right.state is RightState.RELEASED else RightState.ASKED
    return settled(msgspec.structs.replace(right, state=state, wanted=to))


def settled(right: Right) -> Right:
    """The next token, where one is wanted and the last is out of every other hand."""
    is_free = right.state is RightState.RELEASED or (right.state is RightState.ASKED and right.holder == PHARMACY)
    return Right(right.token + 1, right.wanted, right.until) if is_free and right.wanted else right


def answered(right: Right, holder: str, token: int, state: RightState) -> Right:
    """The hospital after a holder's word: `RELEASED` or `USED`. A word about an older token changes nothing.

    USED of a newer token than is known here counts too: the database was restored meanwhile.
    """
    if state is RightState.USED and token > right.token:
        return Right(token, holder, right.until, RightState.USED)
    is_about_this = right.token == token and right.holder == holder
    if not is_about_this or right.state not in {RightState.HELD, RightState.ASKED}:
        return right
    return msgspec.structs.replace(right, state=state)
