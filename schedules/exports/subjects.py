"""Whom an export is for: a vehicle, a clinic point, a person of a crew."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from clinic_records.errors import NotFound
from clinic_records.schedule import Visit
from schedules.model import Plan


class Kind(StrEnum):
    """Who keeps a calendar."""

    VEHICLE = "vehicle"
    POINT = "point"
    PERSON = "person"


class Subject(NamedTuple):
    """One of them."""

    kind: Kind
    id: str
    name: str

    @property
    def belongs(self) -> Callable[[Visit], bool]:
        """Whether a visit is its own."""
        return {
            Kind.VEHICLE: lambda visit: visit.vehicle_id == self.id,
            Kind.POINT: lambda visit: visit.point_id == self.id,
            Kind.PERSON: lambda visit: self.id in visit.staff_ids,
        }[self.kind]


def subjects(plan: Plan) -> Iterator[Subject]:
    """All of a plan."""
    for vehicle in plan.vehicles.values():
        yield Subject(Kind.VEHICLE, vehicle.vehicle_id, f"{vehicle.vehicle_id} {vehicle.plate}")
    for point in plan.points.values():
        yield Subject(Kind.POINT, point.point_id, point.point_name)
    for person in plan.staff.values():
        yield Subject(Kind.PERSON, person.staff_id, person.name)


def chosen(plan: Plan, kind: Kind, id_: str) -> Subject:
    """One of them by its id.

    Raises:
        NotFound: the plan has none such.
    """
    for subject in subjects(plan):
        if (subject.kind, subject.id) == (kind, id_):
            return subject
    raise NotFound(f'{kind} "{id_}" is not in the plan')
