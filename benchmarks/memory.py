"""Resident memory of the agent, an hour's idleness made short: after work, when its children have gone."""

import time
from pathlib import Path

from benchmarks.lab import working_lab
from commands.demo.lab import wait_for
from devices.simulators.ultrasound import examine

LIMIT_MIB = 150
"""The aim for an idle agent; heavy libraries live in children."""
CHILD_IDLE_S = 45.0


def resident_mib(pid: int) -> float:
    """VmRSS of one process, from /proc (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure() -> dict[str, float]:
    """MiB of the agent before work, right after an ultrasound loop of 6.9 MB, idle afterwards; and of the listener."""
    with working_lab() as lab:
        found = {"agent, unlocked": resident_mib(lab.agent.pid)}
        patient = lab.register("内存", "female", "1959-03-08")
        encounter = lab.desk("open_encounter", patient_id=patient["id"], reason="内存")["id"]
        lab.desk("arm", device="us1", encounter_id=encounter)
        examine(lab.dicom_device("US1"), name="内存")
        wait_for("the loop", lambda: lab.desk("encounter", encounter_id=encounter)["recordings"] or None)
        found["agent, after an ultrasound loop"] = resident_mib(lab.agent.pid)
        deadline = time.monotonic() + CHILD_IDLE_S
        while lab.desk("status")["child_pids"] and time.monotonic() < deadline:
            time.sleep(1)
        found["agent, idle again"] = resident_mib(lab.agent.pid)
        found["DICOM listener"] = resident_mib(lab.listener_pid())
        return found
