"""One lab a module: a hospital and a vehicle as separate processes; and the short forms of the long campaigns."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lab import working_lab
from commands.demo.lab import Lab
from tests.in_process import typed


@pytest.fixture(scope="module", autouse=True)
def commands_in_process() -> Iterator[None]:
    """A lab is set up by commands typed in this process; the campaigns' labs type theirs as people do."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("commands.demo.lab.clinic", typed)
        yield


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Schedule published, vehicle unlocked, stop open, no limit on the road."""
    with working_lab() as made:
        yield made


@pytest.fixture
def campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """Runs `python -m benchmarks.NAME ARGUMENTS` on a ledger of its own, shows what it says; the ledger's lines.

    The test fails when it ends with another code than 0.
    """

    def run(name: str, *arguments: str) -> list[dict[str, Any]]:
        ledger = tmp_path / f"{name}.jsonl"
        ended = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments, "--ledger", str(ledger)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        with capsys.disabled():
            print(f"\n{ended.stdout}{ended.stderr}".rstrip())
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]

    return run
