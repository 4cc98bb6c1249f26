"""What a person decides of one visit, as the row of exceptions that says it."""

from datetime import date, time
from typing import NamedTuple

import msgspec

from clinic_records.errors import Hint, RefusedInput
from schedules.desk.choices import Moving, change_of, given
from schedules.model import Action, DatedException, Plan
from schedules.places import Place
from schedules.reasons import kept_reason
from schedules.repair.words import WORDS
from schedules.tables import TABLES

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
    is_back = not is_moved and made.new_start is None and not made.new_vehicle_id and not made.new_staff_ids
    return with_change(plan, name, None if is_back else made), None if is_back else made


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
    rule, table = plan.rules[own.rule_id].place, TABLES["exceptions"]
    place = Place(rule.file, table.sheet) if rule.sheet else Place(f"{table.name}.csv")
    return DatedException(
        exception_id=known.exception_id if known else f"M-{name}",
        rule_id=own.rule_id,
        original_date=date.fromisoformat(name.rpartition("-")[2]),
        action=action,
        place=known.place if known else place,
        point_id=own.point_id,
        reason=word.reason,
        announced_on=word.announced_on,
        approved_by=word.approved_by,
    )
