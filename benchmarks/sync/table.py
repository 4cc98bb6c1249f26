"""The ledger as a section of docs/BENCHMARKS.md: the last run of each way, and which aims ours meets."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.page import put_section
from benchmarks.sync.profiles import PROFILES
from benchmarks.sync.result import Result

RAW: Final = "raw TCP with offset resume"
OURS: Final = "mobile-clinic"
EMBEDDED: Final = "mobile-clinic, embedded"
TITLES: Final = {
    "generated": "The generated day (its speckle is noise)",
    "real": "Ultrasound of real frames",
    "jpeg": "Ultrasound already JPEG",
}
_INTRO: Final = """\
## Sync
{cores} cores. The day (130 files, 205 MB) is released at once; 8 Mbit/s up, 20 down, 60 ms; outages 20 s with, 10 s
without coverage; an urgent ECG of 120 kB is made after 65 s. Durable: in the far end's database or fsynced file.
Each row is the last run of its kind in `benchmarks/ledgers/sync.jsonl`, made by
`make bench-sync BENCH_ARGS="--profile P --day D"` (urgent ones: `--only urgent`); `load` is the machine's
before the run: above 2 the figure is the machine's, not the program's.
"""


class Book:
    """The ledger by day, road and rival."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._whole: dict[tuple[str, str], dict[str, Result]] = {}
        self._urgent: dict[str, dict[str, Result]] = {}
        for each in results:
            if "up_count" in each.figures:
                self._urgent.setdefault(each.profile, {})[each.rival] = each
            else:
                self._whole.setdefault((each.day, each.profile), {})[each.rival] = each

    def rows(self, day: str, profile: str) -> dict[str, Result]:
        """Rival -> its last run of the whole day."""
        return self._whole.get((day, profile), {})

    def urgent_rows(self, profile: str) -> dict[str, Result]:
        """Rival -> its last run of hundreds of urgent things."""
        return self._urgent.get(profile, {})

    def seconds(self, day: str, profile: str, rival: str) -> float | None:
        """Of one rival."""
        row = self.rows(day, profile).get(rival)
        return None if row is None else row.total_s

    def fastest_rival_s(self, day: str, profile: str) -> float | None:
        """The best of those that keep what they acknowledged; raw TCP is the road, not a rival."""
        rows = self.rows(day, profile).items()
        known = [row.total_s for name, row in rows if not name.startswith((OURS, "raw TCP"))]
        return min((each for each in known if each is not None), default=None)


Limit = Callable[[Book], float | None]


@dataclass(frozen=True)
class Aim:
    """What one figure of ours must not exceed."""

    what: str
    found: Limit
    limit: Limit


def _times(factor: float, seconds: float | None) -> float | None:
    return None if seconds is None else factor * seconds


def _ours(day: str, profile: str) -> Limit:
    return lambda book: book.seconds(day, profile, EMBEDDED)


def _figure(name: str, profile: str = "clean") -> Limit:
    def find(book: Book) -> float | None:
        row = book.urgent_rows(profile).get(EMBEDDED)
        return None if row is None else row.figures.get(name)

    return find


def _worst(profiles: Iterable[str], value: Callable[[Result], float | None]) -> Limit:
    def find(book: Book) -> float | None:
        rows = [book.rows("generated", profile).get(EMBEDDED) for profile in profiles]
        values = [value(row) for row in rows if row is not None]
        return max((each for each in values if each is not None), default=None)

    return find


