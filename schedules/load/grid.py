"""A wall grid: vehicles down, weekdays across (or the other way round), each cell its stops with their times."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Final, NamedTuple

from schedules.calendar_words import ENGLISH_WEEKDAYS, WEEKDAYS
from schedules.findings import Finding, finding
from schedules.load.foreign import CREW, NOTHING, PLATE, ROLES, VEHICLE, CellPlace, word
from schedules.load.matrix import Cell, Matrix, turned
from schedules.load.registers import Registers
from schedules.load.rows import RawTable, Row
from schedules.load.times import TIMES, span
from schedules.places import Place

HEADER_ROWS: Final = 40
"""A header stands within so many rows, below the titles."""

STOP_LIMIT: Final = 10_000
"""Stops read of one grid: a province's 500 vehicles have about 6,000 a week."""

STOPS_A_CELL: Final = 100

_WEEKDAY: Final = re.compile(r"每?(?:周|星期|礼拜)([一二三四五六日天])(?:[(].*[)])?")
_NTH: Final = re.compile(r"[(]?(第[\d一二三四五、,和-]+)个?周[)]?")
_DAY_AND_MONTH: Final = re.compile(r"\d{1,2}[月./-]\d{1,2}")
_NUMBERING: Final = re.compile(r"^(?:\d{1,2}[.、)]|[(]\d{1,2}[)])\s*")
_EDGES: Final = " \n\t;,:()"
_HAN: Final = "一二三四五六日"


class Sheet(NamedTuple):
    """A grid and where it was found."""

    place: Place
    matrix: Matrix


class _Stop(NamedTuple):
    weekday: int
    vehicle: str | None
    place: CellPlace
    name: str
    start: str
    end: str
    pattern: str
    people: tuple[str, ...]


class _Header(NamedTuple):
    days: Mapping[int, int]
    vehicle: int
    roles: Mapping[int, frozenset[str]]
    words: Mapping[int, str]


def _weekday(text: str) -> int | None:
    match = _WEEKDAY.fullmatch(word(text))
    return WEEKDAYS[match[1]] if match else ENGLISH_WEEKDAYS.get(word(text))


def _header(line: list[Cell]) -> _Header | None:
    days = {place: day for place, cell in enumerate(line) if (day := _weekday(cell.text)) is not None}
    if len(set(days.values())) < 2:
        return None
    words = {place: cell.text for place, cell in enumerate(line)}
    vehicles = [place for place, text in words.items() if word(text) in VEHICLE]
    plates = [place for place, text in words.items() if word(text) in PLATE]
    roles = {
        place: ROLES.get(word(text), frozenset()) for place, text in words.items() if word(text) in {*ROLES, *CREW}
    }
    return _Header(days, (vehicles or plates or [0])[0], roles, words)


def find_grid(matrix: Matrix) -> tuple[Matrix, int] | None:
    """The matrix, turned where weekdays go down, and the place of its header; None where it is no grid."""
    for cells in (matrix, turned(matrix)):
        for number, line in enumerate(cells[:HEADER_ROWS]):
            if _header(line) is not None:
                return cells, number
    return None


def titles(matrix: Matrix) -> str:
    """What stands above the first stop, each merged cell once; `11.23-11.27` in a title is days, not times."""
    found: dict[str, None] = {}
    is_below = False
    for line in matrix[:HEADER_ROWS]:
        is_below = is_below or any(_weekday(cell.text) is not None for cell in line)
        if is_below and any(TIMES.search(cell.text) for cell in line):
            break
        found |= dict.fromkeys(cell.text for cell in line if cell.text and _weekday(cell.text) is None)
    return " ".join(found)


def _clean(text: str) -> str:
    return " ".join(_NUMBERING.sub("", _NTH.sub("", text).strip(_EDGES)).split())


