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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.prefecture.database import Server
from benchmarks.prefecture.evening import Box, Day
from benchmarks.prefecture.judge import Judged, judge
from benchmarks.prefecture.processor import processor_s, since
from benchmarks.prefecture.trouble import Trouble
from benchmarks.prefecture.vehicles import Config, Result
from clinic_records.errors import ClinicError
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.settings import BrokerKind, HospitalSettings
from cloud_hospital.vehicles import enrol
from sync.enrolment import Enrolment
from vehicle_agent.store.tls import TlsFiles

READY_S: Final = 90.0
"""Seconds for the hospital's processes to serve."""
SEALING_S: Final = 900.0
"""Seconds for a process to seal its vehicles' evenings."""


class Evening(msgspec.Struct, frozen=True):
    """What one run came to.

    Attributes:
        seconds: from the start until the last receipt reached its vehicle; None where some never did.
        files, payload_bytes: of all vehicles; `wire_bytes` as sealed, `sent_bytes` with what was sent again.
        is_tls: whether vehicles and workers speak TLS 1.3 with the broker.
        cpu_s: processor seconds of each part, from the start to the end of the bringing; none where some were killed.
        kills: how often each was killed.
    """

    vehicles: int
    workers: int
    seconds: float | None
    files: int
    payload_bytes: int
    wire_bytes: int
    sent_bytes: int
    cpu_s: dict[str, float]
    judged: Judged
    is_tls: bool = False
    kills: dict[str, int] = {}


@dataclass(frozen=True)
class Plan:
    """What one run is: `limit_s` is when the vehicles give up, `kills` how often something is killed meanwhile."""

    vehicles: int
    workers: int
    seed: int
    limit_s: float
    is_tls: bool
    day: Day = field(default_factory=Day)
    kills: int = 0


def run_evening(server: Server, folder: Path, plan: Plan) -> Evening:
    """Set up a hospital, bring in the vehicles' evening, judge."""
    home = folder / "hospital"
    settings = HospitalSettings(
        web_port=0,
        broker_port=0,
        broker=BrokerKind.MOSQUITTO,
        broker_tls=plan.is_tls,
        database_url=server.database(f"evening{plan.workers}-{plan.seed}"),
        workers=plan.workers,
        seats=plan.workers,  # all of them at work at once, however few cores there are
    )
    init_hospital(home, settings)
    with open_hospital(home) as hospital:
        granted = [_enrolled(hospital, folder, Box(f"V{number + 1:03}", plan.seed)) for number in range(plan.vehicles)]
    with ExitStack() as stack:
        couriers = _couriers(stack, folder, granted, plan)
        stack.enter_context(_running(home))
        run_folder = home / "run"
        before = {} if plan.kills else processor_s(run_folder, server.pid)
        for each in couriers:
            assert each.stdin is not None  # noqa: S101 - a pipe, by its start
            each.stdin.write(b"go\n")
            each.stdin.flush()
        trouble = Trouble(server, run_folder, plan.seed)
        trouble.make(plan.kills, while_=lambda: any(each.poll() is None for each in couriers))
        for each in couriers:
            each.wait(plan.limit_s + 120)
        cpu_s = {} if plan.kills else since(before, processor_s(run_folder, server.pid))
        results = [msgspec.json.decode(path.read_bytes(), type=Result) for path in _results(folder, len(couriers))]
    brought = [one for each in results for one in each.brought]
    with open_hospital(home) as hospital:
        sequence(hospital.engine)
        judged = judge(hospital, brought)
    seconds = [each.seconds for each in brought]
    return Evening(
        vehicles=plan.vehicles,
        workers=plan.workers,
        seconds=None if None in seconds else max(each for each in seconds if each is not None),
        files=judged.told,
        payload_bytes=sum(one.size for each in brought for one in each.told),
        wire_bytes=sum(each.wire_bytes for each in brought),
        sent_bytes=sum(each.bytes_sent for each in brought),
        cpu_s={"vehicles": sum(each.cpu_s for each in results), **cpu_s},
        judged=judged,
        is_tls=plan.is_tls,
        kills=dict(trouble.kills),
    )


def _enrolled(hospital: Hospital, folder: Path, box: Box) -> Enrolment:
    """The box's enrolment; its TLS files are there afterwards where the broker wants them."""
    if not hospital.settings.broker_tls:
        return enrol(hospital, box.request())
    files = TlsFiles.create(folder / box.vehicle)
    granted = enrol(hospital, box.request(files.request(box.vehicle)))
    files.keep(granted)
    return granted


def _couriers(
    stack: ExitStack, folder: Path, granted: Sequence[Enrolment], plan: Plan
) -> list[subprocess.Popen[bytes]]:
    """The vehicles' processes, each sealed and waiting for its line."""
    count = min(os.cpu_count() or 1, len(granted))
    started: list[subprocess.Popen[bytes]] = []
    for number in range(count):
        path, result = folder / f"vehicles-{number}.json", str(_results(folder, count)[number])
        config = Config(plan.seed, plan.limit_s, tuple(granted[number::count]), result, str(folder), plan.day)
        path.write_bytes(msgspec.json.encode(config))
        command = [sys.executable, "-m", "benchmarks.prefecture.vehicles", str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(_end, process)
        started.append(process)
    for process in started:
        _wait_for_line(process, "ready", SEALING_S)
    return started


def _results(folder: Path, count: int) -> list[Path]:
    return [folder / f"brought-{number}.json" for number in range(count)]


@contextmanager
def _running(home: Path) -> Iterator[None]:
    """`clinic hospital run`, until the block ends."""
    command = [sys.executable, "-m", "cli", "hospital", "run", str(home)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        _wait_for_line(process, "ready:", READY_S)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _end(process)


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


def as_line(evening: Evening, load: float, bounds: dict[str, float], seed: int) -> str:
    """For the ledger."""
    said = {
        "at": time.strftime("%Y-%m-%d"),
        "seed": seed,
        "load": load,
        "cores": os.cpu_count(),
        **msgspec.to_builtins(evening),
        "bounds": bounds,
    }
    return json.dumps(said, ensure_ascii=False) + "\n"


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Where a hospital lies for one run."""
    return tempfile.TemporaryDirectory(prefix="clinic-prefecture-")
