"""A plan as its coordinator wrote it: villages, points, vehicles, people, weekly rules and dated exceptions.

Rows that were refused are not in here; they are findings. What a plan becomes on the calendar is a
`clinic_records.schedule.Visit`, and what vehicles receive a `clinic_records.schedule.PublishedSchedule`.
"""

from datetime import date, time
from enum import StrEnum

import msgspec

from schedules.places import Place


class Action(StrEnum):
    """What an exception does to one dated visit (GTFS calendar_dates knows only add and remove)."""

    MOVE = "move"
    CANCEL = "cancel"
    SUBSTITUTE = "substitute"


class Village(msgspec.Struct, frozen=True, omit_defaults=True):
    """An administrative village, by its 12-digit statistical code."""

    village_code: str
    village_name: str
    place: Place
    township: str = ""
    lon: float | None = None
    lat: float | None = None
    residents: int | None = None
    over_65: int | None = None


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clinic point: where the vehicle stops. Weekdays count Monday = 0."""

    point_id: str
    point_name: str
    village_code: str
    place: Place
    village_name: str = ""
    township: str = ""
    lon: float | None = None
    lat: float | None = None
    open_from: time | None = None
    open_to: time | None = None
    closed_weekdays: tuple[int, ...] = ()
    visits_per_month: int | None = None
    visit_minutes: int | None = None
    contact_name: str = ""
    contact_phone: str = ""
    needs_equipment: tuple[str, ...] = ()
    vehicle_max_length_m: float | None = None


class Vehicle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clinic vehicle."""

    vehicle_id: str
    plate: str
    place: Place
    depot: str = ""
    length_m: float | None = None
    equipment: tuple[str, ...] = ()
    seats: int | None = None
    in_service_from: date | None = None
    inspection_due: date | None = None
    tablet_id: str = ""


class StaffMember(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person of a crew."""

    staff_id: str
    name: str
    role: str
    place: Place
    qualification: str = ""
    licence_no: str = ""
    licence_valid_to: date | None = None
    home_vehicle: str = ""
    max_hours_per_day: float | None = None
    phone: str = ""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A repeating visit: which point, by which vehicle, on which days of each month.

    Attributes:
        max_per_month: only the first so many dates of the pattern in a calendar month count; None is all.
    """

    rule_id: str
    point_id: str
    vehicle_id: str
    pattern: str
    start: time
    end: time
    staff_ids: tuple[str, ...]
    effective_from: date
    place: Place
    effective_to: date | None = None
    max_per_month: int | None = None
    stop_no: int | None = None
    services: tuple[str, ...] = ()
    note: str = ""


class DatedException(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dated change of one visit of one rule."""

    exception_id: str
    rule_id: str
    original_date: date
    action: Action
    place: Place
    point_id: str = ""
    new_date: date | None = None
    new_start: time | None = None
    new_vehicle_id: str = ""
    new_staff_ids: tuple[str, ...] = ()
    reason: str = ""
    announced_on: date | None = None
    approved_by: str = ""


class Holiday(msgspec.Struct, frozen=True, omit_defaults=True):
    """A public holiday, or a weekend day worked in exchange for one (State Council notice of each year)."""

    date: date
    kind: str
    place: Place
    name: str = ""


class Unavailable(msgspec.Struct, frozen=True, omit_defaults=True):
    """Days on which a person is on leave, a vehicle in the workshop, the road to a point closed; whom the row names.

    A row that names nobody holds for the whole county: a typhoon day.
    """

    unavailable_id: str
    first_day: date
    last_day: date
    place: Place
    staff_id: str = ""
    vehicle_id: str = ""
    point_id: str = ""
    reason: str = ""


class Travel(msgspec.Struct, frozen=True, omit_defaults=True):
    """The way from one point (or depot) to another."""

    from_id: str
    to_id: str
    minutes: int
    place: Place
    km: float | None = None


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """All rows that were taken, each table in the order of its file, by id."""

    villages: dict[str, Village] = {}
    points: dict[str, Point] = {}
    vehicles: dict[str, Vehicle] = {}
    staff: dict[str, StaffMember] = {}
    rules: dict[str, Rule] = {}
    exceptions: dict[str, DatedException] = {}
    holidays: dict[date, Holiday] = {}
    unavailable: dict[str, Unavailable] = {}
    travel: dict[tuple[str, str], Travel] = {}
