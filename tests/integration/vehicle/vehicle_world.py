"""A real vehicle in a folder: enrolled with a hospital that cannot be reached, its agent an own process."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinic_records.people import Role
from devices.simulators.ecg_scp import EcgScpSimulator
from devices.simulators.spirometer import SpirometerSimulator
from sync.enrolment import Enrolment, decode_request, encode, sign
from sync.keys import OriginKeys, RecipientPrivate
from vehicle_agent.control import ask
from vehicle_agent.setup import complete, request_enrolment

PIN = "2468"
STAFF = "n001"
START_S = 60.0
"""Bound on waiting, never an expectation: the machine may be busy with other tests."""


@dataclass
class Hospital:
    """Keys of a hospital nobody answers for."""

    sign: OriginKeys = field(default_factory=OriginKeys.generate)
    private: RecipientPrivate = field(default_factory=RecipientPrivate.generate)

    def enrol(self, request: Path, answer: Path) -> None:
        asked = decode_request(request.read_bytes())
        granted = Enrolment(
            vehicle=asked.vehicle,
            vehicle_sign_public=asked.sign_public,
            hospital_id="H1",
            hospital_name="县医院",
            sign_public=self.sign.public.raw,
            hpke_public=self.private.public.raw,
            key_id=self.private.key_id,
            broker_host="127.0.0.1",
            broker_port=9,  # discard: nobody listens
            username=asked.vehicle,
            password="secret",
            incarnation=1,
            session_token="token",
        )
        answer.write_bytes(encode(sign(granted, self.sign)))


def make_vehicle(root: Path, devices: str) -> None:
    """Both steps of `clinic vehicle init`, then the devices in its settings."""
    request = request_enrolment(root, "V01")
    answer = root.parent / "enrolment.json"
    Hospital().enrol(request, answer)
    complete(root, answer, staff=STAFF, name="张护士", role=Role.NURSE, pin=PIN)
    settings = 'vehicle = "V01"\n[web]\nport = 0\n[dicom]\nport = 0\n' + devices
    (root / "vehicle.toml").write_text(settings, "utf-8")


@dataclass
class Vehicle:
    """The agent's process over a folder, and its control socket."""

    root: Path
    process: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)

    def start(self, *options: str, pin: str = "") -> None:
        with (self.root.parent / "agent.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from cli import main; main()", "vehicle", "run", str(self.root), *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{pin}\n")
        self.process.stdin.close()
        if not select.select([self.process.stdout], [], [], START_S)[0]:
            raise AssertionError(self.log())
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.log())
        self.ready = json.loads(line)

    def log(self) -> str:
        path = self.root.parent / "agent.log"
        return path.read_text("utf-8")[-8000:] if path.exists() else ""

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(START_S)
        self._close()

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(START_S)
        self._close()
        return code

    def _close(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def do(self, command: str, /, **args: Any) -> Any:
        return ask(self.root / "run" / "agent.sock", command, args, timeout_s=START_S)

    def act(self, command: str, /, **args: Any) -> Any:
        return self.do(command, staff=STAFF, **args)

    def login(self) -> None:
        self.do("login", staff=STAFF, pin=PIN)


@dataclass
class Clinic:
    """The vehicle and what is plugged into it."""

    vehicle: Vehicle
    ecg: EcgScpSimulator
    spirometer: SpirometerSimulator


def wait_until(is_so: Callable[[], Any], limit_s: float = START_S) -> Any:
    """Its first true value; fails after the bound."""
    deadline = time.monotonic() + limit_s
    while not (found := is_so()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found
