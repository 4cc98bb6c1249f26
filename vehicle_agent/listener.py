"""`python -m vehicle_agent.listener DIR AGENT_PID`: all ports that devices call, in a process of their own.

It needs nobody logged in and no agent answering: what a device sends goes sealed into the inbox, durable, and only
then the device is told yes. The worklist is asked of the agent over the control socket; it is empty while that is
locked or away. One line on stdout says the DICOM port, 0 where no device needs one.
"""

import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog

from clinic_records.clock import SystemClock
from clinic_records.errors import ClinicError, DeviceUnavailable, StoreError
from devices.delivery import Delivery
from devices.dicom.node import DicomNode
from devices.dicom.provided import Provided
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from vehicle_agent.control import ask_raw
from vehicle_agent.logs import log_to_stderr
from vehicle_agent.parent import die_with
from vehicle_agent.services.called import tell_closed
from vehicle_agent.services.line_port import line_ports
from vehicle_agent.services.poking import Poking
from vehicle_agent.settings import DicomSettings as DicomPort
from vehicle_agent.settings import load_settings
from vehicle_agent.store.arrival import SealedArrival
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.visits.roster import Roster

AGAIN_S: Final = 2.0
"""Between two tries to take a port that another program holds."""
ASK_S: Final = 3.0
"""Longest wait for the agent; a modality gives up on its worklist after some ten seconds."""

_log = structlog.get_logger(__name__)


class Reception:
    """What the ports ask of us: today's worklist, and a safe place for what comes.

    Attributes:
        inbox: the sealed inbox.
        came: tells the agent that something is in it.
    """

    def __init__(self, folder: VehicleFolder) -> None:
        self._socket = folder.agent_socket
        self.inbox = Inbox(folder.inbox, folder.vault_public.read_bytes())
        self.inbox.sweep_arriving()
        self._poking = Poking(folder.agent_socket)
        self.came = self._poking.came
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
        return ObjectArrival(self.inbox.begin(), self._poking)


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
    roster = list(Roster(settings.devices))
    lines = line_ports(roster, reception.inbox, SystemClock(), delivered=reception.came)
    peers = [Peer(device.ae_title, device.id, device.address, device.port) for device in roster if device.ae_title]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with ExitStack() as stack:
        starts: dict[str, Callable[[], object]] = {}
        for line in lines:
            stack.callback(line.stop)
            starts[line.url] = line.start
        node = _node(folder, settings.dicom, peers, reception, stack) if peers else None
        starts["dicom"] = partial(_start_node, node)
        start_all(starts, stop, partial(tell_closed, folder))
        stop.wait()


def _node(
    folder: VehicleFolder, dicom: DicomPort, peers: Sequence[Peer], reception: Reception, stack: ExitStack
) -> DicomNode:
    """The DICOM node with all its services; `stack` stops them."""
    provided = Provided(folder.dicom, dicom.ae_title, peers, reception.begin)
    settings = DicomSettings(peers=tuple(peers), ae_title=dicom.ae_title, host=dicom.host, port=dicom.port)
    node = DicomNode(settings, reception.worklist, provided.begin, services=provided.services)
    provided.start()
    stack.callback(provided.stop)
    stack.callback(node.stop)
    return node


def _start_node(node: DicomNode | None) -> None:
    """Listen, and tell the agent that we are ready."""
    port = node.start() if node is not None else 0
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def start_all(
    starts: Mapping[str, Callable[[], object]], stop: threading.Event, tell: Callable[[list[str]], None]
) -> None:
    """Start each, again and again where its port is taken: one device's trouble keeps no other waiting.

    `tell` is given the ports that are still closed, after each round.
    """
    while starts and not stop.is_set():
        starts = {url: start for url, start in starts.items() if not _is_started(start)}
        try:
            tell(list(starts))
        except StoreError as error:
            _log.error("listener.not_told", error=str(error))
        if starts:
            stop.wait(AGAIN_S)


def _is_started(start: Callable[[], object]) -> bool:
    try:
        start()
    except DeviceUnavailable as error:
        _log.error("listener.port", error=str(error))
        return False
    return True


def main() -> None:
    """Start below the agent and end with it."""
    die_with(int(sys.argv[2]))
    log_to_stderr()
    run(VehicleFolder(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
