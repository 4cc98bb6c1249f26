"""The short form of `make kill-test`: 20 cycles, or what fits into the budget."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from benchmarks.told import Told, judge
from cloud_hospital.intake.opening import INCOMING
from commands.demo.lab import Lab, wait_for
from commands.demo.proof import hospital_get

pytestmark = [pytest.mark.acceptance, pytest.mark.kill, pytest.mark.timeout(600)]

CYCLES = 20
BUDGET_S = 300


def test_nothing_that_was_told_is_lost_doubled_or_altered_over_kills(
    campaign: Callable[..., list[dict[str, Any]]],
) -> None:
    lines = campaign("kill_test", "--cycles", str(CYCLES), "--budget-s", str(BUDGET_S))
    assert sum(line["told"] for line in lines) >= 3 * CYCLES
    assert sum(sum(line["kills"].values()) for line in lines) >= CYCLES / 2


def test_the_judge_sees_what_is_lost_and_what_is_altered(lab: Lab) -> None:
    patient = lab.register("王秀英", "female", "1959-03-08")["id"]
    told = Told(saved={f"patient {patient}"})
    held = f"patient {patient}"
    wait_for("the patient", lambda: held in _held(lab) or None)
    (lab.hospital_dir / "blobs" / f"{INCOMING}left").write_bytes(b"by a worker that was killed")
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
