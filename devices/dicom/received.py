"""The file an object is written to while it arrives, in place of the one pynetdicom would make.

pynetdicom writes inside its state machine, where an error would end the connection and hold its place for ever. A
full disk or an object without end is therefore noted here, the rest of the object is let pass, and the device hears
"out of resources" for this object alone.
"""

import os
import uuid
from pathlib import Path
from typing import Any, Protocol


class Faults(Protocol):
    """Where what went wrong is noted."""

    def __setitem__(self, path: str, reason: str, /) -> None:
        """Note it under the file's path."""


class ReceivedFile:
    """Has what pynetdicom uses of a NamedTemporaryFile: `name`, `file`, `write` and `close`."""

    def __init__(self, folder: Path, limit: int, faults: Faults, **unused: Any) -> None:
        """A new file of a random name in `folder`; of at most `limit` bytes."""
        del unused  # pynetdicom asks for mode, suffix and no deletion: always so here
        self.name = str(folder / f"{uuid.uuid4().hex}.dcm")
        self.file = self
        self._room = limit
        self._limit = limit
        self._faults = faults
        self._is_broken = False
        try:
            self._fd = os.open(self.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self._fd = -1
            self._break(str(error))

    def write(self, data: bytes) -> int:
        """Append `data`, or let it pass once something went wrong."""
        self._room -= len(data)
        if self._room < 0:
            self._break(f"the object has more than {self._limit} bytes")
        if not self._is_broken:
            try:
                _write_all(self._fd, data)
            except OSError as error:
                self._break(str(error))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close; harmless when done twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _break(self, reason: str) -> None:
        if not self._is_broken:
            self._is_broken = True
            self._faults[self.name] = reason


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
