"""A whole hospital as its own processes: real broker, real courier, kill -9, pull, proof."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clinic_records.clock import CHINA, SystemClock, from_ms
from clinic_records.ids import VehicleId
from clinic_records.record import Kind
from cloud_hospital.downlink import queue_schedules
from cloud_hospital.hospital import open_hospital
from schedules.folder import PlanFolder
from schedules.publish import make_version
from sync.courier import PinnedHospital, VehicleCourier
from sync.drive import run_courier
from sync.enrolment import Enrolment, decode_enrolment, encode
from sync.keys import OriginPublic, RecipientKey
from sync.memory_stores import MemoryInbound, MemoryOutbound, MemorySessions
from sync.mqtt import MqttLink
from sync.ports import SessionState, Verdict
from sync.seal import open_wire
from tests.in_process import typed
from tests.unit.hospital.conftest import Box, a_visit
from vehicle_agent.store.tls import TlsFiles, vehicle_broker

CLI = [sys.executable, "-c", "from cli import main; main()"]
PATIENCE_S = 60.0


def clinic(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*CLI, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done


def until(question: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not question():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


class Running:
    """A hospital that runs, as its operator sees it."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process

    def pids(self) -> dict[str, int]:
        path = self.folder / "run" / "pids.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    @property
    def url(self) -> str:
        ports = json.loads((self.folder / "run" / "ports.json").read_text())
        return f"http://127.0.0.1:{ports['web']}"

    def status(self) -> dict[str, Any]:
        return dict(json.loads(typed("hospital", "status", self.folder, "--json").out))

    def kill(self, name: str) -> None:
        old = self.pids()[name]
        os.kill(old, signal.SIGKILL)
        until(lambda: self.pids().get(name, old) != old, f"{name} is started again")


def brokers() -> list[Any]:
    return [pytest.param("embedded"), pytest.param("mosquitto", marks=pytest.mark.peer)]


