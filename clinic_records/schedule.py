"""The published schedule: what the hospital tells its vehicles, and what a vehicle opens its stop from.

A version is immutable: a correction is a new version with the next number. Dates and times are wall time at +08:00
(`clinic_records.clock.CHINA`), the only zone the villages have.
"""

from datetime import date, time
from enum import StrEnum

import msgspec

from clinic_records.ids import StopId


class VisitStatus(StrEnum):
    """How a visit came to its date; a cancelled one is none of the visits."""

    PLANNED = "planned"
    MOVED = "moved"
    SUBSTITUTED = "substituted"


class Visit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One vehicle at one clinic point on one day.

    Attributes:
        visit_id: the rule and the date the rule gave (`R059-20260102`); a move keeps it, so it never renumbers.
        village: name of the administrative village.
        ordinal: which visit to this point in the calendar month of `date` it is, from 1.
    """

    visit_id: StopId
    date: date
    point_id: str
    point_name: str
    village: str
    vehicle_id: str
    start: time
    end: time
    staff_ids: tuple[str, ...]
    rule_id: str
    ordinal: int
    status: VisitStatus = VisitStatus.PLANNED


class CancelledVisit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A visit that the plan gave up, as its rule gave it: the crew is told, and why.

    Attributes:
        reason: as the coordinator wrote it, or a suggested one in Chinese; empty where nobody said.
    """

    visit_id: StopId
    date: date
    point_id: str
    point_name: str
    village: str
    vehicle_id: str
    start: time
    reason: str = ""


class PublishedPoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clinic point as vehicles need to know it.

    Attributes:
        lon, lat: degrees, WGS 84; None where nobody measured it.
        contact_name, contact_phone: the village doctor, or whoever gathers people there.
    """

    name: str
    village: str
    village_code: str = ""
    lon: float | None = None
    lat: float | None = None
    contact_name: str = ""
    contact_phone: str = ""


class PublishedSchedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of the county's plan.

    Attributes:
        version: 1, 2, 3 ... of one hospital; a higher one replaces a lower one on the days it covers.
        hash: SHA-256 of this struct's payload bytes with `hash` empty, 64 hex digits.
        effective_from: the first day a vehicle goes by this version.
        first, last: the days it speaks about, both included.
        staff: names of the people in `staff_ids`.
        points: the clinic points of the visits, by id.
        approved_by: who approved it, as the coordinator wrote it; empty where nobody said.
        cancelled: the visits of these days that are cancelled.
    """

    version: int
    hash: str
    effective_from: date
    first: date
    last: date
    visits: tuple[Visit, ...]
    staff: dict[str, str] = {}
    points: dict[str, PublishedPoint] = {}
    approved_by: str = ""
    cancelled: tuple[CancelledVisit, ...] = ()
