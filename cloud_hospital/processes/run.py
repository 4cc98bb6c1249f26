"""`clinic hospital run`: broker, intake worker and web under one supervisor."""

import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import ConfigError
from cloud_hospital.broker.files import WRITERS
from cloud_hospital.broker.ports import Ports, ports_of
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.hospital import open_hospital
from cloud_hospital.processes.supervisor import Child, Supervisor, alone
from cloud_hospital.settings import BrokerKind, HospitalSettings, folder_of
from sync.durable import write_file

PORT_FREE_S: Final = 10.0
"""Longest wait for children of a supervisor that was killed; they end by themselves once it is gone."""


def run_hospital(directory: Path) -> None:
    """Run until SIGTERM or SIGINT; one line on stdout, and run/ready.json, say that all of it serves.

    Raises:
        ConfigError: it runs already, a port is taken, or mosquitto is asked for and not installed.
    """
    folder = folder_of(directory)
    with alone(folder):
        for stale in (_ready(folder), folder.run / "intake.ready"):  # a supervisor killed by signal 9 leaves them
            stale.unlink(missing_ok=True)
        with open_hospital(directory) as hospital:  # migrated once, before three processes start on it
            settings = hospital.settings
        _need_ports(folder, settings)
        try:
            _supervisor(folder, settings).run()
        finally:
            _ready(folder).unlink(missing_ok=True)


def _need_ports(folder: HospitalFolder, settings: HospitalSettings) -> None:
    wanted = [("web_port", settings.web_host, settings.web_port)]
    if settings.broker is not BrokerKind.EXTERNAL:
        wanted.append(("broker_port", settings.broker_host, settings.broker_port))
    deadline = time.monotonic() + PORT_FREE_S
    for field, host, port in wanted:
        while port and (why := _refusal(host, port)):
            if time.monotonic() > deadline:
                raise ConfigError(f"{folder.settings}: {field}: cannot listen on {host}:{port}: {why}")
            time.sleep(0.2)


def _refusal(host: str, port: int) -> str:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _ready(folder: HospitalFolder) -> Path:
    return folder.run / "ready.json"


def _supervisor(folder: HospitalFolder, settings: HospitalSettings) -> Supervisor:
    ports = ports_of(folder, settings)
    users = _Users(folder, settings, ports)
    children = [
        Child("worker", [sys.executable, "-m", "cloud_hospital.intake.worker", str(folder.root)]),
        Child("web", [sys.executable, "-m", "cloud_hospital.processes.web", str(folder.root)]),
    ]
    if users.command:
        children.insert(0, Child("broker", users.command))

    def is_ready() -> bool:
        return (folder.run / "intake.ready").exists() and _listens(ports.web_host, ports.web)

    def say_ready() -> None:
        web = f"http://{ports.web_host}:{ports.web}"
        write_file(_ready(folder), msgspec.json.encode(ports))
        print(f"ready: hospital {settings.id} web {web} broker {ports.broker_host}:{ports.broker}", flush=True)

    def say(line: str) -> None:
        print(f"clinic hospital: {line}", file=sys.stderr, flush=True)

    return Supervisor(folder, children, is_ready=is_ready, on_ready=say_ready, tick=users.follow, say=say)


class _Users:
    """Keeps the broker's password file in step with enrolments made while it runs."""

    def __init__(self, folder: HospitalFolder, settings: HospitalSettings, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports
        self._is_told = settings.broker is BrokerKind.MOSQUITTO  # the relay looks at its file by itself
        self._write = WRITERS.get(settings.broker)
        self.command = self._write(folder, ports) if self._write else []
        self._seen = self._stamp()

    def follow(self, pids: Mapping[str, int]) -> None:
        """Write the files again where users changed, and tell mosquitto."""
        stamp = self._stamp()
        if stamp == self._seen or self._write is None:
            return
        self._seen = stamp
        self._write(self._folder, self._ports)
        if self._is_told and "broker" in pids:
            os.kill(pids["broker"], signal.SIGHUP)

    def _stamp(self) -> int:
        path = self._folder.keys / "broker-users.json"
        return path.stat().st_mtime_ns if path.exists() else 0


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0
