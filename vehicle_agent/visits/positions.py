"""Where the vehicle is, from its satellite receiver, and how far that is from a clinic point."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from clinic_records.care import CheckIn, CheckInWay, Recording, RecordingStatus
from clinic_records.people import Author
from clinic_records.reading import Reading
from clinic_records.schedule import PublishedPoint
from schedules.distance import metres_between
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.versions import listed

POSITION: Final = "position"
FRESH: Final = timedelta(minutes=35)
"""Age up to which a fix speaks of now: a receiver at rest is heard every half hour. Our choice."""
STANDING_M_S: Final = 2.0
"""Slower than this the vehicle has come, not passed by. Our choice: a walk, well above a receiver's noise at rest."""


class Fix(NamedTuple):
    """One position: degrees (WGS 84), the vehicle's clock, the satellites' clock where it was told."""

    lon: float
    lat: float
    at: datetime
    satellite_at: datetime | None
    is_standing: bool


def fix_of(reading: Reading) -> Fix | None:
    """The position a reading holds; None where it holds none, or the vehicle's clock was in doubt."""
    if reading.modality != POSITION or reading.stamp.clock_doubtful:
        return None
    said = {number.code.code: number.quantity for number in reading.numerics if number.quantity is not None}
    if not {"longitude", "latitude"} <= set(said):
        return None
    speed = said.get("ground-speed")
    metres_per_s = 0.0 if speed is None else float(speed.value) * _METRES_PER_S.get(speed.unit, 1.0)
    return Fix(
        float(said["longitude"].value),
        float(said["latitude"].value),
        reading.stamp.vehicle_time,
        reading.stamp.device_time,
        is_standing=metres_per_s < STANDING_M_S,
    )


_METRES_PER_S: Final = {"[kn_i]": 1852 / 3600}
"""Knots are what NMEA 0183 sends (the international knot: 1,852 m an hour)."""


def last_fix(conn: Connection, now: datetime) -> Fix | None:
    """The newest position, where it is fresh enough to speak of `now`."""
    where = {"reading.modality": POSITION, "status": RecordingStatus.VEHICLE.value}
    found = listed(conn, Recording, where=dict(where), newest_first=True, limit=1)
    fix = fix_of(found[0].thing.reading) if found else None
    return fix if fix is not None and timedelta() <= now - fix.at <= FRESH else None


def metres_to(fix: Fix, point: PublishedPoint | None) -> int | None:
    """Metres from a fix to a point; None where nobody measured the point."""
    if point is None or point.lon is None or point.lat is None:
        return None
    return round(metres_between(fix.lon, fix.lat, point.lon, point.lat))


def check_in(
    at: datetime, way: CheckInWay, fix: Fix | None, point: PublishedPoint | None, by: Author | None = None
) -> CheckIn:
    """What is known of an arrival or a departure; the fix stands beside what a person said, and corrects nothing."""
    if fix is None:
        return CheckIn(at, way, by)
    ahead = None if fix.satellite_at is None else round((fix.at - fix.satellite_at).total_seconds())
    return CheckIn(at, way, by, fix.lon, fix.lat, metres_to(fix, point), ahead)
