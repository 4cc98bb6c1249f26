"""Counties of any size invented from a seed, without a mistake in them, for tests that write them as people do.

Cells hold dates, times and numbers as such; `county_files` spells them out. Every kind of pattern is used: vehicles
that keep weekdays, and vehicles that keep days of the month or of the lunar month. What falls on a public holiday is
moved to a weekend or cancelled, told and approved a month before.
"""

from datetime import date, time, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from schedules.expand import rule_days
from schedules.model import Rule
from schedules.places import Place
from schedules.tables import TABLES
from tests.unit.schedules.schedule_county import Lines

YEAR: Final = 2026
HOLIDAYS: Final = (
    *((1, day, "元旦") for day in (1, 2, 3)),
    *((2, day, "春节") for day in range(15, 24)),
    *((4, day, "清明节") for day in (4, 5, 6)),
    *((5, day, "劳动节") for day in range(1, 6)),
    *((6, day, "端午节") for day in (19, 20, 21)),
    *((9, day, "中秋节") for day in (25, 26, 27)),
    *((10, day, "国庆节") for day in range(1, 8)),
)
MAKE_UP_DAYS: Final = ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))
"""Days off and worked of 2026, after the State Council's notice of 4 November 2025."""


class Region(NamedTuple):
    """Where a county lies and how its people and villages are called."""

    code: str
    lon: float
    lat: float
    plate: str
    villages: tuple[str, ...]
    families: tuple[str, ...]
    given: tuple[str, ...]


