"""Wall grids and dated lists of a county as people lay them out, all meaning the same rules."""

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import time
from functools import partial
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, Final

from openpyxl import Workbook

from clinic_records.schedule import Visit
from tests.unit.schedules.messy_files import DATES, TIMES
from tests.unit.schedules.schedule_county import Lines

WEEKDAYS: Final = ("周{}", "星期{}", "礼拜{}", "周 {}")
NOTHING: Final = ("", "休息", "—", "机动", "/", "-")
FOOTERS: Final = (
    "备注：节假日顺延，08:00-12:00 可打电话",
    "制表人：王主任    审核：李院长",
    "注：雨雪天气停诊",
    "合计：每周 {} 站",
)
CLOCKS: Final = ("plain", "short", "wide", "compact", "han", "noon", "dots", "words")


def _cells(lines: Lines, table: str) -> list[dict[str, Any]]:
    header, *rows = lines[table]
    return [dict(zip(header, row, strict=True)) for row in rows]


class Grid:
    """Rows of a sheet and the ranges merged in it; `cells` tells where the stops of a vehicle's weekday stand."""

    def __init__(self, lines: Lines, random: Random) -> None:
        self.random = random
        self.lines = lines
        self.rows: list[list[Any]] = []
        self.merged: list[str] = []
        self.cells: dict[tuple[str, int], tuple[int, int]] = {}
        self.header: list[str] = []
        self.points = {point["point_id"]: point for point in _cells(lines, "points")}
        self.stops: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for rule in _cells(lines, "rules"):
            self.stops[rule["vehicle_id"], "一二三四五".index(rule["pattern"][-1])].append(rule)
        self._lay_out()

    def _span(self, start: time, end: time) -> str:
        clock = TIMES[self.clock]
        dash = self.random.choice(("-", "—", "～", "–", "至", " - ")) if self.clock != "dots" else "-"
        return f"{clock(start)}{dash}{clock(end)}"

    def _stop(self, number: int, rule: dict[str, Any]) -> str:
        point = self.points[rule["point_id"]]
        name = point["point_name"]
        if self.random.random() < 0.3:
            name = name.replace("·", self.random.choice((" ", "", "•", "・")))
        if self.random.random() < 0.2:
            name = point["township"] + name
        times = self._span(rule["start"], rule["end"])
        form = self.form
        return form.format(n=number, name=name, times=times)

    def _lay_out(self) -> None:
        random = self.random
        self.clock = random.choice(CLOCKS)
        self.form = random.choice(
            (
                "{name} {times}",
                "{name}（{times}）",
                "{n}. {name} {times}",
                "{n}、{name}：{times}",
                "{name}\n{times}",
                "{times} {name}",
            )
        )
        day = random.choice(WEEKDAYS)
        days = [day.format(sign) for sign in "一二三四五"] + random.choice(([], [day.format("六"), day.format("日")]))
        crew = random.choice((["驾驶员", "医生", "护士", "药师"], ["司机", "医师", "护士"], ["随车人员"], []))
        head = random.choice((["车辆"], ["车号", "车牌"], ["巡诊车"]))
        self.header = [*head, *crew, *days]
        width = len(self.header)
        for title in ("某县流动医院2026年度巡诊排班表", "执行时间：2026年1月1日至2026年12月31日", ""):
            if (title and random.random() < 0.8) or title.startswith("某县"):
                self.rows.append([title] + [""] * (width - 1))
                self.merged.append(f"A{len(self.rows)}:{chr(64 + width)}{len(self.rows)}")
            elif random.random() < 0.5:
                self.rows.append([""] * width)
        self.rows.append(list(self.header))
        people = {person["staff_id"]: person for person in _cells(self.lines, "staff")}
        for vehicle in _cells(self.lines, "vehicles"):
            self._vehicle(vehicle, people, width, len(head), len(crew))
            if random.random() < 0.2:
                self.rows.append([""] * width)
        for footer in random.sample(FOOTERS, random.randint(0, 3)):
            self.rows.append([footer.format(len(self.stops))] + [""] * (width - 1))
            if random.random() < 0.7:
                self.merged.append(f"A{len(self.rows)}:{chr(64 + width)}{len(self.rows)}")

    def _vehicle(self, vehicle: dict[str, Any], people: dict[str, Any], width: int, heads: int, crews: int) -> None:
        name = vehicle["vehicle_id"]
        own = [person for person in people.values() if person["home_vehicle"] == name]
        roles = {
            "驾驶员": "driver",
            "司机": "driver",
            "医生": "doctor",
            "医师": "doctor",
            "护士": "nurse",
            "药师": "pharmacist",
        }
        line: list[Any] = [self.random.choice((name, f"{name}（{vehicle['plate']}）")) if heads == 1 else name]
        line += [vehicle["plate"]] * (heads - 1)
        for word in self.header[heads : heads + crews]:
            names = [self._padded(p["name"]) for p in own if word == "随车人员" or p["role"] == roles[word]]
            line.append("、".join(names))
        at = len(self.rows) + 1
        for weekday in range(width - heads - crews):
            stops = self.stops.get((name, weekday), [])
            line.append(
                "\n".join(self._stop(n, rule) for n, rule in enumerate(stops, 1)) or self.random.choice(NOTHING)
            )
            self.cells[name, weekday] = at, len(line)
        self.rows.append(line)

    def _padded(self, name: str) -> str:
        """Two characters are often set as wide as three."""
        return f"{name[0]}　{name[1]}" if len(name) == 2 and self.random.random() < 0.5 else name

    def write(self, path: Path) -> Path:
        """The sheet as a workbook."""
        book = Workbook()
        sheet = book.worksheets[0]
        sheet.title = "每周排班"
        for row in self.rows:
            sheet.append([cell if cell != "" else None for cell in row])
        for area in self.merged:
            sheet.merge_cells(area)
        book.save(path)
        return path


