"""Which clinic point a position belongs to."""

from collections.abc import Callable, Iterable
from typing import Final

from schedules.distance import metres_between
from schedules.model import Point

GEOFENCE_M: Final = 300
"""A position this near to a point is at the point; the county's own rule."""

FIX_ERROR_M: Final = 100
"""Two points whose distances differ by less cannot be told apart by one fix of a phone or tablet in a valley."""


def distance_m(lon: float, lat: float, point: Point) -> float | None:
    """Metres to the point; None where the point has no coordinates."""
    if point.lon is None or point.lat is None:
        return None
    return metres_between(lon, lat, point.lon, point.lat)


def nearest_point(lon: float, lat: float, points: Iterable[Point], planned_wait: Callable[[str], float | None]) -> str:
    """Id of the point the position lies at; empty outside every geofence.

    Of points that one fix cannot tell apart the one planned nearest in time is meant, then the nearest one.

    Args:
        lon: degrees.
        lat: degrees.
        points: those to choose from.
        planned_wait: seconds from the moment of the fix to the planned start at a point that day; None is unplanned.
    """
    near = [
        (metres, point.point_id)
        for point in points
        if (metres := distance_m(lon, lat, point)) is not None and metres <= GEOFENCE_M
    ]
    if not near:
        return ""
    least = min(near)[0]

    def preference(candidate: tuple[float, str]) -> tuple[bool, float, float]:
        wait = planned_wait(candidate[1])
        return wait is None, abs(wait or 0.0), candidate[0]

    return min((one for one in near if one[0] <= least + FIX_ERROR_M), key=preference)[1]
