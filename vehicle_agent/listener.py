"""`python -m vehicle_agent.listener DIR AGENT_PID`: the DICOM node in its own process.

It needs nobody logged in and no agent answering: what a device stores goes sealed into the inbox, durable, and only
then the device is told yes. The worklist is asked of the agent over the control socket; it is empty while that is
locked or away. One line on stdout says the port.
"""

import signal
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec
import structlog

from clinic_records.errors import ClinicError
from devices.delivery import Delivery
from devices.dicom.node import DicomNode
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from vehicle_agent.control import ask_raw
from vehicle_agent.logs import log_to_stderr
from vehicle_agent.parent import die_with
from vehicle_agent.services.poking import Poking
from vehicle_agent.settings import load_settings
from vehicle_agent.store.arrival import SealedArrival
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import Roster

ASK_S: Final = 3.0
"""Longest wait for the agent; a modality gives up on its worklist after some ten seconds."""

_log = structlog.get_logger(__name__)


class Reception:
    """What the node asks of us: today's worklist, and a safe place for what comes."""

    def __init__(self, folder: VehicleFolder) -> None:
        self._socket = folder.agent_socket
        self._inbox = Inbox(folder.inbox, folder.vault_public.read_bytes())
        self._inbox.sweep_arriving()
        self._poking = Poking(folder.agent_socket)
        self._poking.start()

    def worklist(self) -> list[WorklistItem]:
        """The open orders; none while the agent is locked or away."""
        try:
            return msgspec.json.decode(ask_raw(self._socket, "worklist", timeout_s=ASK_S), type=list[WorklistItem])
        except ClinicError as error:
            _log.warning("listener.no_worklist", error=str(error))
            return []

    def begin(self) -> "ObjectArrival":
        """A durable place for an object that begins to come."""
        return ObjectArrival(self._inbox.begin(), self._poking)


class ObjectArrival:
    """An object on its way into the inbox; see devices.dicom.received.Arrival."""

    def __init__(self, sealed: SealedArrival, poking: Poking) -> None:
        self._sealed = sealed
        self._poking = poking

    def write(self, data: bytes | memoryview, /) -> None:
        """Append."""
        self._sealed.write(data)

    def keep(self, delivery: Delivery, /) -> None:
        """Make it durable, then tell the agent."""
        self._sealed.keep(msgspec.json.encode(delivery))
        self._poking.came()

    def drop(self) -> None:
        """Forget it."""
        self._sealed.drop()


def run(folder: VehicleFolder) -> None:
    """Listen until told to stop."""
    settings = load_settings(folder.root)
    reception = Reception(folder)
    callers = [device for device in Roster(settings.devices) if device.ae_title]
    peers = tuple(Peer(device.ae_title, device.id, device.address) for device in callers)
    node = DicomNode(
        DicomSettings(
            peers=peers,
            ae_title=settings.dicom.ae_title,
            host=settings.dicom.host,
            port=settings.dicom.port,
        ),
        reception.worklist,
        reception.begin,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    port = node.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stop.wait()
    node.stop()


def main() -> None:
    """Start below the agent and end with it."""
    die_with(int(sys.argv[2]))
    log_to_stderr()
    run(VehicleFolder(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