AIMS: Final = (
    Aim(
        "clean, generated day: 0.43 x raw TCP, s",
        _ours("generated", "clean"),
        lambda book: _times(0.43, book.seconds("generated", "clean", RAW)),
    ),
    Aim(
        "clean, generated day: faster than every rival, s",
        _ours("generated", "clean"),
        lambda book: book.fastest_rival_s("generated", "clean"),
    ),
    Aim(
        "clean, real frames: 0.65 x the fastest rival, s",
        _ours("real", "clean"),
        lambda book: _times(0.65, book.fastest_rival_s("real", "clean")),
    ),
    Aim(
        "clean, already JPEG: 1.03 x raw TCP, s",
        _ours("jpeg", "clean"),
        lambda book: _times(1.03, book.seconds("jpeg", "clean", RAW)),
    ),
    Aim("outages: 145 s", _ours("generated", "outage"), lambda _: 145.0),
    Aim("outages: sent again, share of the payload", _worst(["outage"], lambda run: run.resent), lambda _: 0.01),
    Aim(
        "hole mode: 1.3 x our time in outages, s",
        _ours("generated", "hole"),
        lambda book: _times(1.3, book.seconds("generated", "outage", EMBEDDED)),
    ),
    Aim(
        "no limit: twice the fastest rival, s",
        _ours("generated", "local"),
        lambda book: _times(2.0, book.fastest_rival_s("generated", "local")),
    ),
    Aim("agent and its children, MiB", _worst(PROFILES, lambda run: run.rss_mib), lambda _: 200.0),
    Aim("urgent ECG amid the bulk, median, s", _figure("up_median_s"), lambda _: 0.5),
    Aim("urgent ECG amid the bulk, 99 %, s", _figure("up_p99_s"), lambda _: 1.0),
    Aim("urgent answer amid the bulk, median, s", _figure("down_median_s"), lambda _: 0.5),
    Aim("urgent answer amid the bulk, 99 %, s", _figure("down_p99_s"), lambda _: 1.0),
    Aim("urgent ECG after coverage returns, worst, s", _figure("up_worst_s", "outage"), lambda _: 2.0),
    Aim("urgent answer after coverage returns, worst, s", _figure("down_worst_s", "outage"), lambda _: 2.0),
)


def section(results: Sequence[Result]) -> str:
    """The whole section as Markdown."""
    book = Book(results)
    parts = [_INTRO.format(cores=os.cpu_count()), *_aims(book), ""]
    for day, title in TITLES.items():
        for profile in PROFILES:
            if rows := book.rows(day, profile):
                parts += [f"### {title}: {profile}", *_rows(rows), ""]
    for profile in PROFILES:
        if rows := book.urgent_rows(profile):
            parts += [f"### Urgent amid the bulk: {profile}", *_urgent_rows(rows), ""]
    return "\n".join(parts)


def _aims(book: Book) -> list[str]:
    lines = ["| aim | at most | ours | |", "|---|---|---|---|"]
    for aim in AIMS:
        found, limit = aim.found(book), aim.limit(book)
        verdict = "not run" if found is None or limit is None else ("met" if found <= limit else "MISSED")
        lines.append(f"| {aim.what} | {_text(limit, 3)} | {_text(found, 3)} | {verdict} |")
    return lines


def _rows(rows: dict[str, Result]) -> list[str]:
    raw = rows[RAW].total_s if RAW in rows else None
    lines = [
        "| way | s | x raw TCP | urgent s | sent / payload | sent again | peak MiB | wrong | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items(), key=lambda each: each[1].total_s or float("inf")):
        share = None if raw is None or row.total_s is None else row.total_s / raw
        resent = "" if row.resent is None else f"{100 * row.resent:.2f} %"
        sent = f"{(row.carried_up + row.carried_down) / row.payload:.3f}"
        cells = [name, _text(row.total_s, 1), _text(share, 2), _text(row.urgent_s, 2), sent, resent]
        cells += [_text(row.rss_mib or None, 0), str(len(row.wrong)), str(row.load_before)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _urgent_rows(rows: dict[str, Result]) -> list[str]:
    lines = [
        "| way | direction | injections | median s | 99 % s | worst s | wrong | load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        for way in ("up", "down"):
            cells = [f"{row.figures[f'{way}_{each}_s']:.3f}" for each in ("median", "p99", "worst")]
            count = int(row.figures[f"{way}_count"])
            lines.append(f"| {name} | {way} | {count} | {' | '.join(cells)} | {len(row.wrong)} | {row.load_before} |")
    return lines


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def write_page(results: Sequence[Result]) -> None:
    """Put the section into the page."""
    put_section("sync", "make bench-sync", section(results))
