"""The table: one row a file, its verdict, and each independent reader's comparison with the explanation."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from benchmarks.conformance.ours import Verdict
from benchmarks.conformance.told import Comparison

_EXPLAINED: Final = Path(__file__).with_name("explained.toml")
_HEAD: Final = """# Conformance: every real device file

Made by `make conformance`; do not edit. Each file of the set of real device files (`../shared/data/devices`, not part
of this repository) is given to `clinic device decode`; where an independent reader knows the format, its values are
compared with ours. "Equal" means: no sample, size or name differs beyond the digits the reader prints. A difference is
explained below the table, or the command fails. The `.dump` files are texts for DCMTK's worklist server: no device
writes them.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One file's line."""

    name: str
    verdict: Verdict
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a reader's answer differs from ours, for the files and the reader it names (patterns)."""

    file: str
    reader: str
    why: str


def explanations() -> tuple[Explanation, ...]:
    """The data table explained.toml."""
    rows = tomllib.loads(_EXPLAINED.read_text("utf-8"))["explained"]
    return tuple(Explanation(row["file"], row["reader"], row["why"]) for row in rows)


def by_hand() -> dict[str, str]:
    """File pattern -> a comparison made once with a program that cannot be installed by a command."""
    rows = tomllib.loads(_EXPLAINED.read_text("utf-8"))["by_hand"]
    return {row["file"]: row["result"] for row in rows}


def unexplained(rows: Iterable[Row], reasons: tuple[Explanation, ...]) -> list[str]:
    """`file: reader: difference` of every difference nobody explains."""
    return [
        f"{row.name}: {one.reader}: {one.differs}"
        for row in rows
        for one in row.comparisons
        if not one.is_equal and _reason(row.name, one.reader, reasons) is None
    ]


def page(rows: list[Row], reasons: tuple[Explanation, ...], versions: Iterable[str]) -> str:
    """The whole page."""
    decoded = Counter(row.verdict.format for row in rows if row.verdict.recordings)
    equal = sum(one.is_equal for row in rows for one in row.comparisons)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(decoded.items()))
    lines = [
        _HEAD,
        (
            f"{len(rows)} files: {sum(decoded.values())} decoded ({counts}), "
            f"{len(rows) - sum(decoded.values())} refused with the reason. "
            f"{sum(len(row.comparisons) for row in rows)} comparisons: {equal} equal, the others explained.\n"
        ),
        f"Readers: {'; '.join(versions)}.\n",
        "| file | format | verdict | independent readers |",
        "|---|---|---|---|",
    ]
    used: list[Explanation] = []
    once = by_hand()
    for row in rows:
        cells = [_cell(row.name, one, reasons, used) for one in row.comparisons]
        cells += [f"by hand: {result}" for pattern, result in once.items() if fnmatch(row.name, pattern)]
        told = "<br>".join(cells) or "none knows it here"
        lines.append(f"| {row.name} | {row.verdict.format} | {_plain(row.verdict.words())} | {told} |")
    lines += ["", "## Differences explained", ""]
    lines += [f"{number}. {one.why}" for number, one in enumerate(used, 1)]
    return "\n".join(lines) + "\n"


def _cell(name: str, one: Comparison, reasons: tuple[Explanation, ...], used: list[Explanation]) -> str:
    if one.is_equal:
        return f"{one.reader}: {_plain(one.compared)}: equal"
    reason = _reason(name, one.reader, reasons)
    if reason is not None and reason not in used:
        used.append(reason)
    mark = f"explained in {used.index(reason) + 1}" if reason is not None else "NOT EXPLAINED"
    return f"{one.reader}: {_plain(one.differs)} ({mark})"


def _reason(name: str, reader: str, reasons: tuple[Explanation, ...]) -> Explanation | None:
    return next((one for one in reasons if fnmatch(name, one.file) and fnmatch(reader, one.reader)), None)


def _plain(text: str) -> str:
    """One cell's text: no line break, no column sign, not too long."""
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= 300 else f"{line[:297]}..."
