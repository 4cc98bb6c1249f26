"""Hostile callers at the DICOM port, and a device that wants to be served meanwhile: python -m benchmarks.hostile."""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.dicom import peak_mib
from benchmarks.dicom_peers import CALLED, CALLING, OURS, Store, running
from benchmarks.hostile_callers import ATTACKS, SILENT
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ultrasound import examination

LIMIT_MIB: Final = 256
SERVED_S: Final = 5.0
_AGAIN_S: Final = 0.2


def served_after(port: int) -> float:
    """Seconds until a device has stored a loop of 6.9 MB; like all, it sends again what was not taken."""
    device = DicomDevice("127.0.0.1", port, ae_title=CALLING, called=CALLED, timeout_s=10)
    made = examination(None)
    started = time.monotonic()
    while not device.store(made).acknowledged and time.monotonic() - started < 10 * SERVED_S:
        time.sleep(_AGAIN_S)
    return time.monotonic() - started


def attack(name: str, store: Store, folder: Path) -> tuple[str, float, float]:
    """What the attack came to, seconds until a device was served beside it, peak MiB of the listener so far."""
    with ATTACKS[name](store.port, folder) as came_to:
        return came_to, served_after(store.port), peak_mib(store.pid)


def allow_many_sockets() -> None:
    """The callers of one attack need more descriptors than most systems give at first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * SILENT), most))


def main() -> int:
    """Print a line an attack; 1 when a limit is missed."""
    allow_many_sockets()
    missed = 0
    sys.stdout.write(
        "| attack | came to | a device's loop of 6.9 MB is durable after | listener's peak |\n|---|---|---|---|\n"
    )
    for name in ATTACKS:
        with tempfile.TemporaryDirectory(prefix="hostile-") as root:
            folder = Path(root) / "vehicle"
            folder.mkdir()
            with running(OURS, folder) as store:
                came_to, seconds, mib = attack(name, store, Path(root))
        missed += seconds > SERVED_S or mib > LIMIT_MIB
        sys.stdout.write(f"| {name} | {came_to} | {seconds:.2f} s | {mib:.0f} MiB |\n")
        sys.stdout.flush()
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
