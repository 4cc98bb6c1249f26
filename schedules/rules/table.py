"""Which rules there are."""

from typing import Final

from schedules.rules import coverage, crew, opening, vehicles
from schedules.rules.calendar import Check

ROW_RULES: Final[tuple[Check, ...]] = (
    vehicles.two_places,
    vehicles.fitness,
    crew.one_vehicle_a_person,
    crew.qualified,
    opening.point_is_open,
    opening.working_day,
    coverage.changes_are_announced,
)
"""Rules over what is there; they hold for the good rows also while others are broken."""

WHOLE_PLAN_RULES: Final[tuple[Check, ...]] = (
    coverage.visits_a_month,
    coverage.gaps,
    coverage.villages_have_points,
)
"""Rules over what is missing; a refused row would make them speak of its absence, so they wait for all rows."""
