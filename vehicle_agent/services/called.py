"""How a device that calls us is: by the listener's process, and by the ports it could not take (law 7).

The process says which ports those are in a file, because nobody may have to answer it before it can listen.
"""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from vehicle_agent.store.durable import write_file
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.visits.roster import FAULT, IDLE, Device, DeviceState

LISTENER_DOWN: Final = DeviceState(
    FAULT, "接收程序没有运行，端口可能被占用", "The listener is not running; a port may be taken"
)
PORT_CLOSED: Final = DeviceState(
    FAULT,
    "端口打不开：被别的程序占用，或地址不是本机的",
    "Its port does not open: another program has it, or the address is not this computer's",
)
_FILE: Final = "closed-ports.json"


def tell_closed(folder: VehicleFolder, urls: Iterable[str]) -> None:
    """These ports do not open just now. Raises StoreError: the disk refused."""
    write_file(folder.run / _FILE, msgspec.json.encode(sorted(urls)))


def closed_ports(folder: VehicleFolder) -> frozenset[str]:
    """What was told last; nothing where nobody told."""
    try:
        return frozenset(msgspec.json.decode((folder.run / _FILE).read_bytes(), type=list[str]))
    except (FileNotFoundError, msgspec.MsgspecError):
        return frozenset()


def state_of(device: Device, *, is_running: bool, closed: Collection[str]) -> DeviceState:
    """How a device that calls us is."""
    if not is_running:
        return LISTENER_DOWN
    return PORT_CLOSED if device.url in closed else DeviceState(IDLE)
