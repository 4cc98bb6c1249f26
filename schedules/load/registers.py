"""Who and what the other tables know by name, so that a sheet made by hand may use names."""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final

from schedules.load.foreign import NAMES
from schedules.load.matrix import plain
from schedules.load.rows import RawTables

Cells = Mapping[str, str]
"""A row of a table as plain text."""

_SIGNS: Final = re.compile(r"[\s·・•‧.,，、()（）-]+")
_LISTED: Final = re.compile(r"[;、,/\n]+")

SERVICES: Final = ("门诊", "配药", "慢病随访")
"""What every visit offers where the sheet does not say; and what equipment adds to it."""
EQUIPMENT_SERVICES: Final = (("US", "B超"), ("ECG", "心电"))


_PREFIX: Final = 20
"""Longest township and village before a point's name, in characters."""

_KIND_OF_PLACE: Final = re.compile("(?:街道|[镇乡村])$")


def _bare(text: str) -> str:
    return _SIGNS.sub("", text).lower()


class Registers:
    """Points, vehicles, people and rules of the other tables, by what they are called."""

    def __init__(self, tables: RawTables) -> None:
        def rows(name: str) -> list[Cells]:
            return [{column: plain(value) for column, value in row.cells.items()} for row in tables[name].rows or ()]

        self.points = {row["point_id"]: row for row in rows("points") if "point_id" in row}
        self.vehicles = {row["vehicle_id"]: row for row in rows("vehicles") if "vehicle_id" in row}
        self.staff = {row["staff_id"]: row for row in rows("staff") if "staff_id" in row}
        self._villages = {row.get("village_code", ""): row for row in rows("villages")}
        self.years = {plain(row.cells.get("date"))[:4] for row in tables["holidays"].rows or ()}
        self._rules = {
            (row.get("point_id", ""), row.get("vehicle_id", ""), row.get("pattern", "")): row.get("rule_id", "")
            for row in rows("rules")
        }
        self._like: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        for (point, vehicle, pattern), rule in self._rules.items():
            self._like[point, "", pattern].append(rule)
            self._like["", vehicle, pattern].append(rule)
        self._ranks = {name: rank for rank, name in enumerate(self.staff)}
        self._people: defaultdict[str, list[Cells]] = defaultdict(list)
        self._crews: defaultdict[str, list[Cells]] = defaultdict(list)
        for name, row in self.staff.items():
            for called in {_bare(name), _bare(row.get("name", ""))}:
                self._people[called].append(row)
            self._crews[row.get("home_vehicle", "")].append(row)
        self._point_names = self._names(self.points, ("point_name", "point_id"))
        self._vehicle_names = self._names(self.vehicles, ("vehicle_id", "plate"))

    @staticmethod
    def _names(rows: Mapping[str, Cells], columns: Iterable[str]) -> Mapping[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, row in rows.items():
            for column in columns:
                if row.get(column):
                    found[_bare(row[column])].append(name)
        return found

    def point(self, text: str) -> str:
        """The id of a point called so; the text itself where nobody, or more than one, is."""
        bare = _bare(text)
        found = self._point_names.get(bare, [])
        for start in range(1, min(len(bare), _PREFIX) if not found else 0):
            named = self._point_names.get(bare[start:], [])
            found = found or [one for one in named if self._lies_in(one, bare[:start])]
        return found[0] if len(found) == 1 else text

    def _lies_in(self, point: str, before: str) -> bool:
        """Whether words before a point's name are its village and township, a county above them perhaps.

        上塘村 is not 塘村, and a hall of a village that nobody knows is not the only hall that somebody knows.
        """
        row, rest = self.points[point], before
        village = self._villages.get(row.get("village_code", ""), {})
        for column in ("village_name", "township"):
            name = _bare(row.get(column) or village.get(column, ""))
            called = next((one for one in (name, _KIND_OF_PLACE.sub("", name)) if one and rest.endswith(one)), "")
            rest = rest.removesuffix(called)
        return not rest or rest[-1] == "县" or (rest != before and rest[-1] in "市区州旗")

    def vehicle(self, text: str) -> str | None:
        """The id of the vehicle that a text names, alone or among other words; None where there is none."""
        for piece in (text, *re.split(r"[\s()（）,，、/]+", text)):
            found = self._vehicle_names.get(_bare(piece), [])
            if piece and len(found) == 1:
                return found[0]
        return None

    def people(self, text: str, roles: frozenset[str], vehicle: str) -> tuple[list[str], list[str]]:
        """Ids of the people named, and the names nobody bears; of namesakes the one of that role and vehicle."""
        found, unknown = [], []
        for name in self._named(text):
            same = self._people.get(_bare(name), []) if name else []
            of_role = [row for row in same if row.get("role", "").lower() in roles] if roles else same
            here = [row for row in of_role if row.get("home_vehicle") == vehicle]
            chosen = here or of_role or same
            if chosen and (here or len(chosen) == 1):
                found.append(chosen[0]["staff_id"])
            elif name:
                unknown.append(name)
        return found, unknown

    def _named(self, text: str) -> Iterator[str]:
        """The names in a cell; `张　伟` is one name, set as wide as three characters."""
        for piece in _LISTED.split(text):
            yield from (piece,) if _bare(piece) in self._people else NAMES.split(piece)

    def at_home(self, vehicle: str, besides: frozenset[str]) -> list[str]:
        """Who belongs to a vehicle, but for some roles."""
        crew = self._crews.get(vehicle, [])
        return [row["staff_id"] for row in crew if row.get("role", "").lower() not in besides]

    def in_order(self, people: Iterable[str]) -> str:
        """Ids as a cell of the table of rules holds them, in the order of the table of people."""
        return ";".join(sorted(set(people), key=lambda name: self._ranks.get(name, 0)))

    def services(self, point: str) -> str:
        """What a visit to a point offers, by the equipment it needs."""
        needed = set(NAMES.split(self.points.get(point, {}).get("needs_equipment", "")))
        return ";".join((*SERVICES, *(name for code, name in EQUIPMENT_SERVICES if code in needed)))

    def wanted(self, point: str) -> str:
        """How many visits a month a point wants."""
        return self.points.get(point, {}).get("visits_per_month", "")

    def rule(self, point: str, vehicle: str, pattern: str) -> str:
        """The id a rule has already; empty where it is new."""
        return self._rules.get((point, vehicle, pattern), "")

    def rule_like(self, point: str, vehicle: str | None, pattern: str, used: Container[str]) -> str:
        """The first unused id of a rule of that vehicle, else of that point, on those days; empty where none is."""
        like = self._like["", vehicle, pattern] if vehicle else self._like[point, "", pattern]
        return next((rule for rule in like if rule not in used), "")

    def known_rules(self) -> set[str]:
        """All ids of rules in use."""
        return set(self._rules.values())
