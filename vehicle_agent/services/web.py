"""The nurse's pages under uvicorn, inside the agent's event loop."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from clinic_records.errors import ConfigError


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the agent's."""
        yield


class WebServer:
    """Serves one application on a port taken at once, so that a second agent fails at start and not later."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        """Take the port.

        Raises:
            ConfigError: it is taken, or not this machine's.
        """
        try:
            self._socket = socket.create_server((host, port), backlog=128)
        except OSError as error:
            raise ConfigError(f"web: cannot listen on {host}:{port}: {error.strerror}") from error
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}/"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2, server_header=False
        )
        self._server = _Server(config)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """End; answers under way get two seconds. Event streams have no end: the pages' `close` goes before."""
        self._server.should_exit = True