def _stops_of(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, start, end and `第1、3` of each stop, whether names or times come first; without times only a name."""
    matches = list(TIMES.finditer(text))
    if not matches:
        yield " ".join(text.split()), "", "", ""
        return
    parts = list(_between(text, matches))
    has_times_first = not _clean(parts[0])
    for number, match in enumerate(matches):
        before, after = parts[number], parts[number + 1]
        nth = _NTH.search(after) if has_times_first else _NTH.match(after.lstrip()) or _late(before, number)
        start, end = span(match)
        yield _clean(after if has_times_first else before), start, end, nth[1] if nth else ""
    if not has_times_first and _clean(parts[-1]) and not parts[-1].strip().startswith("("):
        yield _clean(parts[-1]), "", "", ""


def _late(before: str, number: int) -> re.Match[str] | None:
    """`第1、3周` between a name and its times; what opens the part belongs to the stop before."""
    nth = next(reversed(list(_NTH.finditer(before))), None)
    if nth is None or (number and not _clean(before[: nth.start()])):
        return None
    return nth


def _between(text: str, matches: list[re.Match[str]]) -> Iterator[str]:
    ends = [0, *(match.end() for match in matches)]
    starts = [*(match.start() for match in matches), len(text)]
    return (text[end:start] for end, start in zip(ends, starts, strict=True))


def _is_banner(header: _Header, line: list[Cell]) -> bool:
    """A title or remark across the whole table."""
    return any(line[place].anchor == line[header.vehicle].anchor for place in header.days)


def _has_times(header: _Header, line: list[Cell]) -> bool:
    return any(TIMES.search(line[place].text) for place in header.days)


class _GridReader:
    """Goes down one grid."""

    def __init__(self, sheet: Sheet, registers: Registers) -> None:
        self.place = sheet.place
        self.registers = registers
        self.findings: list[Finding] = []
        self.stops: list[_Stop] = []
        self._seen: set[tuple[str | None, int, tuple[int, int]]] = set()

    def read(self, cells: Matrix, at: int) -> None:
        header = _header(cells[at])
        vehicle: str | None = None
        crew: dict[int, str] = {}
        before: tuple[int, int] | None = None
        for line in cells[at + 1 :]:
            again = _header(line)
            if again is not None:
                header = again
                continue
            if header is None or _is_banner(header, line):
                continue
            named = line[header.vehicle]
            if named.text and named.anchor != before:
                known = self.registers.vehicle(named.text)
                if known is None and not _has_times(header, line):
                    continue  # a remark under the table
                vehicle, before, crew = known, named.anchor, {}
                if known is None:
                    self._unknown("R02", named, header.words[header.vehicle], named.text)
            crew |= {place: line[place].text for place in header.roles if line[place].text}
            people = self._people(header, crew, vehicle, line)
            for place, weekday in header.days.items():
                self._cell(header, line[place], weekday, vehicle, people)

    def _unknown(self, code: str, cell: Cell, column: str, name: str) -> None:
        place = Place(self.place.file, self.place.sheet, cell.row, column)
        zh, en = f"{column}“{name}”不在登记表里，请核对写法", f'"{name}" is in no table; write it as it stands there'
        self.findings.append(finding(code, place, zh, en, value=name))

    def _people(
        self, header: _Header, crew: Mapping[int, str], vehicle: str | None, line: list[Cell]
    ) -> tuple[str, ...]:
        found: list[str] = []
        given: frozenset[str] = frozenset()
        is_whole_crew = False
        for place, text in crew.items():
            people, unknown = self.registers.people(text, header.roles[place], vehicle or "")
            for name in unknown:
                if line[place].text == text and line[place].anchor[0] == line[place].row:
                    self._unknown("R03", line[place], header.words[place], name)
            found += people
            given |= header.roles[place] if people else frozenset()
            is_whole_crew = is_whole_crew or (not header.roles[place] and bool(people))
        if not is_whole_crew:
            found += self.registers.at_home(vehicle or "", given)
        return tuple(found)

    def _cell(self, header: _Header, cell: Cell, weekday: int, vehicle: str | None, people: tuple[str, ...]) -> None:
        key = vehicle, weekday, cell.anchor
        if key in self._seen or word(cell.text) in NOTHING:
            return
        self._seen.add(key)
        column = next(header.words[place] for place, day in header.days.items() if day == weekday)
        if cell.is_wide:
            place = CellPlace(self.place.file, self.place.sheet, cell.row, column)
            zh, en = "全角数字和冒号按半角读取", "full-width digits and colons read as plain ones"
            self.findings.append(finding("N01", place, zh, en, value=cell.text))
        stops = list(islice(_stops_of(cell.text), STOPS_A_CELL + 1))
        if len(self.stops) + len(stops) > STOP_LIMIT or len(stops) > STOPS_A_CELL:
            place = CellPlace(self.place.file, self.place.sheet, cell.row, column)
            zh = f"一格最多 {STOPS_A_CELL} 个停靠点，一张表最多 {STOP_LIMIT} 个，这一格没有读取"
            en = f"at most {STOPS_A_CELL} stops in a cell and {STOP_LIMIT} in a grid; this cell is not read"
            self.findings.append(finding("F05", place, zh, en))
            return
        for number, (name, start, end, nth) in enumerate(stops, start=1):
            place = CellPlace(self.place.file, self.place.sheet, cell.row, column, number)
            if not start:
                zh = f"“{name[:40]}”后面没有写时间，请写成 08:30-10:30"
                en = f'no times after "{name[:40]}"; write 08:30-10:30'
                self.findings.append(finding("D03", place, zh, en, value=name))
            pattern = f"{nth}个周{_HAN[weekday]}" if nth else f"每周{_HAN[weekday]}"
            self.stops.append(_Stop(weekday, vehicle, place, name, start, end, pattern, people))


def _known_rules(stops: list[_Stop], registers: Registers) -> list[str]:
    """Ids of the rules that the stops have already; a broken stop has that of the rule nobody else claims."""
    points = [registers.point(stop.name) for stop in stops]
    found = [registers.rule(p, s.vehicle or "", s.pattern) for p, s in zip(points, stops, strict=True)]
    used = set(found)
    for number, (point, stop) in enumerate(zip(points, stops, strict=True)):
        is_broken = not stop.start or stop.vehicle is None or point not in registers.points
        if is_broken and not found[number]:
            found[number] = registers.rule_like(point, stop.vehicle, stop.pattern, used)
            used.add(found[number])
    return found


def _numbered(stops: list[_Stop], registers: Registers) -> Iterator[tuple[str, int, _Stop]]:
    """Rule id and number of the stop of the day, Monday's vehicles first; known rules keep their ids."""
    order = {name: number for number, name in enumerate(registers.vehicles)}
    taken = registers.known_rules()
    known = _known_rules(stops, registers)
    free = (name for number in range(1, 1_000_000) if (name := f"R{number:03}") not in taken)
    days: dict[tuple[int, str | None, str], int] = {}
    for number in sorted(
        range(len(stops)), key=lambda n: (stops[n].weekday, order.get(stops[n].vehicle or "", len(order)))
    ):
        stop = stops[number]
        key = stop.weekday, stop.vehicle, "" if stop.pattern.startswith("每") else stop.pattern
        days[key] = days.get(key, 0) + 1
        yield known[number] or next(free), days[key], stop


def _dated_headers(place: Place, line: list[Cell], days: tuple[date, date]) -> Iterator[Finding]:
    """Dates beside the weekdays are one week's; where the sheet is to hold longer, it is said what was read."""
    dated = next((one for one in line if _weekday(one.text) is not None and _DAY_AND_MONTH.search(one.text)), None)
    if dated is not None and (days[1] - days[0]).days >= len(_HAN):
        zh = f"表头写了日期，但按每周读，从 {days[0]} 到 {days[1]}。只用一周的，在标题写起止日期"
        en = f"dates beside the weekdays, read as every week from {days[0]} to {days[1]}; say one week in the title"
        yield finding("N01", CellPlace(place.file, place.sheet, dated.row, dated.text), zh, en, value=dated.text)


def read_grids(sheets: Iterable[Sheet], registers: Registers, days: tuple[date, date]) -> RawTable:
    """The table of rules that wall grids mean, from the first to the last of `days`."""
    findings: list[Finding] = []
    stops: list[_Stop] = []
    place = Place("")
    for sheet in sheets:
        found = find_grid(sheet.matrix)
        if found is not None:
            reader = _GridReader(sheet, registers)
            reader.read(*found)
            findings += [*_dated_headers(sheet.place, found[0][found[1]], days), *reader.findings]
            stops += reader.stops
            place = place if place.file else sheet.place
    rows: list[Row] = []
    refused: list[Row] = []
    for rule_id, stop_no, stop in _numbered(stops, registers):
        point = registers.point(stop.name)
        cells: dict[str, object] = {
            "rule_id": rule_id,
            "point_id": point,
            "vehicle_id": stop.vehicle or "",
            "pattern": stop.pattern,
            "start": stop.start,
            "end": stop.end,
            "stop_no": str(stop_no),
            "staff_ids": registers.in_order(stop.people),
            "services": registers.services(point),
            "max_per_month": registers.wanted(point),
            "effective_from": days[0].isoformat(),
            "effective_to": days[1].isoformat(),
        }
        row = Row(stop.place, {name: value for name, value in cells.items() if value})
        (rows if stop.vehicle and stop.start else refused).append(row)
    return RawTable(place, tuple(rows), tuple(findings), tuple(refused))
