"""`clinic hospital run`: broker, intake workers and web under one supervisor."""

import socket
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError
from cloud_hospital.broker.follow import BrokerFollower
from cloud_hospital.broker.identity import hospital_broker
from cloud_hospital.broker.ports import ports_of
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.hospital import open_hospital
from cloud_hospital.intake.posts import own_posts
from cloud_hospital.premises import Premises
from cloud_hospital.processes.supervisor import Child, Supervisor, alone
from cloud_hospital.settings import BrokerKind, HospitalSettings, folder_of
from cloud_hospital.starts import begin_start
from sync.durable import write_file

PORT_FREE_S: Final = 10.0
"""Longest wait for children of a supervisor that was killed; they end by themselves once it is gone."""


def run_hospital(directory: Path) -> None:
    """Run until SIGTERM or SIGINT; one line on stdout, and run/ready.json, say that all of it serves.

    Raises:
        ConfigError: it runs already, a port is taken, mosquitto is asked for and not installed, or several workers are
            asked for with the embedded broker.
    """
    folder = folder_of(directory)
    with alone(folder):
        for stale in (_ready(folder), *folder.run.glob("*.ready")):  # a supervisor killed by signal 9 leaves them
            stale.unlink(missing_ok=True)
        begin_start(folder)
        with open_hospital(directory) as hospital:  # migrated once, before several processes start on it
            settings = hospital.settings
            for post in own_posts(settings):  # one after another: users of the broker are one file
                hospital_broker(hospital, post.user)
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
    broker = BrokerFollower(Premises(folder, settings, SystemClock()), _say)
    posts = own_posts(settings)
    worker = [sys.executable, "-m", "cloud_hospital.intake.worker", str(folder.root)]
    children = [
        *(Child(post.name, [*worker, post.name]) for post in posts),
        Child("web", [sys.executable, "-m", "cloud_hospital.processes.web", str(folder.root)]),
    ]
    if broker.command:
        children.insert(0, Child("broker", broker.command))

    def is_ready() -> bool:
        is_heard = all((folder.run / f"{post.name}.ready").exists() for post in posts)
        return is_heard and _listens(ports.web_host, ports.web)

    def say_ready() -> None:
        web = f"http://{ports.web_host}:{ports.web}"
        write_file(_ready(folder), msgspec.json.encode(ports))
        print(f"ready: hospital {settings.id} web {web} broker {ports.broker_host}:{ports.broker}", flush=True)

    return Supervisor(folder, children, is_ready=is_ready, on_ready=say_ready, tick=broker.look, say=_say)


def _say(line: str) -> None:
    print(f"clinic hospital: {line}", file=sys.stderr, flush=True)


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0
