"""The coordinator's guide says what the program does."""

import re
from pathlib import Path

import pytest

from schedules.codes import SEVERITY
from schedules.patterns import parse_pattern
from schedules.tables import TABLES

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide"
NAMES = ["coordinator.md", "coordinator.zh.md"]


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_names_every_column(name: str) -> None:
    lines = (GUIDE / name).read_text(encoding="utf-8").splitlines()
    for table in TABLES.values():
        (line,) = [line for line in lines if line.startswith(f"| {table.sheet}") and f"| {table.name}.csv |" in line]
        columns = [f"**{column.name}**" if column.is_required else column.name for column in table.columns]
        assert line.split("|")[3].strip() == ", ".join(columns)
        assert ("may be absent" in line or "可以没有" in line) is not table.is_required


@pytest.mark.parametrize("name", NAMES)
def test_the_guides_patterns_are_understood(name: str) -> None:
    text = (GUIDE / name).read_text(encoding="utf-8")
    section = text[text.index("### pattern") : text.index("### action")]
    written = [
        word for line in section.splitlines() if line.startswith("| `") for word in re.findall("`([^`]+)`", line)
    ]
    assert len(written) >= 14
    for pattern in written:
        parse_pattern(pattern)


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_names_every_code(name: str) -> None:
    text = (GUIDE / name).read_text(encoding="utf-8")
    ranges = re.findall(r"([A-Z])(\d\d)(?: [-–] [A-Z](\d\d))?", text)
    named = {f"{letter}{n:02}" for letter, low, high in ranges for n in range(int(low), int(high or low) + 1)}
    assert set(SEVERITY) <= named
