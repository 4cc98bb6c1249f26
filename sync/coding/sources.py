"""Payloads as something to read once or twice."""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Final

from sync.stream import SEGMENT, Source

PIECE: Final = 16 * SEGMENT
"""Bytes of a file looked at in one go. Reading, hashing, decompressing and writing let other threads in, and each time
the way back to the interpreter may take as long as its switch interval (5 ms): a worker does other things meanwhile."""

PayloadSource = bytes | Path | Callable[[], AbstractContextManager[Source]]
"""Bytes, a plain file, or a function that opens the payload anew each time (for example a blob sealed at rest)."""


def open_source(source: PayloadSource) -> AbstractContextManager[Source]:
    """A reader at the payload's begin."""
    if isinstance(source, bytes):
        return closing(io.BytesIO(source))
    if isinstance(source, Path):
        return source.open("rb")
    return source()


def read_all(src: Source, size: int) -> bytes:
    """`size` bytes, fewer only at the end."""
    parts = []
    while size > 0 and (piece := src.read(min(size, PIECE))):
        parts.append(piece)
        size -= len(piece)
    return b"".join(parts)


def pieces_of(src: Source, size: int = SEGMENT) -> Iterator[bytes]:
    """All of `src`, a segment or `size` bytes at a time."""
    while piece := src.read(size):
        yield piece


class Counting:
    """A Source that hashes and counts what passes."""

    def __init__(self, src: Source) -> None:
        self._src = src
        self.hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """As the source's."""
        piece = self._src.read(size)
        self.hash.update(piece)
        self.size += len(piece)
        return piece


class Ahead:
    """A Source that reads another one a PIECE at a time, whatever is asked of it."""

    def __init__(self, src: Source) -> None:
        self._src = src
        self._piece = b""
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """At most what is left of the piece; empty at the end."""
        if self._at == len(self._piece):
            self._piece, self._at = self._src.read(PIECE), 0
        taken = self._piece[self._at : self._at + size]
        self._at += len(taken)
        return taken


class Joined:
    """A Source over pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """At most one piece; empty at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


class Resumed:
    """A Source whose first bytes, `begin`, were read already."""

    def __init__(self, begin: bytes, src: Source) -> None:
        self._begin = memoryview(begin)
        self._src = src

    def read(self, size: int, /) -> bytes:
        """As the source's, from its begin."""
        if self._begin:
            taken, self._begin = self._begin[:size], self._begin[size:]
            return bytes(taken)
        return self._src.read(size)
