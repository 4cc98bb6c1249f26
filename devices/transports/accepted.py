"""A device that called us: its socket, with what it said while it stood before the gate."""

from typing import Final

from clinic_records.errors import ConfigError
from devices.transports.gate import Caller
from devices.transports.tcp import WRITE_S, TcpTransport

SCHEME: Final = "listen:"


class AcceptedTransport(TcpTransport):
    """The connection of one caller."""

    def __init__(self, caller: Caller) -> None:
        """The gate closes the socket."""
        super().__init__(caller.wire, f"{SCHEME}{caller.address}:{caller.port}")
        caller.wire.settimeout(WRITE_S)
        self._first = caller.first
        self._spoke = caller.spoke

    def read(self, timeout_s: float) -> bytes:
        """What came; see Transport."""
        if self._first:
            first, self._first = self._first, b""
            return first
        data = super().read(timeout_s)
        if data:
            self._spoke()
        return data


def listen_address(url: str) -> tuple[str, int]:
    """Host and port of `listen:host:port`.

    Raises:
        ConfigError: it is not of this form.
    """
    host, _, port = url.removeprefix(SCHEME).rpartition(":")
    if not url.startswith(SCHEME) or not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"transport {url!r}: write listen:0.0.0.0:port")
    return host.strip("[]"), int(port)
