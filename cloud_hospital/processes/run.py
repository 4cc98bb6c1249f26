"""`clinic hospital run`: broker, intake worker and web under one supervisor."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import ConfigError
from cloud_hospital.broker.mosquitto import write_mosquitto_files
from cloud_hospital.broker.ports import Ports, ports_of
from cloud_hospital.broker.relay import write_relay_files
from cloud_hospital.durable import write_file
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.hospital import open_hospital
from cloud_hospital.processes.supervisor import Child, Supervisor
from cloud_hospital.settings import BrokerKind, HospitalSettings
from sync.relay_config import relay_command

_FILES: Final[Mapping[BrokerKind, Callable[[HospitalFolder, Ports], Path]]] = {
    BrokerKind.EMBEDDED: write_relay_files,
    BrokerKind.MOSQUITTO: write_mosquitto_files,
}


def run_hospital(directory: Path) -> None:
    """Run until SIGTERM or SIGINT; one line on stdout, and run/ready.json, say that all of it serves.

    Raises:
        ConfigError: it runs already, or mosquitto is asked for and not installed.
    """
    with open_hospital(directory) as hospital:  # migrated once, before three processes start on it
        folder, settings = hospital.folder, hospital.settings
        ports = ports_of(folder, settings)
    (folder.run / "intake.ready").unlink(missing_ok=True)
    ready = folder.run / "ready.json"
    ready.unlink(missing_ok=True)
    users = _Users(folder, settings, ports)
    children = [
        Child("worker", [sys.executable, "-m", "cloud_hospital.intake.worker", str(folder.root)]),
        Child("web", [sys.executable, "-m", "cloud_hospital.processes.web", str(folder.root)]),
    ]
    if settings.broker is not BrokerKind.EXTERNAL:
        children.insert(0, Child("broker", _broker_command(settings.broker, users.config)))

    def is_ready() -> bool:
        return (folder.run / "intake.ready").exists() and _listens(ports.web_host, ports.web)

    def say_ready() -> None:
        web = f"http://{ports.web_host}:{ports.web}"
        write_file(ready, msgspec.json.encode(ports))
        print(f"ready: hospital {settings.id} web {web} broker {ports.broker_host}:{ports.broker}", flush=True)

    def say(line: str) -> None:
        print(f"clinic hospital: {line}", file=sys.stderr, flush=True)

    Supervisor(folder, children, is_ready=is_ready, on_ready=say_ready, tick=users.follow, say=say).run()
    ready.unlink(missing_ok=True)


class _Users:
    """Keeps the broker's password file in step with enrolments made while it runs."""

    def __init__(self, folder: HospitalFolder, settings: HospitalSettings, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports
        self._is_told = settings.broker is BrokerKind.MOSQUITTO  # the relay looks at its file by itself
        self._write = _FILES.get(settings.broker)
        self.config = self._write(folder, ports) if self._write else Path()
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


def _broker_command(kind: BrokerKind, config: Path) -> list[str]:
    if kind is BrokerKind.EMBEDDED:
        return relay_command(config)
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ConfigError("broker = mosquitto, but it is not installed; install it, or set broker = embedded")
    return [program, "-c", str(config)]


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0
