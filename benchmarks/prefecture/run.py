"""One evening: a hospital as `clinic hospital run` runs it, on PostgreSQL and mosquitto, and the vehicles before it."""

import json
import os
import select as io_select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]  # no type information is published for it

from benchmarks.prefecture.evening import Box
from benchmarks.prefecture.judge import Judged, judge
from benchmarks.prefecture.vehicles import Brought, Config
from clinic_records.errors import ClinicError
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.settings import BrokerKind, HospitalSettings
from cloud_hospital.vehicles import enrol
from sync.enrolment import Enrolment

READY_S: Final = 90.0
"""Seconds for the hospital's processes to serve."""
SEALING_S: Final = 900.0
"""Seconds for a process to seal its vehicles' evenings."""


class Evening(msgspec.Struct, frozen=True):
    """What one run came to.

    Attributes:
        seconds: from the start until the last receipt reached its vehicle; None where some never did.
        files, payload_bytes: of all vehicles; `wire_bytes` as sealed, `sent_bytes` with what was sent again.
        cpu_s: CPU seconds of the hospital's own processes and of all vehicles' together.
    """

    vehicles: int
    workers: int
    seconds: float | None
    files: int
    payload_bytes: int
    wire_bytes: int
    sent_bytes: int
    hospital_cpu_s: float
    vehicles_cpu_s: float
    judged: Judged


def run_evening(url: str, folder: Path, *, vehicles: int, workers: int, seed: int, limit_s: float) -> Evening:
    """Set up a hospital with `workers`, bring in the evening of `vehicles`, judge."""
    home = folder / "hospital"
    settings = HospitalSettings(
        web_port=0, broker_port=0, broker=BrokerKind.MOSQUITTO, broker_tls=False, database_url=url, workers=workers
    )
    init_hospital(home, settings)
    with open_hospital(home) as hospital:
        names = [f"V{number:03}" for number in range(1, vehicles + 1)]
        granted = [enrol(hospital, Box(name, seed).request()) for name in names]
    with ExitStack() as stack:
        couriers = _couriers(stack, folder, granted, seed, limit_s)
        supervisor = stack.enter_context(_running(home))
        before = _cpu_s(supervisor)
        for each in couriers:
            assert each.stdin is not None  # noqa: S101 - a pipe, by its start
            each.stdin.write(b"go\n")
            each.stdin.flush()
        for each in couriers:
            each.wait(limit_s + 120)
        hospital_cpu_s = _cpu_s(supervisor) - before
        brought = _results(folder, len(couriers))
    times = os.times()
    with open_hospital(home) as hospital:
        sequence(hospital.engine)
        judged = judge(hospital, brought)
    seconds = [each.seconds for each in brought]
    return Evening(
        vehicles=vehicles,
        workers=workers,
        seconds=None if None in seconds else max(each for each in seconds if each is not None),
        files=judged.told,
        payload_bytes=sum(one.size for each in brought for one in each.told),
        wire_bytes=sum(each.wire_bytes for each in brought),
        sent_bytes=sum(each.bytes_sent for each in brought),
        hospital_cpu_s=hospital_cpu_s,
        vehicles_cpu_s=times.children_user + times.children_system,
        judged=judged,
    )


def _couriers(
    stack: ExitStack, folder: Path, granted: Sequence[Enrolment], seed: int, limit_s: float
) -> list[subprocess.Popen[bytes]]:
    """The vehicles' processes, each sealed and waiting for its line."""
    count = min(os.cpu_count() or 1, len(granted))
    started: list[subprocess.Popen[bytes]] = []
    for number in range(count):
        config = folder / f"vehicles-{number}.json"
        mine = tuple(granted[number::count])
        config.write_bytes(msgspec.json.encode(Config(seed, limit_s, mine, str(folder / f"brought-{number}.json"))))
        command = [sys.executable, "-m", "benchmarks.prefecture.vehicles", str(config)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(_end, process)
        started.append(process)
    for process in started:
        _wait_for_line(process, "ready", SEALING_S)
    return started


def _results(folder: Path, count: int) -> list[Brought]:
    paths = [folder / f"brought-{number}.json" for number in range(count)]
    return [one for path in paths for one in msgspec.json.decode(path.read_bytes(), type=list[Brought])]


@contextmanager
def _running(home: Path) -> Iterator[psutil.Process]:
    """`clinic hospital run`, until the block ends."""
    command = [sys.executable, "-m", "cli", "hospital", "run", str(home)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        _wait_for_line(process, "ready:", READY_S)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        _end(process)


def _cpu_s(supervisor: psutil.Process) -> float:
    times = [each.cpu_times() for each in [supervisor, *supervisor.children(recursive=True)]]
    return sum(float(each.user + each.system) for each in times)


def _wait_for_line(process: subprocess.Popen[bytes], beginning: str, seconds: float) -> None:
    """Raises ClinicError where it does not come."""
    assert process.stdout is not None  # noqa: S101 - a pipe, by its start
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if io_select.select([process.stdout], [], [], 0.2)[0] and process.stdout.readline().startswith(
            beginning.encode()
        ):
            return
    raise ClinicError(f"{process.args!r} did not say {beginning!r}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def as_line(evening: Evening, load: float, bounds: dict[str, float]) -> str:
    """For the ledger."""
    said = {
        "at": time.strftime("%Y-%m-%d"),
        "load": load,
        "cores": os.cpu_count(),
        **msgspec.to_builtins(evening),
        "bounds": bounds,
    }
    return json.dumps(said, ensure_ascii=False) + "\n"


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Where a hospital lies for one run."""
    return tempfile.TemporaryDirectory(prefix="clinic-prefecture-")
