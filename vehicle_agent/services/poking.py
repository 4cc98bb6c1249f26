"""Tells the agent that something came, without making the device wait for it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from clinic_records.errors import ClinicError
from vehicle_agent.control import ask

ASK_S: Final = 3.0
_log = structlog.get_logger(__name__)


class Poking:
    """A thread that pokes the agent; many deliveries at once are one poke. The agent also looks by itself."""

    def __init__(self, agent_socket: Path, *, poke: Callable[[Path], None] | None = None) -> None:
        """Nothing runs yet; `poke` is what a test puts in place of the control socket."""
        self._socket = agent_socket
        self._poke = poke or _ask
        self._came = threading.Event()

    def start(self) -> None:
        """Begin; it ends with the process."""
        threading.Thread(target=self._run, name="poking", daemon=True).start()

    def came(self) -> None:
        """Something is in the inbox; from any thread, returns at once."""
        self._came.set()

    def _run(self) -> None:
        while True:
            self._came.wait()
            self._came.clear()
            try:
                self._poke(self._socket)
            except ClinicError as error:
                _log.info("listener.no_agent", error=str(error))


def _ask(agent_socket: Path) -> None:
    ask(agent_socket, "poke", timeout_s=ASK_S)
