"""Who goes with a vehicle when nobody has said so for the day."""

from datetime import date

from schedules.model import Plan
from schedules.rules.crew import is_nurse


def home_crew(plan: Plan, vehicle_id: str, day: date) -> tuple[str, ...]:
    """The people at home on a vehicle whose licences hold on the day; where nobody is, the crew of its first rule."""
    crew = [one for one in plan.staff.values() if one.home_vehicle == vehicle_id]
    if not crew:
        first = next((rule for rule in plan.rules.values() if rule.vehicle_id == vehicle_id), None)
        crew = [plan.staff[name] for name in first.staff_ids] if first else []
    return tuple(one.staff_id for one in crew if one.licence_valid_to is None or one.licence_valid_to >= day)


def has_nurse(plan: Plan, crew: tuple[str, ...]) -> bool:
    """Whether a crew can work at a point."""
    return any(is_nurse(plan.staff[name]) for name in crew)
