"""docs/SYNC_RULES.md, made from the table."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from benchmarks.sync_rules.table import ROWS, Row

PAGE: Final = Path("docs/SYNC_RULES.md")
_HEAD: Final = """\
# The rules of sync, and what holds each
Made by `python -m benchmarks.sync_rules --page`; a test holds it to the table in `benchmarks/sync_rules/table.py`.
For every row `make sync-rules` switches the rule off in a copy of the code, by one line, and runs the tests beside it:
they must fail then, and pass otherwise. `make simulate-planted` does the same for whole fleets.

| rule | what it holds | kept by | the test that fails without it |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for number, rows in groupby(ROWS, key=lambda row: row.number):
        for place, row in enumerate(rows):
            yield f"| {'' if place else number} | {row.says} | {_kept_by(row)} | {_tests(row)} |"


def _kept_by(row: Row) -> str:
    return ", ".join(f"`{path}`" for path in (row.path, *row.others))


def _tests(row: Row) -> str:
    names = ", ".join(f"`{test}`" for test in row.tests)
    return f"{names} (needs programs of the system)" if row.peers else names
