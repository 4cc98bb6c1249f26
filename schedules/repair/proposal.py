"""What a repair says: changes for a person to accept, edit or reject, and why the rest cannot be had."""

from datetime import date, time
from typing import NamedTuple

from schedules.model import Action


class Change(NamedTuple):
    """One dated change of one visit, not yet in the plan.

    Attributes:
        change_id: `R059-20260102`, the visit's own name: one change a visit.
        replaces: id of the exception that changes this visit today; empty where none does.
        new_start, new_vehicle_id, new_staff_ids: empty where they stay as the rule says.
    """

    change_id: str
    rule_id: str
    point_id: str
    original_date: date
    action: Action
    new_date: date | None = None
    new_start: time | None = None
    new_vehicle_id: str = ""
    new_staff_ids: tuple[str, ...] = ()
    replaces: str = ""
    reason: str = ""


class Why(NamedTuple):
    """On how many vehicle-days a visit was tried and could not stand for one reason; `code` as in findings."""

    code: str
    days: int
    zh: str
    en: str


class Shortfall(NamedTuple):
    """A point-month that stays short: every vehicle-day of the month is counted under the reason that rules it out."""

    point_id: str
    month: str
    visits: int
    wanted: int
    reasons: tuple[Why, ...]

    @property
    def zh(self) -> str:
        """The sentence a coordinator reads."""
        told = "；".join(f"{why.days} 个车日{why.zh}" for why in self.reasons)
        return f"{self.point_id} 在 {self.month} 只有 {self.visits} 次，应有 {self.wanted} 次：{told}"

    @property
    def en(self) -> str:
        """The same in English."""
        told = "; ".join(f"{why.days} vehicle-day(s): {why.en}" for why in self.reasons)
        return f"{self.point_id} has {self.visits} of {self.wanted} visits in {self.month}: {told}"


class Repair(NamedTuple):
    """Changes by date, what stays short, and point-months with their number before and after."""

    changes: tuple[Change, ...]
    shortfalls: tuple[Shortfall, ...]
    point_months: int
    full_before: int
    full_after: int