LIST_ROLES: Final = {"驾驶员": "driver", "医生": "doctor", "护士": "nurse", "药师": "pharmacist"}


def dated_list(lines: Lines, visits: tuple[Visit, ...], random: Random, folder: Path) -> Path:
    """The visits one a row under headers of one's own; in a workbook a day's date may be merged over its rows."""
    points, people, vehicles = (
        {cell[key]: cell for cell in _cells(lines, table)}
        for table, key in (("points", "point_id"), ("staff", "staff_id"), ("vehicles", "vehicle_id"))
    )
    day, clock = DATES[random.choice(list(DATES))], TIMES[random.choice(CLOCKS)]
    crew = random.choice((list(LIST_ROLES), ["随车人员"], []))

    def named(word: str, visit: Visit) -> str:
        chosen = [people[one] for one in visit.staff_ids]
        return "、".join(one["name"] for one in chosen if LIST_ROLES.get(word) in {None, one["role"]})

    columns: dict[str, Callable[[Visit], str]] = {
        random.choice(("日期", "巡诊日期")): lambda visit: day(visit.date),
        **({"星期": lambda visit: f"周{'一二三四五六日'[visit.date.weekday()]}"} if random.random() < 0.5 else {}),
        **random.choice(
            (
                {"开始时间": lambda visit: clock(visit.start), "结束时间": lambda visit: clock(visit.end)},
                {"服务时间": lambda visit: f"{clock(visit.start)}-{clock(visit.end)}"},
            )
        ),
        **random.choice(
            (
                {"巡诊地点": lambda visit: points[visit.point_id]["point_name"]},
                {"服务点编号": lambda visit: visit.point_id},
            )
        ),
        **random.choice(
            (
                {"车牌号": lambda visit: vehicles[visit.vehicle_id]["plate"]},
                {"车辆": lambda visit: visit.vehicle_id},
            )
        ),
        **{word: partial(named, word) for word in crew},
        "备注": lambda visit: "",
    }
    rows: list[list[str]] = [["某县2026年巡诊安排"], []] if random.random() < 0.7 else []
    rows.append(list(columns))
    first = len(rows) + 1
    rows += [[say(visit) for say in columns.values()] for visit in visits]
    rows.append(["备注：节假日顺延"])
    if random.random() < 0.5:
        path = folder / "list.csv"
        with path.open("w", encoding=random.choice(("utf-8", "utf-8-sig", "gb18030")), newline="") as file:
            csv.writer(file).writerows(rows)
        return path
    book = Workbook()
    for row in rows:
        book.worksheets[0].append([cell or None for cell in row])
    for _, same in groupby(enumerate(visits, first), key=lambda item: item[1].date):
        numbers = [number for number, _ in same]
        if len(numbers) > 1:
            book.worksheets[0].merge_cells(f"A{numbers[0]}:A{numbers[-1]}")
    book.save(folder / "list.xlsx")
    return folder / "list.xlsx"
