"""Files that are whole or absent after a power cut: temp file beside, write, fsync, rename, fsync folder."""

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from clinic_records.errors import Hint, StoreError

TEMP_SUFFIX: Final = ".tmp"
ROOM: Final = 64 * 1024 * 1024
"""Bytes of the disk that device data, studies and the downlink leave alone, so that the nurse can still log in, save
and finish when the rest is full (law 8): a busy day's records and their envelopes have some 20 MiB. Our choice."""

_FULL: Final = Hint(
    "车上磁盘快满了：设备数据暂时收不进来，请留在设备里；您的录入还能存。请找维护人员。",
    "The vehicle's disk is nearly full: device data cannot be taken, keep it in the device; what you enter is still"
    " saved. Call the maintainers.",
)


def require_room(folder: Path, size: int) -> None:
    """Ask before writing `size` bytes of what is large and can wait.

    Raises:
        StoreError: less than ROOM would be left.
    """
    found = os.statvfs(folder)
    left = found.f_bavail * found.f_frsize - size
    if left < ROOM:
        raise StoreError(f"{folder}: no room for {size} bytes: {ROOM} stay for the nurse, {left} would", hint=_FULL)


def fsync_folder(folder: Path) -> None:
    """Make the names inside `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderSync:
    """Makes the names inside one folder durable, for several threads at once.

    Who comes while one fsync runs shares the next with all who wait.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()  # held by the one that syncs
        self._counting = threading.Lock()
        self._asked = 0
        self._done = 0

    def sync(self) -> None:
        """All names given before the call are durable on return.

        Raises:
            OSError: the disk refused; then nobody may count on them.
        """
        with self._counting:
            self._asked += 1
            mine = self._asked
        with self._turn:
            if self._done >= mine:
                return
            with self._counting:
                covered = self._asked
            fsync_folder(self._folder)
            self._done = covered


@contextmanager
def temp_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in `folder` (mode 600) to write into and then hand to `publish`; gone if it was not.

    Raises:
        StoreError: the disk refused (full, read-only ...).
    """
    path = folder / f"{secrets.token_hex(8)}{TEMP_SUFFIX}"
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as handle:
            yield handle, path
    except OSError as error:
        raise StoreError(f"{folder}: cannot write: {error.strerror or error}") from error
    finally:
        path.unlink(missing_ok=True)


def publish(handle: BinaryIO, temp: Path, final: Path) -> None:
    """Give the temp file its name; durable on return."""
    handle.flush()
    os.fsync(handle.fileno())
    temp.rename(final)
    fsync_folder(final.parent)


def write_file(path: Path, data: bytes) -> None:
    """Replace `path` (mode 600) by `data`, durable on return.

    Raises:
        StoreError: the disk refused.
    """
    with temp_file(path.parent) as (handle, temp):
        handle.write(data)
        publish(handle, temp, path)


def lock_file(path: Path) -> ExitStack:
    """Hold `path` alone until the returned stack is closed; the system lets go when the process dies.

    Raises:
        StoreError: another program holds it.
    """
    stack = ExitStack()
    handle = stack.enter_context(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b"))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stack.close()
        raise StoreError(f"{path}: another program has this store open; stop it first") from error
    return stack


def sweep(folder: Path) -> int:
    """Remove what a crash left half written; returns how many. Only while nobody writes there."""
    left = list(folder.glob(f"*{TEMP_SUFFIX}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
