"""What only an operator starts, with the agent stopped: new keys for the box, and a new stream after a restoration."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError
from sync.ports import SessionState
from vehicle_agent.settings import load_settings
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.spool import Spool


@contextmanager
def stopped(folder: VehicleFolder) -> Iterator[None]:
    """The folder for oneself.

    Raises:
        ConfigError: the agent runs.
    """
    with (folder.run / "agent.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{folder.root}: the agent is running; stop it first, then start it again") from None
        yield


def rotate_keys(root: Path) -> DeviceKeys:
    """New signing and sealing keys for this box, stated by the old ones; durable on return.

    Raises:
        ConfigError: the vehicle is not set up, or its agent runs.
    """
    folder = VehicleFolder(root)
    vehicle = load_settings(root).vehicle
    load_pinned(folder.hospital)  # before the enrolment nobody would follow
    with stopped(folder):
        return DeviceKeys.load(folder.device_key).rotated(folder.device_key, vehicle, SystemClock().now())


def rejoin(root: Path) -> SessionState:
    """After this box was restored from a backup: a stream of its own, granted by the hospital at the next greeting.

    Raises:
        ConfigError: the vehicle is not set up, or its agent runs.
        StoreError: the spool is not usable.
    """
    folder = VehicleFolder(root)
    load_settings(root)
    clock = SystemClock()
    with stopped(folder):
        keys = DeviceKeys.load(folder.device_key)
        spool = Spool(folder.spool, keys=keys, hospital=load_pinned(folder.hospital), clock=clock)
        try:
            if (known := spool.session.load().peer_time) is not None:
                clock.raise_floor(known)
            return spool.session.ask_to_rejoin(clock.now())
        finally:
            spool.close()
