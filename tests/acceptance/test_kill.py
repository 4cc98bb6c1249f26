"""The short form of `make kill-test`: 20 cycles, or what fits into the budget."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.told import Told, judge
from commands.demo.lab import Lab, wait_for
from commands.demo.proof import hospital_get

pytestmark = [pytest.mark.acceptance, pytest.mark.kill, pytest.mark.timeout(600)]

CYCLES = 20
BUDGET_S = 300


def test_nothing_that_was_told_is_lost_doubled_or_altered_over_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "kill.jsonl"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.kill_test", "--cycles", str(CYCLES)),
            *("--ledger", str(ledger), "--budget-s", str(BUDGET_S)),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    with capsys.disabled():
        print(f"\n{ended.stdout.splitlines()[-1] if ended.stdout else ended.stderr}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert sum(line["told"] for line in lines) >= 3 * CYCLES
    assert sum(sum(line["kills"].values()) for line in lines) >= CYCLES / 2


def test_the_judge_sees_what_is_lost_and_what_is_altered(lab: Lab) -> None:
    patient = lab.register("王秀英", "female", "1959-03-08")["id"]
    told = Told(saved={f"patient {patient}"})
    held = f"patient {patient}"
    wait_for("the patient", lambda: held in _held(lab) or None)
    wait_for("a clean verdict", lambda: judge(lab, told).is_clean or None)
    (lab.hospital_dir / "blobs" / ".incoming-of-a-killed-worker").write_bytes(b"half")
    assert judge(lab, told).is_clean
    never_sent = Told(saved={held, "patient never-made"}, shown={"0" * 64})
    assert set(judge(lab, never_sent).lost) == {"patient never-made", "0" * 64}
    with closing(sqlite3.connect(lab.hospital_dir / "hospital.db")) as database:
        database.execute(
            "UPDATE entries SET payload = CAST(replace(payload, '王秀英', '王秀央') AS BLOB) WHERE id = ?", (patient,)
        )
        database.commit()
    assert len(judge(lab, told).altered) == 1


def _held(lab: Lab) -> set[str]:
    return {f"{entry['kind']} {entry['id']}" for entry in hospital_get(lab, "/api/v1/proof")["entries"]}
