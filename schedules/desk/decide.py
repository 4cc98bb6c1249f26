"""What a person decides of one visit, as the row of exceptions that says it."""

from collections.abc import Mapping
from datetime import date, time
from typing import NamedTuple

import msgspec

from clinic_records.errors import Hint, RefusedInput
from schedules.desk.choices import Moving, change_of, given
from schedules.model import Action, DatedException, Plan
from schedules.reasons import kept_reason
from schedules.repair.decide import row_place
from schedules.repair.words import WORDS

LONGEST_TEXT = 80
"""Characters of a reason and of an approver's name."""


class Word(NamedTuple):
    """Why, who approved it, and since when villagers know."""

    reason: str
    approved_by: str = ""
    announced_on: date | None = None


class Wish(NamedTuple):
    """Where a person wants the visit; without a start at a time that is free there."""

    day: date
    vehicle_id: str
    start: time | None = None


def move(
    plan: Plan,
    name: str,
    wish: Wish,
    word: Word,
    begin: date,
    laid: tuple[date, date] = (date.min, date.max),
) -> tuple[Plan, DatedException | None]:
    """The plan with the visit elsewhere, and the row that says so: none where it is back where its rule put it.

    `begin` and `laid` are as `Moving` takes them.

    Raises:
        NotFound: the rules give no such visit.
        RefusedInput: it cannot be there, the message says why; or no reason was given.
    """
    word = _must_say_why(word)
    if wish.vehicle_id not in plan.vehicles:
        raise RefusedInput(f"{wish.vehicle_id[:32]}: no such vehicle", hint=Hint("核对车辆。", "Check the vehicle."))
    moving = Moving(plan, name, begin, wish.day, laid=laid)
    _must_not_be_over(moving, begin)
    choice = moving.choice(*wish)
    if choice.code:
        zh, en = WORDS[choice.code]
        raise RefusedInput(
            f"{name} on {wish.day} by {wish.vehicle_id}: {en} ({choice.code})",
            hint=Hint(f"不能放在这里：{zh}。", f"It cannot be there: {en}."),
        )
    own, rule = moving.own, plan.rules[moving.own.rule_id]
    crew = moving.crew(wish.day, wish.vehicle_id)
    is_moved = wish.day != own.date
    made = _row(plan, name, Action.MOVE if is_moved else Action.SUBSTITUTE, word)
    made = msgspec.structs.replace(
        made,
        new_date=wish.day if is_moved else None,
        new_start=None if choice.start == rule.start else choice.start,
        new_vehicle_id="" if wish.vehicle_id == rule.vehicle_id else wish.vehicle_id,
        new_staff_ids=() if crew == rule.staff_ids else crew,
    )
    kept = None if _says_nothing(made) else made
    return with_change(plan, name, kept), kept


def cancel(plan: Plan, name: str, word: Word, begin: date) -> tuple[Plan, DatedException]:
    """The plan without the visit, and the row that says so.

    Raises:
        NotFound: the rules give no such visit.
        RefusedInput: it is cancelled already, or over; or no reason was given.
    """
    word = _must_say_why(word)
    known = change_of(plan, name)
    if known is not None and known.action is Action.CANCEL:
        raise RefusedInput(f"{name} is cancelled already", hint=Hint("这次已取消。", "It is cancelled already."))
    _must_not_be_over(Moving(plan, name, begin), begin)
    made = _row(plan, name, Action.CANCEL, word)
    return with_change(plan, name, made), made


def swap(plan: Plan, name: str, stead: Mapping[str, str], word: Word, begin: date) -> Plan:
    """The plan with other people at the visit, where it stands.

    Args:
        plan: as it is.
        name: the visit's id.
        stead: who is planned -> who goes instead; empty: nobody does.
        word: why, and who approved it; where the visit was changed before, that reason stands before this one.
        begin: what lies before is over.

    Raises:
        NotFound: the rules give no such visit.
        RefusedInput: nobody was swapped, one cannot go (the message says why), it is cancelled or over, or there is no
            reason.
    """
    word = _must_say_why(word)
    moving = Moving(plan, name, begin)
    _must_not_be_over(moving, begin)
    if moving.now is None:
        raise RefusedInput(f"{name} is cancelled", hint=Hint("这次已取消，先恢复。", "It is cancelled: bring it back."))
    crew = _crew(plan, moving.now.staff_ids, stead)
    if code := moving.crew_code(crew):
        zh, en = WORDS[code]
        raise RefusedInput(
            f"{name} with {';'.join(crew)}: {en} ({code})",
            hint=Hint(f"不能这样换：{zh}。", f"They cannot go: {en}."),
        )
    known = moving.change
    reasons = dict.fromkeys(one for one in (known.reason if known else "", word.reason) if one)
    made = msgspec.structs.replace(
        known or _row(plan, name, Action.SUBSTITUTE, word),
        new_staff_ids=() if crew == plan.rules[moving.own.rule_id].staff_ids else crew,
        reason="；".join(reasons)[:LONGEST_TEXT],
        announced_on=word.announced_on,
        approved_by=word.approved_by,
    )
    return with_change(plan, name, None if _says_nothing(made) else made)


def _crew(plan: Plan, now: tuple[str, ...], stead: Mapping[str, str]) -> tuple[str, ...]:
    unknown = [*({*stead} - {*now}), *({*stead.values()} - {*plan.staff, ""})]
    if unknown:
        raise RefusedInput(f"{unknown[0][:32]}: nobody such", hint=Hint("核对人员编号。", "Check the ids of people."))
    crew = tuple(who for one in now if (who := stead.get(one, one)))
    if crew == now or len({*crew}) < len(crew):
        raise RefusedInput(
            f"{';'.join(crew)}: nobody else, or one of them twice",
            hint=Hint("选谁来替；一个人只能选一次。", "Choose who goes instead, each person once."),
        )
    return crew


def _says_nothing(row: DatedException) -> bool:
    """Whether the visit is as its rule has it."""
    return row.action is Action.SUBSTITUTE and not (row.new_start or row.new_vehicle_id or row.new_staff_ids)


def with_change(plan: Plan, name: str, change: DatedException | None) -> Plan:
    """The plan in which this is all that the exceptions say of the visit; None: they say nothing."""
    known = change_of(plan, name)
    exceptions = {key: one for key, one in plan.exceptions.items() if one is not known}
    if change is not None:
        exceptions[change.exception_id] = change
    return msgspec.structs.replace(plan, exceptions=exceptions)


def _must_say_why(word: Word) -> Word:
    reason = kept_reason(word.reason)[:LONGEST_TEXT]
    if not reason:
        raise RefusedInput("no reason given", hint=Hint("写上原因，村里要看到。", "Give the reason; villages read it."))
    return word._replace(reason=reason, approved_by=word.approved_by.strip()[:LONGEST_TEXT])


def _must_not_be_over(moving: Moving, begin: date) -> None:
    stands = moving.now
    if stands is not None and stands.date < begin:
        raise RefusedInput(
            f"{stands.visit_id} was on {stands.date}", hint=Hint("这次已经过去，改不了。", "It is over.")
        )


def _row(plan: Plan, name: str, action: Action, word: Word) -> DatedException:
    own, known = given(plan, name), change_of(plan, name)
    return DatedException(
        exception_id=known.exception_id if known else f"M-{name}",
        rule_id=own.rule_id,
        original_date=date.fromisoformat(name.rpartition("-")[2]),
        action=action,
        place=row_place(plan, own.rule_id, known),
        point_id=own.point_id,
        reason=word.reason,
        announced_on=word.announced_on,
        approved_by=word.approved_by,
    )
