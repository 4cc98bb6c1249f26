"""Transport: a wire to one device, blocking, used in a thread of its own."""

from typing import Protocol

READ_SIZE = 65_536
"""Most bytes one read returns."""


class Transport(Protocol):
    """An open wire."""

    def read(self, timeout_s: float) -> bytes:
        """What came, at most READ_SIZE bytes; b"" when nothing came within `timeout_s`.

        Raises:
            DeviceUnavailable: the wire is cut; open it again later.
        """

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            DeviceTimeout: the device takes nothing more.
            DeviceUnavailable: the wire is cut.
        """

    def close(self) -> None:
        """Let go of the wire; harmless when done twice."""
