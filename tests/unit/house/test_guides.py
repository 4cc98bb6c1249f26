"""Guides and README tell only commands that exist, with options that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from commands.app import app

ROOT = Path(__file__).parents[3]
PAGES = [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"(?<![\w/.-])clinic (?=[a-z])")
SPANS = re.compile(r"`([^`\n]+)`")
IS_CODE = re.compile(r"^(?: {4}|\t)")


def code_of(text: str) -> Iterator[str]:
    """Every line of code in a page, and every code span of its sentences."""
    is_fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced or IS_CODE.match(line):
            yield line
        else:
            yield from SPANS.findall(line)


def commands_of(text: str) -> Iterator[list[str]]:
    """The words behind each `clinic`; two may stand side by side on one line."""
    for code in code_of(text):
        for told in COMMAND.split(re.split(r"\s#", code)[0])[1:]:
            yield shlex.split(re.split(r"\s+[>|&]|[;…]|\s{3,}", told)[0].replace("'", ""))


def wrong_in(words: list[str]) -> str:
    """What of these words does not exist; empty if all do."""
    command: Any = typer.main.get_command(app)
    context = typer.Context(command)
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return f"no command {name!r} in {' '.join(words)!r}"
        command, context = found, typer.Context(found, parent=context)
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    told = [word.partition("=")[0] for word in rest if word.startswith("--")]
    missing = [option for option in told if option not in {*options, "--help"}]
    return f"no option {missing[0]} of {' '.join(words)!r}" if missing else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_told_exists(page: Path) -> None:
    wrong = [found for words in commands_of(page.read_text(encoding="utf-8")) if (found := wrong_in(words))]
    assert wrong == []


def test_the_guides_are_read() -> None:
    told = [words for page in PAGES for words in commands_of(page.read_text(encoding="utf-8"))]
    assert ["bureau", "pull"] in [words[:2] for words in told]
    assert len(told) > 20


def test_a_command_that_does_not_exist_is_found() -> None:
    assert "no command 'pul'" in wrong_in(["bureau", "pul"])
    assert "no option --wrong" in wrong_in(["bureau", "pull", "--wrong", "x"])
    assert wrong_in(["bureau", "pull", "--since", "0"]) == ""


@pytest.mark.parametrize("page", sorted((ROOT / "docs/guide").glob("*.zh.md")), ids=lambda page: page.name)
def test_every_guide_has_its_twin_with_the_same_sections(page: Path) -> None:
    twin = page.with_name(page.name.replace(".zh.md", ".md")).read_text(encoding="utf-8")
    sections = [re.findall(r"^#+ ", text, re.MULTILINE) for text in (page.read_text(encoding="utf-8"), twin)]
    assert sections[0] == sections[1]
