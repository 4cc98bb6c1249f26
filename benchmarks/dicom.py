"""C-STORE throughput beside DCMTK, Orthanc, plain pynetdicom and the disk, in one run: python -m benchmarks.dicom."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.dicom_objects import Batch, make
from benchmarks.dicom_peers import CALLED, CALLING, OURS, PDU, PEERS, Store
from benchmarks.dicom_peers import running as running_store
from clinic_records.errors import ClinicError

ROUNDS: Final = 5
LINE_MB_S: Final = 118.0
"""Gigabit Ethernet, in 10^6 bytes of payload a second."""
PART: Final = 0.7
"""Of the smaller of plain pynetdicom and the disk that ours is to reach."""
DISK: Final = "this disk: write + fsync + rename + fsync of the folder"


def send(batch: Batch, store: Store) -> float:
    """Seconds that storescu, one a device, needs for the batch over one association each.

    Raises:
        ClinicError: the store did not take all of it.
    """
    command = ["storescu", "-aet", CALLING, "-aec", CALLED, "-pdu", str(PDU), "--max-send-pdu", str(PDU)]
    command += ["127.0.0.1", str(store.port), "+sd", str(batch.folder)]
    environment = os.environ | {"TCP_NODELAY": "1"}
    started = time.perf_counter()
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(batch.devices)
    ]
    said = [each.communicate()[1] for each in running]
    seconds = time.perf_counter() - started
    for each, errors in zip(running, said, strict=True):
        if each.returncode or "Failed" in errors:
            raise ClinicError(f"storescu: {errors[-500:]}")
    return seconds


def write(batch: Batch, folder: Path) -> float:
    """Seconds in which this disk makes the same files durable, one after the other."""
    contents = [path.read_bytes() for path in batch.folder.iterdir()]
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    started = time.perf_counter()
    for number, content in enumerate(contents * batch.devices):
        with (folder / f"{number}.tmp").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (folder / f"{number}.tmp").rename(folder / f"{number}.dcm")
        os.fsync(handle)
    seconds = time.perf_counter() - started
    os.close(handle)
    return seconds


def peak_mib(pid: int) -> float:
    """VmHWM of one process, from /proc (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(
    batches: list[Batch], root: Path, rounds: int
) -> tuple[dict[tuple[str, str], list[float]], dict[str, float]]:
    """MB/s of each (who, batch name), one a round, in turn so that neighbours' noise falls on all; peak MiB of each."""
    rates: dict[tuple[str, str], list[float]] = {}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for batch in batches:
            for name in [*PEERS, DISK]:
                folder = root / "store"
                folder.mkdir()
                if name == DISK:
                    seconds = write(batch, folder)
                else:
                    with running_store(name, folder) as store:
                        seconds = send(batch, store)
                        peaks[name] = max(peaks.get(name, 0.0), peak_mib(store.pid))
                shutil.rmtree(folder)
                rates.setdefault((name, batch.name), []).append(batch.megabytes / seconds)
    return rates, peaks


def main() -> int:
    """Print the table; 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    root = Path(tempfile.mkdtemp(prefix="bench-dicom-"))
    try:
        batches = [make(root, "10 x 20 MB", 10, 65), make(root, "100 x 0.6 MB", 100, 2)]
        batches.append(make(root, "4 devices, 100 x 0.6 MB each", 100, 2, devices=4))
        rates, peaks = measure(batches, root, rounds)
    finally:
        shutil.rmtree(root)
    for line in table(batches, rates, peaks):
        sys.stdout.write(f"{line}\n")
    missed = [why for batch in batches if batch.devices == 1 for why in missing(batch.name, rates)]
    for why in missed:
        sys.stdout.write(f"MISSED: {why}\n")
    return int(bool(missed))


def table(batches: list[Batch], rates: dict[tuple[str, str], list[float]], peaks: dict[str, float]) -> list[str]:
    """Markdown: median MB/s (least to most) and the peak of resident memory."""
    lines = [f"| store | {' | '.join(f'{batch.name}, MB/s' for batch in batches)} | peak MiB |"]
    lines.append("|---|" + "---|" * (len(batches) + 1))
    for name in [*PEERS, DISK]:
        cells = [
            f"{statistics.median(found):.0f} ({min(found):.0f}-{max(found):.0f})"
            for found in (rates[name, batch.name] for batch in batches)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {f'{peaks[name]:.0f}' if name in peaks else ''} |")
    return lines


def missing(batch: str, rates: dict[tuple[str, str], list[float]]) -> list[str]:
    """The aims that our median does not reach."""
    middle = {name: statistics.median(found) for (name, what), found in rates.items() if what == batch}
    ours = middle[OURS]
    plain = max(rate for name, rate in middle.items() if name.startswith("pynetdicom"))
    orthanc = next(rate for name, rate in middle.items() if name.startswith("Orthanc"))
    aims = {
        "Orthanc": orthanc,
        "gigabit Ethernet": LINE_MB_S,
        f"{PART:.0%} of the smaller of plain pynetdicom and the disk": PART * min(plain, middle[DISK]),
    }
    disk = f"(this disk alone: {middle[DISK]:.0f})"
    return [f"{batch}: {ours:.0f} MB/s, {name} has {aim:.0f} {disk}" for name, aim in aims.items() if ours < aim]


if __name__ == "__main__":
    sys.exit(main())