REGIONS: Final = (
    Region("331127", 119.6, 27.9, "浙K·MH", ("大均", "渤海", "葑垟", "榅茶口", "黃鋪"), ("蓝", "雷", "钟", "吳"),
           ("建国", "雪", "小芳")),
    Region(
        "653125", 77.3, 38.3, "新Q", ("阿瓦提", "托木吾斯塘", "阔什艾日克", "喀群"),
        ("阿不都热依木·", "吾尔古丽·", "买买提·"), ("吐尔逊", "阿不力孜", "玉素甫"),
    ),
    Region("513433", 102.1, 28.5, "川W·", ("漫水湾", "彝海", "冶勒", "拖烏"), ("吉克", "阿苦", "沙马", "欧阳"),
           ("木呷", "伍牛", "娜")),
    Region("542421", 92.0, 31.4, "藏E", ("那玛切", "孔玛", "達薩"), ("次仁", "扎西", "索朗"), ("卓玛", "顿珠", "拉姆")),
)  # fmt: skip
PLACES: Final = ("文化礼堂", "卫生室", "小学操场", "村口停车场", "便民服务中心 (旧)", "供销社")
_HAN: Final = "一二三四五六日"
_MONTH: Final = (
    "5/12/19/26",
    "每月3、10、17、24日",
    "每月8、15、22、29日",
    "农历逢1、6",
    "农历逢5、10",
    "初一、十五",
    "农历逢3、8",
)
_WEEK: Final = (
    "每周{han}", "每个星期{han}", "第1-4个周{han}", "第1、2、3、4个周{han}", "RRULE:FREQ=WEEKLY;BYDAY={code}",
    "每周{han}", "first, second, third and fourth {english}", "最后一个周{han}",
)  # fmt: skip
_CODES: Final = ("MO", "TU", "WE", "TH", "FR")
_ENGLISH: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def _minutes(moment: int) -> time:
    return time(moment // 60, moment % 60)


class _Maker:
    """Puts one county together, table by table."""

    def __init__(self, random: Random, *, is_weekly: bool) -> None:
        self.random = random
        self.is_weekly = is_weekly
        self.region = random.choice(REGIONS)
        self.lines: Lines = {name: [[column.name for column in table.columns]] for name, table in TABLES.items()}
        self.names: set[str] = set()
        self.days_off = {date(YEAR, month, day) for month, day, _ in HOLIDAYS}

    def add(self, table: str, **cells: Any) -> None:
        self.lines[table].append([cells.get(str(name), "") for name in self.lines[table][0]])

    def new_name(self) -> str:
        while True:
            name: str = self.random.choice(self.region.families) + self.random.choice(self.region.given)
            name += self.random.choice(("", "", *"甲乙丙丁戊己庚辛"))
            if name not in self.names:
                self.names.add(name)
                return name

    def make(self) -> Lines:
        for month, day, name in HOLIDAYS:
            self.add("holidays", date=date(YEAR, month, day), kind="holiday", name=name)
        for month, day in MAKE_UP_DAYS:
            self.add("holidays", date=date(YEAR, month, day), kind="makeup_workday")
        vehicles = self.random.randint(2, 9)
        for number in range(1, vehicles + 1):
            self._vehicle(number)
        self._keep_holidays()
        return self.lines

    def _vehicle(self, number: int) -> None:
        vehicle, crew = f"V{number:02}", [f"S{number:02}{role}" for role in "DRNP"]
        self.add(
            "vehicles", vehicle_id=vehicle, plate=f"{self.region.plate}{number:03}", depot="DEPOT", length_m=5.9,
            seats=5, equipment="ECG;US", in_service_from=date(2024, 6, 1), inspection_due=date(2027, 3, number),
            tablet_id=f"T{number}",
        )  # fmt: skip
        for person, role in zip(crew, ("doctor", "driver", "nurse", "pharmacist"), strict=True):
            self.add(
                "staff", staff_id=person, name=self.new_name(), role=role, home_vehicle=vehicle, max_hours_per_day=10,
                licence_no=f"{self.region.code}{number:06}", licence_valid_to=date(2028, 12, 31),
                phone=f"1000000{number:04}",
            )  # fmt: skip
        if number > 1 and not self.is_weekly and self.random.random() < 0.4:
            for_day: list[tuple[int | None, str]] = [
                (None, self.random.choice(_MONTH)) for _ in range(self.random.randint(2, 4))
            ]
            self._route(vehicle, crew, for_day)
            return
        for weekday in self.random.sample(range(5), self.random.randint(2, 5)):
            forms = ("每周{han}",) if self.is_weekly else _WEEK
            self._route(
                vehicle, crew, [(weekday, self._weekly(weekday, forms)) for _ in range(self.random.randint(1, 3))]
            )

    def _weekly(self, weekday: int, forms: tuple[str, ...]) -> str:
        form = self.random.choice(forms)
        return form.format(han=_HAN[weekday], code=_CODES[weekday], english=_ENGLISH[weekday])

    def _route(self, vehicle: str, crew: list[str], stops: list[tuple[int | None, str]]) -> None:
        moment, before, first = 8 * 60 + self.random.choice((0, 30)), "DEPOT", True
        for weekday, pattern in stops:
            point = self._point(weekday, pattern)
            way = self.random.randint(5, 25)
            self.add("travel_minutes", from_id=before, to_id=point, minutes=way, km=round(way * 0.55, 1))
            moment += 0 if first else -(-way // 5) * 5
            length = self.random.choice((60, 90, 105, 120))
            number = len(self.lines["rules"])
            self.add(
                "rules", rule_id=f"R{number:03}", point_id=point, vehicle_id=vehicle, pattern=pattern,
                start=_minutes(moment), end=_minutes(moment + length), stop_no=1, staff_ids=";".join(crew),
                services="门诊;配药;慢病随访", max_per_month=4, effective_from=date(YEAR, 1, 1),
                effective_to=date(YEAR, 12, 31),
            )  # fmt: skip
            moment, before, first = moment + length, point, False

    def _point(self, weekday: int | None, pattern: str) -> str:
        number = len(self.lines["points"])
        village, name = f"{self.region.code}1{number:05}", self.new_village()
        lon, lat = round(self.region.lon + number * 0.004, 5), round(self.region.lat + number * 0.003, 5)
        self.add(
            "villages", village_code=village, village_name=name, township=f"{name[:1]}河镇", lon=lon, lat=lat,
            residents=500 + number, over_65=100,
        )  # fmt: skip
        closed = "SU" if weekday is None else self.random.choice(("", "SU", _CODES[(weekday + 1) % 5]))
        self.add(
            "points", point_id=f"P{number:03}", point_name=f"{name}·{self.random.choice(PLACES)}",
            village_code=village, village_name=name, lon=lon, lat=lat, open_from=time(8), open_to=time(18),
            closed_weekdays="" if weekday is None else closed.replace("SU", ""), visit_minutes=90,
            visits_per_month=1 if "最后" in pattern or "十五" in pattern else 4,
            contact_name=f"{name[:1]}联络员", contact_phone=f"0578-000{number:04}",
            needs_equipment=self.random.choice(("", "ECG", "ECG;US")),
            vehicle_max_length_m=self.random.choice(("", 6, 7.5)),
        )  # fmt: skip
        return f"P{number:03}"

    def new_village(self) -> str:
        while True:
            name: str = (
                self.random.choice(self.region.villages)
                + self.random.choice(("", *"上下东西南北里外"))
                + self.random.choice(("村", "嘎查", "新村"))
            )
            name += self.random.choice(("", *"甲乙丙丁戊己庚辛壬癸"))
            if name not in self.names:
                self.names.add(name)
                return name

    def _keep_holidays(self) -> None:
        header = self.lines["rules"][0]
        rules = [self._rule(dict(zip(header, line, strict=True))) for line in self.lines["rules"][1:]]
        days = {rule.rule_id: list(rule_days(rule, date(YEAR, 1, 1), date(YEAR, 12, 31))) for rule in rules}
        taken: dict[tuple[str, date], date] = {
            (rule.vehicle_id, day): day for rule in rules for day in days[rule.rule_id]
        }
        for rule in rules:
            for day in days[rule.rule_id]:
                if day in self.days_off:
                    kept = [one for one in days[rule.rule_id] if one.month == day.month and one not in self.days_off]
                    is_moved = not kept or self.random.random() < 0.6
                    self._change(rule, day, self._free_day(taken, rule.vehicle_id, day) if is_moved else None)

    def _rule(self, cells: dict[str, Any]) -> Rule:
        return Rule(
            cells["rule_id"], cells["point_id"], cells["vehicle_id"], cells["pattern"], cells["start"], cells["end"],
            (), cells["effective_from"], Place("rules.csv"), cells["effective_to"], cells["max_per_month"],
        )  # fmt: skip

    def _change(self, rule: Rule, day: date, new: date | None) -> None:
        self.add(
            "exceptions", exception_id=f"X{len(self.lines['exceptions']):04}", rule_id=rule.rule_id,
            point_id=rule.point_id, original_date=day, action="move" if new else "cancel", new_date=new or "",
            reason="节假日", announced_on=date(YEAR, 1, 1) - timedelta(days=60), approved_by="县卫健局",
        )  # fmt: skip

    def _free_day(self, taken: dict[tuple[str, date], date], vehicle: str, day: date) -> date | None:
        """A weekend day of the same month for all the vehicle's visits of one day, and for no others."""
        month = [day.replace(day=1) + timedelta(days=number) for number in range(28)]
        free = [
            one
            for one in month
            if one.weekday() >= 5 and one not in self.days_off and taken.get((vehicle, one), day) == day
        ]
        found = next((one for one in free if (vehicle, one) in taken), self.random.choice(free) if free else None)
        if found:
            taken[vehicle, found] = day
        return found


def another_county(seed: int, *, is_weekly: bool = False) -> Lines:
    """The tables of a county, headers first; `is_weekly` where every rule must fit into a wall grid."""
    return _Maker(Random(seed), is_weekly=is_weekly).make()
