"""A folder into which a device drops files: which of them are whole and new. Never follows a link (threats: file drop).

A file is whole when its size and time have not changed between two looks `SETTLED_S` apart, because a copy over USB
or the network grows while we look. What was taken is remembered by name (its hash: names speak of patients), size and
time, so a device's memory stick plugged in again delivers only what is new, also where its mount point stood empty
meanwhile; the device's files are never changed or deleted.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices.files import LARGEST

SETTLED_S: Final = 2.0
"""Seconds between two looks."""
DEEPEST: Final = 4
"""Folders below folders; devices use two."""
MOST_FILES: Final = 20_000
"""Files looked at, and files remembered that are not here; a stick with more is not a device's."""


def key_of(path: str) -> str:
    """What a path is remembered by."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


class Seen(NamedTuple):
    """What a look says of one file: bytes and modification time in nanoseconds."""

    size: int
    mtime_ns: int


class DropFolder:
    """One device's folder; sans-clock: the caller looks again after `SETTLED_S`."""

    def __init__(self, root: Path, taken: Mapping[str, Seen]) -> None:
        """`taken` is what earlier runs delivered, by `key_of` the path below `root`."""
        self._root = root
        self._before: dict[str, Seen] = {}
        self.taken: dict[str, Seen] = dict(taken)

    def look(self) -> list[str]:
        """Paths below the root that are whole and not taken, oldest first.

        Raises:
            DeviceUnavailable: the folder is not there, or holds too many files.
        """
        now = dict(self._files())
        ready = [
            path
            for path, seen in now.items()
            if self._before.get(path) == seen and self.taken.get(key_of(path)) != seen
        ]
        self._before = now
        if len(self.taken) > MOST_FILES:
            here = {key_of(path) for path in now}
            self.taken = {key: seen for key, seen in self.taken.items() if key in here}
        return sorted(ready, key=lambda path: (now[path].mtime_ns, path))

    def read(self, path: str) -> bytes:
        """The bytes of a file that `look` named.

        Raises:
            BadFrame: it is larger than a device's file; its first bytes are in `raw`.
            DeviceUnavailable: it is gone, or the medium does not read.
        """
        try:
            handle = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise DeviceUnavailable(f"{self._root / path}: {error.strerror}") from error
        if len(data) > LARGEST:
            raise BadFrame(f"more than {LARGEST} bytes: no file of such a device is as large", raw=data[:4096])
        return data

    def take(self, path: str) -> None:
        """It is durable elsewhere; until it changes it is not named again."""
        self.taken[key_of(path)] = self._before[path]

    def _files(self) -> Iterator[tuple[str, Seen]]:
        try:
            is_there = self._root.is_dir()
        except OSError as error:
            raise DeviceUnavailable(f"folder {self._root}: {error.strerror}") from error
        if not is_there:
            raise DeviceUnavailable(f"folder {self._root} is not there: is the stick or the share connected?")
        count = 0
        for folder, folders, names in os.walk(self._root):
            depth = len(Path(folder).relative_to(self._root).parts)
            folders[:] = sorted(name for name in folders if depth < DEEPEST and not name.startswith("."))
            for name in sorted(names):
                count += 1
                if count > MOST_FILES:
                    raise DeviceUnavailable(f"folder {self._root}: more than {MOST_FILES} files")
                path = Path(folder) / name
                found = _seen(path)
                if found is not None and found.size and not name.startswith("."):
                    yield str(path.relative_to(self._root)), found


def _seen(path: Path) -> Seen | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return Seen(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
