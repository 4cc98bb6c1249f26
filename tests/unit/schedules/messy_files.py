"""A plan's tables as people write them: dates, times, signs, headers and files of every kind, all meaning the same."""

from collections.abc import Callable
from datetime import date, time
from random import Random
from typing import Any, Final

from tests.unit.schedules.schedule_county import Lines

_FULL: Final = str.maketrans("0123456789:-", "０１２３４５６７８９：－")
_HAN: Final = ("零", *"一二三四五六七八九十", "十一", "十二", "十三", "十四", "十五", "十六", "十七", "十八")


def _serial(day: date) -> int:
    return (day - date(1899, 12, 30)).days


DATES: Final[dict[str, Callable[[date], str]]] = {
    "iso": lambda day: day.isoformat(),
    "slashes": lambda day: f"{day.year}/{day.month}/{day.day}",
    "dots": lambda day: f"{day.year}.{day.month:02}.{day.day:02}",
    "han": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "wide": lambda day: day.isoformat().translate(_FULL),
    "compact": lambda day: f"{day:%Y%m%d}",
    "midnight": lambda day: f"{day} 00:00:00",
    "weekday": lambda day: f"{day}（周{'一二三四五六日'[day.weekday()]}）",
    "serial": lambda day: str(_serial(day)),
}
TIMES: Final[dict[str, Callable[[time], str]]] = {
    "plain": lambda t: f"{t:%H:%M}",
    "short": lambda t: f"{t.hour}:{t:%M}",
    "wide": lambda t: f"{t.hour}:{t:%M}".translate(_FULL),
    "compact": lambda t: f"{t:%H%M}",
    "han": lambda t: f"{t.hour}点{t:%M}分" if t.minute else f"{t.hour}点",
    "words": lambda t: f"{_HAN[t.hour]}点{'' if not t.minute else '半' if t.minute == 30 else f'{t.minute}分'}",
    "noon": lambda t: f"{'上午' if t.hour < 12 else '下午'}{t.hour if t.hour <= 12 else t.hour - 12}:{t:%M}",
    "seconds": lambda t: f"{t:%H:%M:%S}",
    "dots": lambda t: f"{t.hour}.{t:%M}",
    "fraction": lambda t: f"{(t.hour * 60 + t.minute) / 1440:.10f}",
}
SEPARATORS: Final = (";", "；", "、", ",", "，", " ", "/", "\n")


def spelled(cell: Any, dates: str, times: str) -> Any:
    """A cell in a notation."""
    if isinstance(cell, date):
        return DATES[dates](cell)
    return TIMES[times](cell) if isinstance(cell, time) else cell


def messy(lines: Lines, random: Random) -> Lines:
    """The same tables: every column in a notation of its own, blanks around, another order of columns, blank rows."""
    made: Lines = {}
    for name, table in lines.items():
        order = random.sample(range(len(table[0])), len(table[0]))
        kinds = [(random.choice(list(DATES)), random.choice(list(TIMES))) for _ in order]
        separator = random.choice(SEPARATORS)
        rows = [[table[0][place] for place in order]]
        for line in table[1:]:
            cells = []
            for place, (dates, times) in zip(order, kinds, strict=True):
                cell = spelled(line[place], dates, times)
                if table[0][place] in {"staff_ids", "equipment", "needs_equipment", "services"}:
                    cell = cell.replace(";", separator)
                elif isinstance(cell, str) and random.random() < 0.1:
                    cell = random.choice((f" {cell}", f"{cell}　", f"{cell}\t"))
                cells.append(cell)
            rows.append(cells)
            if random.random() < 0.05:
                rows.append([""] * random.randint(0, len(order)))
        made[name] = rows
    return made
