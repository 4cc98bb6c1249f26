"""A device, or a serial server in front of one, on a TCP socket."""

import select
import socket
from typing import Final

from clinic_records.errors import ConfigError, DeviceTimeout, DeviceUnavailable
from devices.transports.base import READ_SIZE

CONNECT_S: Final = 5.0
WRITE_S: Final = 10.0


class TcpTransport:
    """A connected socket."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._sock = sock
        self._name = name

    def read(self, timeout_s: float) -> bytes:
        """What came; see Transport."""
        try:
            if not select.select([self._sock], [], [], timeout_s)[0]:
                return b""
            data = self._sock.recv(READ_SIZE)
        except (OSError, ValueError) as error:
            raise DeviceUnavailable(f"{self._name}: {error}") from error
        if not data:
            raise DeviceUnavailable(f"{self._name}: the device closed the connection")
        return data

    def write(self, data: bytes) -> None:
        """Send; see Transport."""
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise DeviceTimeout(f"{self._name}: took nothing for {WRITE_S} s") from error
        except OSError as error:
            raise DeviceUnavailable(f"{self._name}: {error}") from error

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def tcp_address(rest: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises ConfigError: it is not that."""
    host, _, port = rest.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError(f"transport tcp:{rest}: write tcp:host:port with a port from 1 to 65535")
    return host.strip("[]"), int(port)


def open_tcp(rest: str) -> TcpTransport:
    """Connect to `host:port`.

    Raises:
        ConfigError: it is not host:port.
        DeviceUnavailable: nobody answers there.
    """
    address = tcp_address(rest)
    try:
        sock = socket.create_connection(address, timeout=CONNECT_S)
    except OSError as error:
        raise DeviceUnavailable(f"tcp:{rest}: {error}") from error
    sock.settimeout(WRITE_S)
    return TcpTransport(sock, f"tcp:{rest}")
