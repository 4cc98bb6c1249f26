"""Puts what a benchmark measured into docs/BENCHMARKS.md."""

from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "BENCHMARKS.md"
_TITLE: Final = "# Benchmarks\nEvery table here was made by the command it names.\n\n"


def put_section(name: str, command: str, text: str) -> None:
    """Put a section in its place; at the end where the page has none."""
    begin, end = f"<!-- {name}: made by `{command}` -->\n", f"<!-- end of {name} -->\n"
    page = PAGE.read_text("utf-8") if PAGE.exists() else _TITLE
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}", "utf-8")
