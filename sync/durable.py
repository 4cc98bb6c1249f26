"""Files that are on the disk when the call returns (law 1): temp file, fsync, rename, fsync the folder."""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`, whole or not at all, durable on return."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(temp, data, mode)
        temp.replace(path)
    except OSError:
        temp.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def open_or_make(path: Path, flags: int, mode: int = 0o600) -> int:
    """A handle of the file, which is made where there is none.

    What root makes belongs to whom the folder belongs: a command run as root must not shut the service out of its own
    files. Only a file made here is given away; through a name that somebody else put there it could be any file.
    """
    if os.geteuid() == 0:
        try:
            handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            return os.open(path, flags | os.O_CREAT, mode)
        owner = path.parent.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
        return handle
    return os.open(path, flags | os.O_CREAT, mode)


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, where there is none; its name is durable on return. Root gives it away too."""
    if path.is_dir():
        return
    path.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.lchown(path, owner.st_uid, owner.st_gid)
    fsync_folder(path.parent)


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file nobody reads yet; its bytes, not yet its name, are durable on return."""
    handle = open_or_make(path, os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_part(path: Path, offset: int, data: bytes) -> None:
    """Write `data` at `offset` of a file that grows by parts (mode 600), durable on return."""
    write_parts(path, [(offset, data)])


def write_parts(path: Path, parts: Iterable[tuple[int, bytes]]) -> None:
    """As `write_part`, for several (offset, data) with one wait for the disk."""
    is_new = not path.exists()
    handle = open_or_make(path, os.O_WRONLY)
    try:
        for offset, data in parts:
            left = memoryview(data)
            while left:  # a nearly full disk takes less than asked, without an error
                left = left[os.pwrite(handle, left, offset + len(data) - len(left)) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        fsync_folder(path.parent)


def move_file(source: Path, target: Path) -> None:
    """Rename `source` (already fsynced) to `target`, durable on return; both lie on one file system."""
    source.replace(target)
    fsync_folder(target.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the threads and processes that lock this empty file; it ends with whoever is killed."""
    handle = open_or_make(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def whole_lines(data: bytes) -> bytes:
    """An append-only file without the beginning of a line that a power cut or a full disk left at its end."""
    return data[: data.rfind(b"\n") + 1]


def append_line(path: Path, line: bytes) -> None:
    """Append one line to an append-only file, durable on return; processes that do so at once wait for each other.

    What a power cut or a full disk left of a line that was never acknowledged goes first: behind it, the next line
    would be none either.
    """
    is_new = not path.exists()
    handle = open_or_make(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        end = len(whole_lines(path.read_bytes()))
        os.ftruncate(handle, end)
        left = memoryview(line + b"\n")
        while left:
            left = left[os.pwrite(handle, left, end + len(line) + 1 - len(left)) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        fsync_folder(path.parent)
