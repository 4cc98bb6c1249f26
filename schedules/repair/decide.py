"""A person's word on a proposed change: yes, yes but otherwise, no."""

from collections.abc import Collection
from datetime import date

import msgspec

from clinic_records.errors import Hint, RefusedInput
from clinic_records.schedule import Visit
from schedules.expand import month_end, month_start
from schedules.model import Action, DatedException, Plan
from schedules.places import Place
from schedules.planning.clock import clock
from schedules.repair.days import OWN_RISK, Days
from schedules.repair.lost import standing
from schedules.repair.proposal import Change
from schedules.repair.words import WORDS
from schedules.repair.work import Refused
from schedules.rules.travel import minutes
from schedules.tables import TABLES


def accept(plan: Plan, change: Change, *, approved_by: str = "", announced_on: date | None = None) -> Plan:
    """The plan with the change in it, edited (`change._replace(new_date=...)`) or as proposed.

    Raises:
        RefusedInput: the visit is not lost (any more), or the change does not fit; the message says why.
    """
    new_date = change.new_date or change.original_date
    first, last = min(change.original_date, new_date), max(change.original_date, new_date)
    days, lost = standing(plan, month_start(first), month_end(last))
    own = next((one.visit for one in lost if one.visit.visit_id == change.change_id), None)
    if own is None:
        raise RefusedInput(
            f"{change.change_id} stands as planned and needs no change; propose again",
            hint=Hint("这次巡诊现在不用补，请重新生成建议。", "This visit needs no make-up now; propose again."),
        )
    if change.action is not Action.CANCEL:
        _must_fit(days, plan, own, change, new_date)
    name = change.replaces or f"M-{change.change_id}"
    made = DatedException(
        exception_id=name,
        rule_id=change.rule_id,
        original_date=change.original_date,
        action=change.action,
        place=row_place(plan, change.rule_id, plan.exceptions.get(change.replaces)),
        point_id=change.point_id,
        new_date=change.new_date,
        new_start=change.new_start,
        new_vehicle_id=change.new_vehicle_id,
        new_staff_ids=change.new_staff_ids,
        reason=change.reason,
        announced_on=announced_on,
        approved_by=approved_by,
    )
    return msgspec.structs.replace(plan, exceptions={**plan.exceptions, name: made})


def reject(refused: Refused, change: Change) -> frozenset[tuple[str, date]]:
    """What `propose` is told so that it does not offer this visit on this day again."""
    return frozenset(refused) | {(change.change_id, change.new_date or change.original_date)}


def accept_all(
    plan: Plan, changes: Collection[Change], *, approved_by: str = "", announced_on: date | None = None
) -> Plan:
    """The plan with all changes of one proposal, one by one.

    Raises:
        RefusedInput: one of them does not fit; the plan given stays as it is.
    """
    for change in changes:
        plan = accept(plan, change, approved_by=approved_by, announced_on=announced_on)
    return plan


def _must_fit(days: Days, plan: Plan, own: Visit, change: Change, new_date: date) -> None:
    if change.action is Action.MOVE and change.new_date is None:
        raise RefusedInput(
            f"{change.change_id}: a move needs new_date", hint=Hint("请填新日期。", "Give the new date.")
        )
    unknown = [one for one in change.new_staff_ids if one not in plan.staff]
    if change.new_vehicle_id and change.new_vehicle_id not in plan.vehicles:
        unknown.append(change.new_vehicle_id)
    if unknown:
        raise RefusedInput(
            f"{change.change_id}: unknown {', '.join(unknown)}", hint=Hint("核对编号。", "Check the ids.")
        )
    start = minutes(change.new_start or own.start)
    length = minutes(own.end) - minutes(own.start)
    late = start + length >= 24 * 60
    made = msgspec.structs.replace(
        own,
        date=new_date,
        start=clock(start),
        end=clock(24 * 60 - 1 if late else start + length),
        vehicle_id=change.new_vehicle_id or own.vehicle_id,
        staff_ids=change.new_staff_ids or own.staff_ids,
    )
    closed = days.closed(new_date)
    code = "T03" if late else days.refusal(made) if not closed or closed in OWN_RISK else closed
    if code:
        zh, en = WORDS[code]
        where = f"{change.change_id} on {new_date} {made.start:%H:%M} by {made.vehicle_id}"
        raise RefusedInput(
            f"{where}: {en} ({code})",
            hint=Hint(f"不能这样改：{zh}。", f"It cannot be there: {en}."),
        )


def row_place(plan: Plan, rule_id: str, known: DatedException | None) -> Place:
    """Where the row of exceptions stands that a person's decision makes: that of `known`, else the table's."""
    if known is not None:
        return known.place
    rule, table = plan.rules[rule_id].place, TABLES["exceptions"]
    return Place(rule.file, table.sheet) if rule.sheet else Place(f"{table.name}.csv")
