"""The short form of `make fault-sessions`: one batch of few visits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fault_sessions import VERDICTS

pytestmark = [pytest.mark.acceptance, pytest.mark.kill, pytest.mark.timeout(600)]


def test_a_clinic_works_over_faulty_connections_and_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = tmp_path / "faults.jsonl"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.fault_sessions", "--sessions", "5", "--kills", "3", "--cycles", "5"),
            *("--ledger", str(ledger), "--budget-s", "240"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    with capsys.disabled():
        print(f"\n{ended.stdout}" if ended.stdout else ended.stderr)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [json.loads(line) for line in ledger.read_text("ascii").splitlines()]
    assert all(line[name] == 0 for line in lines for name in VERDICTS)
    assert all(line["told"] >= 3 * line["cycles"] for line in lines)
    assert len({fate for line in lines for fate in line["fates"]}) >= 3
