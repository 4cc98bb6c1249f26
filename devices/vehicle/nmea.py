"""A satellite receiver that speaks NMEA 0183 at 9600 (or 4800) 8N1: the vehicle's place, told seldom.

It says where it is every second; a reading is made of the first fix, of a stop, of each 200 m on the road but not more
than one a minute, and of one fix in half an hour while the vehicle stands.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Final

from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.delimited import DelimitedFraming
from recordings.nmea_sentences import ROLLED_OVER, check_sentence, fields_of, fix_time, position_of

MEDIA_TYPE: Final = "application/vnd.nmea.0183"
WORD: Final = "application/vnd.nmea.0183-unkept"
"""Media type of fixes nobody needs."""
_LONGEST: Final = 160
"""Bytes of a sentence; the standard says 82, makers' own sentences are longer."""
_LONGEST_EPOCH: Final = 4096
_TIMED: Final = {"RMC": 1, "GGA": 1, "ZDA": 1, "GNS": 1, "GLL": 5}
"""Sentence -> the field with its time: another time begins another fix."""
FAR_M: Final = 200.0
SELDOM: Final = timedelta(minutes=1)
STANDING: Final = timedelta(minutes=30)
STOPPED_KN: Final = 1.0
"""Slower than this is standing; a receiver at rest shows up to half a knot."""
_EARTH_M: Final = 6_371_008.8
"""Mean radius (IUGG)."""

Place = tuple[Decimal, Decimal]


def distance_m(one: Place, other: Place) -> float:
    """Metres between two places in degrees, on a sphere (haversine)."""
    latitudes = radians(one[0]), radians(other[0])
    half = sin((latitudes[1] - latitudes[0]) / 2) ** 2
    half += cos(latitudes[0]) * cos(latitudes[1]) * sin(radians(other[1] - one[1]) / 2) ** 2
    return 2 * _EARTH_M * asin(min(1.0, sqrt(half)))


class Thinning:
    """Which fixes are worth a reading."""

    def __init__(self) -> None:
        self._told: tuple[Place, datetime] | None = None
        self._is_moving = False

    def wants(self, place: Place, knots: float, now: datetime) -> bool:
        """Whether the fix at `place` is told."""
        has_stopped = self._is_moving and knots < STOPPED_KN
        self._is_moving = knots >= STOPPED_KN
        if self._told is not None:
            before, at = self._told
            is_far = distance_m(before, place) >= FAR_M
            if not (has_stopped or now - at >= STANDING or (is_far and now - at >= SELDOM)):
                return False
        self._told = (place, now)
        return True


class NmeaFraming:
    """Sentences of one second together."""

    def __init__(self, frame: Callable[[list[bytes]], Frame]) -> None:
        """`frame` makes the frame of the sentences of one second."""
        self._frame = frame
        self._sentences = DelimitedFraming(
            lambda raw: Frame(raw, WORD), start=b"$", end=(b"\r\n",), longest=_LONGEST, check=check_sentence
        )
        self._epoch: list[bytes] = []
        self._time = ""

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """What became complete with `data`."""
        items: list[Frame | BadFrame] = []
        for item in self._sentences.feed(data):
            self._take(item, items)
        return items

    def idle(self) -> list[Frame | BadFrame]:
        """The second that is over, and the half sentence."""
        items: list[Frame | BadFrame] = []
        self._close(items)
        return items + self._sentences.idle()

    def _take(self, item: Frame | BadFrame, items: list[Frame | BadFrame]) -> None:
        if isinstance(item, BadFrame):
            self._close(items)
            items.append(item)
            return
        fields = fields_of(item.raw)
        at = _TIMED.get(fields[0][2:], 0)
        time = fields[at] if 0 < at < len(fields) else self._time
        if time != self._time or sum(map(len, self._epoch)) > _LONGEST_EPOCH:
            self._close(items)
        self._time = time
        self._epoch.append(item.raw)

    def _close(self, items: list[Frame | BadFrame]) -> None:
        if self._epoch:
            items.append(self._frame(self._epoch))
            self._epoch = []


class PositionNmea(Driver):
    """It only speaks."""

    name = "position-nmea"
    media_type = MEDIA_TYPE
    idle_s = 0.5

    def framing(self) -> NmeaFraming:
        """A fresh framing that keeps few fixes."""
        self._thinning = Thinning()
        return NmeaFraming(self._frame)

    def _frame(self, sentences: list[bytes]) -> Frame:
        raw = b"".join(sentences)
        fixes = [fields for fields in map(fields_of, sentences) if fields[0].endswith("RMC")]
        place = position_of(fixes[0]) if fixes else None
        if place is None:
            return Frame(raw, WORD, deliver=False)
        said = fix_time(fixes[0])
        clock = said if said is not None and said >= ROLLED_OVER else None
        is_told = self._thinning.wants(place, _knots(fixes[0]), self._now())
        return Frame(raw, MEDIA_TYPE if is_told else WORD, deliver=is_told, device_clock=clock)


def _knots(rmc: list[str]) -> float:
    try:
        return float(rmc[7])
    except (ValueError, IndexError):
        return 0.0