@pytest.fixture(params=brokers())
def running(request: pytest.FixtureRequest, tmp_path: Path, need_program: Callable[[str], str]) -> Iterator[Running]:
    if request.param == "mosquitto":
        need_program("mosquitto")
    folder = tmp_path / "hospital"
    typed("hospital", "init", folder, "--web-port", 0, "--broker-port", 0, "--broker", request.param)
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen([*CLI, "hospital", "run", str(folder)], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready: hospital H01"), (tmp_path / "log").read_text()
        yield Running(folder, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            log.close()
            if process.stdout:
                process.stdout.close()


class Vehicle:
    """A box with a real courier over stores in memory."""

    def __init__(self, running: Running, tmp_path: Path) -> None:
        self.box = Box("V01")
        request, granted = tmp_path / "request.json", tmp_path / "enrolment.json"
        self.tls = TlsFiles.create(tmp_path / "tls")
        request.write_bytes(encode(self.box.request(self.tls.request("V01"))))
        typed("hospital", "enrol-vehicle", running.folder, request, "--out", granted)
        self.enrolment: Enrolment = decode_enrolment(
            granted.read_bytes(), vehicle="V01", vehicle_sign_public=self.box.keys.public.raw
        )
        self.tls.keep(self.enrolment)
        self.recipient = RecipientKey(self.enrolment.hpke_public)
        self.outbound = MemoryOutbound()
        self.sessions = MemorySessions()
        self.sessions.state = SessionState(token=self.enrolment.session_token, incarnation=self.enrolment.incarnation)
        self.inbound = MemoryInbound(MemorySessions(), OriginPublic(self.enrolment.sign_public))

    async def drive_until(self, question: Callable[[], bool], act: Callable[[], None] = lambda: None) -> None:
        granted = self.enrolment
        courier = VehicleCourier(
            VehicleId("V01"),
            keys=self.box.keys,
            hospital=PinnedHospital(granted.hospital_id, OriginPublic(granted.sign_public)),
            outbound=self.outbound,
            inbound=self.inbound,
            sessions=self.sessions,
            clock=SystemClock(),
            random_bytes=secrets.token_bytes,
        )
        broker = vehicle_broker(granted, self.tls, lambda: from_ms(granted.granted_ms))
        stop = asyncio.Event()
        driving = asyncio.create_task(run_courier(courier, MqttLink(broker), stop))
        acting = asyncio.create_task(asyncio.to_thread(act))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not question():  # noqa: ASYNC110  # it asks other processes too
                    await asyncio.sleep(0.02)
        stop.set()
        await driving
        await acting
        assert question(), (courier.state, courier.alarm)


def add_visit(vehicle: Vehicle, extra: bytes) -> list[tuple[str, int, str]]:
    visit = a_visit()
    records = visit.records(vehicle.box)
    sealed = [vehicle.box.seal(record, vehicle.recipient) for record in records]
    sealed += [vehicle.box.blob(each, vehicle.recipient) for each in (visit.ecg_bytes, visit.curve_bytes, extra)]
    closing = vehicle.box.day_closed(visit.stop.id)
    sealed.append(vehicle.box.seal(closing, vehicle.recipient))
    for each in sealed:
        assert each.data is not None
        vehicle.outbound.add(each.data, each.lane)
    return [(each.id, each.revision, each.sha256) for each in (*records, closing)]


@pytest.mark.timeout(180)
def test_a_day_through_kills_of_every_process(running: Running, tmp_path: Path) -> None:
    vehicle = Vehicle(running, tmp_path)
    told = add_visit(vehicle, secrets.token_bytes(12_000_000))

    def kill_all() -> None:
        for name in ("worker", "broker", "urgent", "web", "worker"):
            time.sleep(0.4)
            running.kill(name)

    asyncio.run(vehicle.drive_until(lambda: not vehicle.outbound.open, kill_all))
    assert {each.verdict for each in vehicle.outbound.receipts.values()} <= {Verdict.APPLIED, Verdict.DUPLICATE}

    token = tmp_path / "token"
    token.write_text(typed("hospital", "token", running.folder, "--purpose", "statutory").out)
    until(lambda: "web" in running.pids(), "web is back")

    def proof() -> dict[str, Any]:
        request = urllib.request.Request(
            f"{running.url}/api/v1/proof", headers={"Authorization": f"Bearer {token.read_text().strip()}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def is_web_up() -> bool:
        with contextlib.suppress(OSError):
            proof()
            return True
        return False

    until(is_web_up, "web answers")
    held = proof()
    assert sorted((each["id"], each["revision"], each["sha256"]) for each in held["entries"]) == sorted(told)
    assert [each["is_intact"] for each in held["blobs"]] == [True] * 3

    pulled = clinic(
        "bureau", "pull", "--url", running.url, "--token-file", token, "--format", "ndjson", "--require-complete"
    )
    lines = [json.loads(line) for line in pulled.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["row"] * 3 + ["statement"]
    assert [line["patient_name"] for line in lines[:3]] == ["王秀英"] * 3
    again = typed("bureau", "pull", "--url", running.url, "--token-file", token, "--since", lines[-1]["next"])
    assert len(again.out.splitlines()) == 1
    assert "complete" in again.err

    token.write_text("s-wrong")
    refused = clinic("bureau", "pull", "--url", running.url, "--token-file", token, code=3)
    assert "401" in refused.stderr

    payload = publish_month(running.folder)
    settled = threading.Event()

    def wait_settled() -> None:
        until(lambda: running.status()["downlink"] == [{"vehicle": "V01", "queued": 0, "settled": 1}], "settled")
        settled.set()

    # The vehicle stays until the hospital holds its receipt: one that leaves at once may take it along.
    asyncio.run(vehicle.drive_until(settled.is_set, wait_settled))
    assert len(vehicle.inbound.effects) == 1
    (wire,) = (running.folder / "downlink" / "V01").iterdir()
    opened = open_wire(
        wire,
        origin=OriginPublic(vehicle.enrolment.sign_public),
        recipients={vehicle.box.private.key_id: vehicle.box.private},
    )
    assert (opened.header.kind, opened.header.revision, opened.payload) == (Kind.SCHEDULE, 1, payload)


def publish_month(folder: Path) -> bytes:
    """Publish a plan of this month and queue it; the version's bytes."""
    today = SystemClock().now().astimezone(CHINA).date()
    version = make_version((), version=1, effective_from=today, first=today, last=today + timedelta(30))
    payload = PlanFolder(folder).add(version)
    with open_hospital(folder) as hospital:
        assert queue_schedules(hospital, ["V01"]) == [1]
    return payload


@pytest.mark.timeout(120)
def test_children_die_with_the_supervisor(running: Running) -> None:
    pids = running.pids()
    assert set(pids) == {"supervisor", "broker", "urgent", "worker", "web"}
    os.kill(pids.pop("supervisor"), signal.SIGKILL)
    for pid in pids.values():
        until(lambda pid=pid: not is_alive(pid), f"{pid} is gone")  # type: ignore[misc]  # bound at once


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.timeout(120)
def test_a_second_supervisor_is_refused_and_disturbs_nothing(running: Running) -> None:
    refused = clinic("hospital", "run", running.folder, code=1)
    assert "runs already" in refused.stderr
    assert json.loads((running.folder / "run" / "ready.json").read_text())["web_host"] == "127.0.0.1"


@pytest.mark.timeout(120)
def test_what_a_killed_supervisor_left_says_ready_to_nobody(running: Running) -> None:
    pids = running.pids()
    os.kill(pids["supervisor"], signal.SIGKILL)
    running.process.wait(20)
    for pid in pids.values():
        until(lambda pid=pid: not is_alive(pid), f"{pid} is gone")  # type: ignore[misc]  # bound at once
    assert (running.folder / "run" / "ready.json").exists()
    with (running.folder / "hospital.toml").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    clinic("hospital", "run", running.folder, code=1)
    assert not (running.folder / "run" / "ready.json").exists()


@pytest.mark.timeout(120)
def test_a_stranger_on_the_broker_is_kept_and_not_answered(running: Running, tmp_path: Path) -> None:
    vehicle = Vehicle(running, tmp_path)
    vehicle.box = Box("V01")  # the same name and broker password, another key
    visit = a_visit()
    sealed = vehicle.box.seal(visit.records(vehicle.box)[1], vehicle.recipient)
    assert sealed.data is not None
    vehicle.outbound.add(sealed.data, sealed.lane)
    asyncio.run(vehicle.drive_until(lambda: running.status()["quarantined"] > 0))
    assert vehicle.outbound.receipts == {}
    status = running.status()
    assert status["entries"] == 0
    assert status["alarms"] > 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("running", ["embedded"], indirect=True)
def test_keys_rotated_while_everything_runs_are_followed(running: Running, tmp_path: Path) -> None:
    vehicle = Vehicle(running, tmp_path)
    add_visit(vehicle, secrets.token_bytes(100_000))

    def rotate() -> None:
        for number in (2, 3):
            command = [*CLI, "hospital", "keys", "rotate", str(running.folder), "--escrow", str(tmp_path / str(number))]
            subprocess.run([*command, "--passphrase-stdin"], input=b"a long passphrase\n", check=True)

    asyncio.run(vehicle.drive_until(lambda: len(vehicle.sessions.state.peer_keys) == 2, rotate))
    chain = vehicle.enrolment.chain().extended(vehicle.sessions.state.peer_keys)
    vehicle.recipient = chain.boxes[0]
    add_visit(vehicle, b"sealed to the newest key")
    asyncio.run(vehicle.drive_until(lambda: not vehicle.outbound.open))
    assert {each.verdict for each in vehicle.outbound.receipts.values()} == {Verdict.APPLIED}
