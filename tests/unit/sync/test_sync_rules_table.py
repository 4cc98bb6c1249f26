"""The table of the 26 rules speaks of what is there: each line stands once in its file, each test exists."""

import ast
from pathlib import Path

import pytest

from benchmarks.sync_rules.__main__ import ROOT, switched_off
from benchmarks.sync_rules.page import PAGE, page
from benchmarks.sync_rules.table import ROWS, Row


def test_every_rule_has_a_row() -> None:
    assert [row.number for row in ROWS] == sorted(row.number for row in ROWS)
    assert {row.number for row in ROWS} == set(range(1, 27))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.says[:30]}")
def test_a_row_speaks_of_what_is_there(row: Row) -> None:
    text = (ROOT / row.path).read_text(encoding="utf-8")
    changed = switched_off(text, row)
    assert changed != text
    ast.parse(changed)
    for path in row.others:
        assert (ROOT / path).is_file(), path
    for test in row.tests:
        name, _, function = test.partition("::")
        assert f"def {function}(" in (ROOT / "tests" / name).read_text(encoding="utf-8") or not function, test


def test_a_line_that_is_gone_is_told() -> None:
    with pytest.raises(ValueError, match="mend the table"):
        switched_off("nothing of it", ROWS[0])


def test_the_page_is_the_tables() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "run `python -m benchmarks.sync_rules --page`"
    assert Path(PAGE).parts[0] == "docs"
