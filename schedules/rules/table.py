"""Which rules there are."""

from typing import Final

from schedules.rules import availability, coverage, crew, opening, travel, validity, vehicles
from schedules.rules.calendar import Check

ROW_RULES: Final[tuple[Check, ...]] = (
    vehicles.two_places,
    travel.way_between,
    vehicles.fitness,
    validity.inspections,
    crew.one_vehicle_a_person,
    crew.qualified,
    validity.licences,
    availability.everybody_is_there,
    opening.point_is_open,
    opening.working_day,
    coverage.changes_are_announced,
    travel.day_length,
    travel.lunch,
)
"""Rules over what is there; they hold for the good rows also while others are broken."""

WHOLE_PLAN_RULES: Final[tuple[Check, ...]] = (
    coverage.visits_a_month,
    coverage.gaps,
    coverage.villages_have_points,
    coverage.near_duplicates,
)
"""Rules over what is missing; what refused rows may hold is left out, or stands under them."""
