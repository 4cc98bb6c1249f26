"""Chunked authenticated encryption of streams of any length: wire bodies, blobs at rest, the inbox.

Construction: STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) over AES-256-GCM (NIST SP 800-38D). The plaintext is cut into segments of 64 KiB;
each is sealed with the nonce `000000 | u64be index | last flag`, so a segment cut off, swapped, repeated or appended
does not open. A key seals one stream only: it must be random and fresh for each.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clinic_records.errors import BadFrame

SEGMENT: Final = 64 * 1024
"""Plaintext bytes a segment; our choice: memory stays small and the 16-byte tag costs 0.02 %."""
TAG: Final = 16
"""Bytes of the GCM tag (SP 800-38D, section 5.2.1.2: 128 bits)."""
KEY_SIZE: Final = 32


class Source(Protocol):
    """Anything with a blocking `read`; files, sockets' makefile and `PlainReader` are such."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end."""


class Sink(Protocol):
    """Anything bytes can be written to."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""


def sealed_size(plain_size: int) -> int:
    """Bytes of ciphertext for `plain_size` bytes of plaintext; an empty stream still has one segment."""
    segments = max(1, -(-plain_size // SEGMENT))
    return plain_size + segments * TAG


def _nonce(index: int, *, is_last: bool) -> bytes:
    return b"\0\0\0" + index.to_bytes(8, "big") + (b"\1" if is_last else b"\0")


def _read_exactly(src: Source, size: int) -> bytes:
    """`size` bytes, fewer only at the end; a `read` may return short before."""
    data = src.read(size)
    if len(data) == size or not data:
        return data
    parts = [data]
    missing = size - len(data)
    while missing:
        data = src.read(missing)
        if not data:
            break
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def _cut(src: Source, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """(index, bytes, whether it is the last) of `src` in pieces of `size`; at least one piece."""
    index, piece = 0, _read_exactly(src, size)
    while True:
        following = _read_exactly(src, size) if len(piece) == size else b""
        yield index, piece, not following
        if not following:
            return
        index, piece = index + 1, following


def seal_segments(src: Source, key: bytes, aad: bytes) -> Iterator[bytes]:
    """The sealed segments of `src`, each at most SEGMENT + TAG bytes."""
    cipher = AESGCM(key)
    for index, piece, is_last in _cut(src, SEGMENT):
        yield cipher.encrypt(_nonce(index, is_last=is_last), piece, aad)


def open_segments(src: Source, key: bytes, aad: bytes) -> Iterator[bytes]:
    """The verified plaintext segments of a sealed stream.

    What was yielded is authentic, but only the generator's end proves that it is all.

    Raises:
        BadFrame: a segment was changed, cut, swapped, repeated or added, or key or `aad` is another.
    """
    cipher = AESGCM(key)
    for index, piece, is_last in _cut(src, SEGMENT + TAG):
        try:
            yield cipher.decrypt(_nonce(index, is_last=is_last), piece, aad)
        except (InvalidTag, ValueError) as error:
            raise BadFrame(f"sealed stream: segment {index} of {len(piece)} bytes does not open") from error


def encrypt_stream(src: Source, dst: Sink, key: bytes, aad: bytes) -> int:
    """Seal all of `src` into `dst`; returns the bytes written. The caller syncs `dst`."""
    written = 0
    for piece in seal_segments(src, key, aad):
        dst.write(piece)
        written += len(piece)
    return written


class SealingWriter:
    """A stream sealed while it comes, for what cannot be read: `write` it, then `finish`."""

    def __init__(self, dst: Sink, key: bytes, aad: bytes) -> None:
        """Segments go to `dst` as they become full."""
        self._dst = dst
        self._cipher = AESGCM(key)
        self._aad = aad
        self._index = 0
        self._segment = bytearray(SEGMENT)
        self._filled = 0

    def write(self, data: bytes | memoryview, /) -> None:
        """Append `data`, which is not looked at afterwards."""
        view = memoryview(data)
        while view:
            if self._filled == SEGMENT:  # only now it is known not to be the last
                self._seal(is_last=False)
            taken = min(len(view), SEGMENT - self._filled)
            self._segment[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            view = view[taken:]

    def finish(self) -> None:
        """Seal the last segment; nothing may be written afterwards."""
        self._seal(is_last=True)

    def _seal(self, *, is_last: bool) -> None:
        plain = memoryview(self._segment)[: self._filled]
        self._dst.write(self._cipher.encrypt(_nonce(self._index, is_last=is_last), plain, self._aad))
        self._index += 1
        self._filled = 0


class PlainReader:
    """A sealed stream as something to `read` plaintext from, so that no plaintext has to touch the disk.

    `read` raises BadFrame like `open_segments`.
    """

    def __init__(self, src: Source, key: bytes, aad: bytes) -> None:
        self._segments = open_segments(src, key, aad)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """Exactly `size` bytes of plaintext, fewer only at the end; all that is left where `size` is negative."""
        parts: list[bytes] = []
        missing = size
        while size < 0 or missing > 0:
            if not self._rest:
                self._rest = next(self._segments, b"")
                if not self._rest:
                    break
            taken = self._rest if size < 0 else self._rest[:missing]
            self._rest = self._rest[len(taken) :]
            missing -= len(taken)
            parts.append(taken)
        return b"".join(parts)

    def close(self) -> None:
        """Forget the rest; the source stays the caller's to close."""
        self._segments.close()  # type: ignore[attr-defined]  # a generator, typed as the Iterator it is used as
        self._rest = b""
