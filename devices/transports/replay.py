"""A recorded byte stream played as a wire."""

from io import BytesIO
from pathlib import Path

from clinic_records.errors import DeviceUnavailable
from devices.transports.base import READ_SIZE


class ReplayTransport:
    """The file's bytes in pieces, one read of silence, then the cut; what is written goes nowhere."""

    def __init__(self, path: str) -> None:
        try:
            self._file = BytesIO(Path(path).read_bytes())
        except OSError as error:
            raise DeviceUnavailable(f"replay:{path}: {error.strerror}") from error
        self._path = path
        self._is_over = False

    def read(self, timeout_s: float) -> bytes:
        """The next piece; it never waits."""
        del timeout_s
        if self._is_over:
            raise DeviceUnavailable(f"replay:{self._path}: the recording is over")
        data = self._file.read(READ_SIZE)
        self._is_over = not data
        return data

    def write(self, data: bytes) -> None:
        """Nobody listens."""
        del data

    def close(self) -> None:
        """End the recording."""
        self._is_over = True
