"""A vehicle is out for some days: who takes its visits, with the fewest of them on another day."""

from datetime import date

import msgspec

from clinic_records.errors import Hint, NotFound, RefusedInput
from schedules.model import Plan, Unavailable
from schedules.places import Place
from schedules.repair.proposal import Repair
from schedules.repair.propose import propose
from schedules.tables import TABLES


def without_vehicle(plan: Plan, vehicle_id: str, first: date, last: date, reason: str = "车辆故障") -> Plan:
    """The plan with a row that takes the vehicle off the road.

    Raises:
        NotFound: there is no such vehicle.
        RefusedInput: the days are the wrong way round.
    """
    if vehicle_id not in plan.vehicles:
        raise NotFound(f"{vehicle_id}: no such vehicle", hint=Hint("核对车辆编号。", "Check the vehicle's id."))
    if last < first:
        raise RefusedInput(
            f"{first} to {last}: the last day is before the first", hint=Hint("核对日期。", "Check the dates.")
        )
    name = f"{vehicle_id}-{first:%Y%m%d}"
    place = Place(f"{TABLES['unavailable'].name}.csv")
    row = Unavailable(name, first, last, place, vehicle_id=vehicle_id, reason=reason)
    return msgspec.structs.replace(plan, unavailable={**plan.unavailable, name: row})


def replan(plan: Plan, vehicle_id: str, first: date, last: date, *, begin: date | None = None) -> tuple[Plan, Repair]:
    """The plan without the vehicle, and changes for each visit that it would have made.

    Another vehicle takes a visit on its own day where one can, at its own time if possible; only then another day.

    Args:
        plan: as it stands.
        vehicle_id: the vehicle that is out.
        first: the first day it is out, `last` the last.
        last: see `first`.
        begin: the first day a moved visit may be on; `first` where not given.

    Raises:
        NotFound: there is no such vehicle.
        RefusedInput: the days are the wrong way round.
    """
    reduced = without_vehicle(plan, vehicle_id, first, last)
    return reduced, propose(reduced, first, last, begin=begin or first, only=("L02",))
