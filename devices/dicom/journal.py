"""A file of lines that outlives the process: what the node must still know after a restart.

It holds UIDs, accession numbers and states, never a patient: it is readable on the disk.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from clinic_records.errors import StoreError


class Journal:
    """Append-only lines; a last line that a power failure cut is dropped."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet; the folder is made at need."""
        self._path = path
        self._lock = threading.Lock()

    def lines(self) -> list[bytes]:
        """All whole lines, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self._path}: {error}") from error
        return data.split(b"\n")[:-1]

    def append(self, line: bytes, *, is_durable: bool) -> None:
        """Add a line; with `is_durable` it is on the disk when this returns.

        Raises:
            StoreError: the disk refused.
        """
        with self._lock:
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                try:
                    os.write(fd, line + b"\n")
                    if is_durable:
                        os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                raise StoreError(f"{self._path}: {error}") from error

    def rewrite(self, lines: Iterable[bytes]) -> None:
        """Replace it by `lines`, at once or not at all; this also removes a cut last line.

        Raises:
            StoreError: the disk refused.
        """
        fresh = self._path.with_suffix(".new")
        with self._lock:
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with fresh.open("wb") as file:
                    file.writelines(line + b"\n" for line in lines)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.rename(self._path)
                folder = os.open(self._path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
            except OSError as error:
                raise StoreError(f"{self._path}: {error}") from error
