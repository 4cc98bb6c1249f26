"""Switch each rule off in a copy of the code and see that its tests fail: `python -m benchmarks.sync_rules [--rule N]`.

First all tests run on the code as it is. Exit code 1 where a test fails there, or passes with its rule switched off.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.sync_rules.page import PAGE, page
from benchmarks.sync_rules.table import ROWS, Row

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_COPIED: Final = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "dist", "build")
PATIENCE_S: Final = 600.0
"""Longest time of one row's tests."""
WITHOUT_S: Final = 120.0
"""The same while the rule is off: who waits for ever then, or looks long for the smallest example, has noticed."""
_FAILED: Final = 1
"""pytest: some tests failed. Anything else, such as a test that is gone, is an error of the table."""
_TOO_LONG: Final = -1


def main() -> int:
    """Run the rows that were asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rule", type=int, action="append", help="only these rules")
    asked.add_argument("--page", action="store_true", help=f"write {PAGE} and do nothing else")
    args = asked.parse_args()
    if args.page:
        (ROOT / PAGE).write_text(page(), encoding="utf-8")
        return 0
    rows = [row for row in ROWS if not args.rule or row.number in args.rule]
    with tempfile.TemporaryDirectory(prefix="sync-rules-") as folder:
        copy = Path(folder) / "code"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        missed = [row for row in rows if not _is_noticed(copy, row)]
    print(f"{len(rows) - len(missed)} of {len(rows)} rows: fails without its rule, passes with it")
    return 1 if missed else 0


def _is_noticed(copy: Path, row: Row) -> bool:
    began = time.monotonic()
    path = copy / row.path
    before = path.read_text(encoding="utf-8")
    with_rule = _run(copy, row, PATIENCE_S)
    path.write_text(switched_off(before, row), encoding="utf-8")
    without = _run(copy, row, WITHOUT_S)
    path.write_text(before, encoding="utf-8")
    is_noticed = with_rule == 0 and without == _FAILED
    word = "noticed" if is_noticed else f"NOT NOTICED (pytest said {with_rule} with the rule, {without} without it)"
    print(f"{row.number:2} {row.says}: {word}, {time.monotonic() - began:.0f} s", flush=True)
    return is_noticed


def switched_off(text: str, row: Row) -> str:
    """The file's text without the rule.

    Raises:
        ValueError: the row's line does not stand exactly once in it.
    """
    if text.count(row.line) != 1:
        raise ValueError(f"rule {row.number}: {row.path} has {text.count(row.line)} times {row.line!r}; mend the table")
    return text.replace(row.line, row.off)


def _run(copy: Path, row: Row, patience_s: float) -> int:
    tests = [f"tests/{test}" for test in row.tests]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-x", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False, timeout=patience_s)
    except subprocess.TimeoutExpired:
        return _FAILED if patience_s == WITHOUT_S else _TOO_LONG
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
