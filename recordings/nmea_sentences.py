"""NMEA 0183 sentences of a satellite receiver: where the vehicle is and what time the satellites say.

Sentence: `$`, two letters of talker, three of type, fields between commas, `*`, two hexadecimal digits of the exclusive
or of everything between `$` and `*`, CR LF. Any talker is taken: GP, GN and BD receivers differ in nothing else here.
RMC: time, status, latitude, longitude, speed in knots, course, date, mode (field 12, from 2.3 on). GGA: quality,
satellites, dilution, altitude in metres. Source: NMEA 0183 as gpsd documents it (gpsd.io/NMEA.html).
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from clinic_records.errors import BadFrame

_SENTENCE: Final = re.compile(rb"\$([A-Z][ -#%-)+-~]{4,})\*([0-9A-Fa-f]{2})\r\n")
_TYPES: Final = re.compile(rb"\$[A-Z]{2}(RMC|GGA|GSA|GSV|GLL|GNS|VTG|ZDA|TXT),")
_GOOD_MODES: Final = frozenset({"", "A", "D", "P", "R", "F"})
"""Autonomous, differential, precise, RTK fixed and float; dead reckoning, manual and simulated are no position."""
_DEGREES: Final = {"N": (2, 1), "S": (2, -1), "E": (3, 1), "W": (3, -1)}
"""Hemisphere -> digits of whole degrees, sign."""
_PLACES: Final = Decimal("0.0000001")
_CENTURY_TURNS: Final = 80
"""Two-digit years from here on are 19xx: the satellites' own time begins in 1980."""
ROLLED_OVER: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""No receiver of a vehicle of ours is older: an earlier date is a week number that began again after 1024 weeks."""


def looks_like_nmea(raw: bytes) -> bool:
    """Whether the bytes begin with a sentence."""
    return _TYPES.match(raw) is not None


def check_sentence(raw: bytes) -> str:
    """Why these bytes are no sentence; nothing where they are."""
    found = _SENTENCE.fullmatch(raw)
    if found is None:
        return "no NMEA sentence"
    check = 0
    for byte in found[1]:
        check ^= byte
    return "" if check == int(found[2], 16) else f"NMEA sentence: check {check:02X}, it says {found[2].decode()}"


def fields_of(sentence: bytes) -> list[str]:
    """The fields of a checked sentence; the first is talker and type."""
    return sentence[1 : sentence.rindex(b"*")].decode("ascii").split(",")


def sentences_of(raw: bytes) -> list[list[str]]:
    """Fields of each sentence in `raw`.

    Raises:
        BadFrame: one is none, or its check is wrong.
    """
    found = []
    for line in raw.splitlines(keepends=True):
        fault = check_sentence(line)
        if fault:
            raise BadFrame(fault)
        found.append(fields_of(line))
    return found


def fix_time(rmc: list[str]) -> datetime | None:
    """Date and time of an RMC sentence, UTC; None where the receiver does not know them."""
    time, date = field_of(rmc, 1), field_of(rmc, 9)
    if not re.fullmatch(r"\d{6}(\.\d{1,6})?", time) or not re.fullmatch(r"\d{6}", date):
        return None
    year = int(date[4:]) + (1900 if int(date[4:]) >= _CENTURY_TURNS else 2000)
    micro = int(time[7:].ljust(6, "0") or 0)
    try:
        return datetime(
            year, int(date[2:4]), int(date[:2]), int(time[:2]), int(time[2:4]), int(time[4:6]), micro, tzinfo=UTC
        )
    except ValueError:  # a leap second's 60, or no such day
        return None


def position_of(rmc: list[str]) -> tuple[Decimal, Decimal] | None:
    """Latitude and longitude in degrees, north and east positive; None where there is no fix."""
    if field_of(rmc, 2) != "A" or field_of(rmc, 12) not in _GOOD_MODES:
        return None
    latitude, longitude = _degrees(rmc, 3, 90), _degrees(rmc, 5, 180)
    return None if latitude is None or longitude is None else (latitude, longitude)


def _degrees(rmc: list[str], at: int, most: int) -> Decimal | None:
    value, hemisphere = field_of(rmc, at), field_of(rmc, at + 1)
    whole, sign = _DEGREES.get(hemisphere, (0, 0))
    if not whole or (whole == 2) != (most == 90) or not re.fullmatch(rf"\d{{{whole + 2}}}(\.\d{{1,8}})?", value):
        return None
    minutes = Decimal(value[whole:])
    degrees = int(value[:whole]) + minutes / 60
    return None if minutes >= 60 or degrees > most else sign * degrees.quantize(_PLACES)


def field_of(sentence: list[str], at: int) -> str:
    """The field, or nothing where the sentence is shorter."""
    return sentence[at] if at < len(sentence) else ""
