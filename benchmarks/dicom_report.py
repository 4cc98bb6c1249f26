"""Measures the DICOM port and writes what came out into docs/BENCHMARKS.md: python -m benchmarks.dicom_report."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from typing import Final

from benchmarks.page import put_section

_STORES: Final = """### C-STORE on loopback
DCMTK storescu sends (131,072 bytes a PDU, TCP_NODELAY=1); 10^6 bytes a second, median (least to most) of all rounds,
each round all stores in turn. Ours is sealed and fsynced (file and folder) before each answer; the others as they come,
in plain and without fsync. Aims for one device: more than Orthanc, more than gigabit Ethernet (118), at least 70 % of
the smaller of plain pynetdicom and the disk.

"""
_STUDY: Final = """### A study of 2 GB beside the nurse's work
The whole vehicle on this machine: listener, agent (which reads and records the study meanwhile) and pages.

| what | figure |
|---|---|
"""
_HOSTILE: Final = """### Hostile callers
The listener alone; a device sends again until it is told yes. Limits: 5 s, 256 MiB.

"""
_PARTS: Final = (("benchmarks.dicom", _STORES), ("benchmarks.dicom_study", _STUDY), ("benchmarks.hostile", _HOSTILE))


def main() -> int:
    """1 when an aim of any part is missed."""
    made = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    text = f"## DICOM\n{made}, {machine}, one run; load before it {os.getloadavg()[0]:.1f}.\n\n"
    worst = 0
    for module, title in _PARTS:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", module], stdout=subprocess.PIPE, text=True, check=False
        )
        sys.stdout.write(done.stdout)
        worst = max(worst, done.returncode)
        text += f"{title}{done.stdout}\n"
    put_section("DICOM", "make bench-dicom", text)
    return worst


if __name__ == "__main__":
    sys.exit(main())
