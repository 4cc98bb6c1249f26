"""Bundles: sealed envelopes and receipts on a USB stick, where no network comes for days.

A bundle is one or more volumes, files `*.mcb`. Volume = `MCB1` | u32be head length | head (msgpack map) | entries.
Entry = u32be length | entry (msgpack array, its name first) | data. Envelopes lie in pieces with their own SHA-256, so
a torn volume gives all that lies before the tear, and a file larger than the stick's file system takes goes into
several volumes. Nothing here is secret and nothing is believed for who carries it: envelopes are signed by their
origin, receipts by their giver (sync rule 24).
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec

from clinic_records.errors import BadFrame, Hint, NotFound, StoreError
from clinic_records.record import Lane
from sync.durable import fsync_folder
from sync.frames import MAX_RECEIPTS, Count, Size, Token, WireHash
from sync.keys import Domain, OriginKeys, Verifier
from sync.packing import unpack
from sync.ports import Receipt

SUFFIX: Final = ".mcb"
MAGIC: Final = b"MCB1"
VERSION: Final = 1
PIECE: Final = 1024 * 1024
"""Bytes of an envelope in one entry."""
VOLUME: Final = 2**30
"""Bytes of one volume; FAT32, the usual file system of a stick, ends a file at 4 GiB."""
SPARE: Final = 256 * 1024
"""Bytes of the stick left free, so that the volume under way can always be ended in order."""
_MAX_ENTRY: Final = 512 * 1024

_FULL: Final = Hint("U 盘满了或写不进去。换一个再导。", "The stick is full or takes no writing. Use another one.")


class Head(msgspec.Struct, frozen=True):
    """What a volume says of itself: `made_by` is the vehicle or hospital that wrote it, `bundle` a random name."""

    v: int
    bundle: Token
    volume: Count
    made_by: Token
    made_ms: Count


class Piece(msgspec.Struct, frozen=True, array_like=True, tag="piece"):
    """Bytes of an envelope.

    `origin` made it; `to` is the vehicle it is for, empty for the hospital: both only say where to look, the envelope's
    own signature decides.
    """

    wire_sha256: WireHash
    size: Size
    lane: Lane
    origin: Token
    to: Token
    offset: Size
    length: Size
    sha256: WireHash


class Statement(msgspec.Struct, frozen=True, array_like=True, tag="statement"):
    """`CarriedReceipts` and their giver's signature."""

    body: bytes
    signature: bytes


class End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """The last entry of every whole volume; `is_last` of the last volume."""

    entries: Count
    is_last: bool


Entry = Piece | Statement | End


class CarriedReceipts(msgspec.Struct, frozen=True):
    """Receipts on their way back by stick: `by` gave them for envelopes of `to`, in its epoch (sync rule 3)."""

    by: Token
    to: Token
    epoch: Token
    receipts: tuple[Receipt, ...]


def sign_receipts(by: str, to: str, epoch: str, receipts: list[Receipt], keys: OriginKeys) -> list[Statement]:
    """Signed statements of at most MAX_RECEIPTS receipts each."""
    parts = [tuple(receipts[start : start + MAX_RECEIPTS]) for start in range(0, len(receipts), MAX_RECEIPTS)]
    bodies = [msgspec.msgpack.encode(CarriedReceipts(by, to, epoch, part)) for part in parts]
    return [Statement(body, keys.sign(Domain.BUNDLE, body)) for body in bodies]


def giver(statement: Statement) -> tuple[str, str]:
    """Who says to have given these receipts, and to whom; nothing of it is proved yet.

    Raises:
        BadFrame: no statement of ours.
    """
    said = unpack(statement.body, CarriedReceipts, "carried receipts")
    return said.by, said.to


def verify_receipts(statement: Statement, public: Verifier) -> CarriedReceipts:
    """The receipts, if `public` signed them.

    Raises:
        PeerRefused: another key did.
        BadFrame: signed, but no statement of ours.
    """
    public.verify(Domain.BUNDLE, statement.body, statement.signature)
    return unpack(statement.body, CarriedReceipts, "carried receipts")


class BundleWriter:
    """Writes volumes into a folder; each is durable and named only when it is whole.

    Attributes:
        volumes: the finished ones, in order.
        is_full: the stick has no room for the last piece asked for; what was written before is whole.
    """

    def __init__(self, folder: Path, made_by: str, made_ms: int, name: str, volume_limit: int = VOLUME) -> None:
        """`name` is random text that tells this bundle from others."""
        self.volumes: list[Path] = []
        self.is_full = False
        self._folder = folder
        self._made = (made_by, made_ms)
        self._name = name
        self._limit = volume_limit
        self._stream: BinaryIO | None = None
        self._temp = folder / f".{name}.partial"
        self._entries = 0

    def __enter__(self) -> Self:
        with _told(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish(is_last=True)
        finally:
            if self._stream is not None:
                with suppress(OSError):  # it was told already
                    self._stream.close()
                self._temp.unlink(missing_ok=True)

    def envelope(
        self, wire_sha256: str, size: int, lane: Lane, *, origin: str, to: str, read: Callable[[int, int], bytes]
    ) -> bool:
        """Write one envelope by pieces; False where the stick is full.

        Raises:
            NotFound: not all its bytes are here; what was written of it makes no envelope, and others may follow.
            StoreError: the stick refused.
        """
        for offset in range(0, size, PIECE):
            data = _read(read, wire_sha256, offset, min(PIECE, size - offset))
            piece = Piece(
                wire_sha256, size, lane, origin, to, offset, len(data), hashlib.sha256(data).hexdigest()
            )  # fmt: skip
            if not self._write(piece, data):
                return False
        return True

    def statement(self, statement: Statement) -> bool:
        """Write receipts; False where the stick is full."""
        return self._write(statement, b"")

    def _write(self, entry: Entry, data: bytes) -> bool:
        with _told(self._folder):
            found = os.statvfs(self._folder)
            if self.is_full or found.f_bavail * found.f_frsize < len(data) + SPARE:
                self.is_full = True
                return False
            stream = self._begin()
            _put(stream, entry)
            stream.write(data)
        self._entries += 1
        if stream.tell() >= self._limit:
            self._finish(is_last=False)
        return True

    def _begin(self) -> BinaryIO:
        if self._stream is None:
            with _told(self._folder):
                self._stream = self._temp.open("wb")
                head = msgspec.msgpack.encode(Head(VERSION, self._name, len(self.volumes) + 1, *self._made))
                self._stream.write(MAGIC + len(head).to_bytes(4, "big") + head)
            self._entries = 0
        return self._stream

    def _finish(self, *, is_last: bool) -> None:
        stream = self._begin()
        path = self._folder / f"{self._made[0]}-{self._name}-{len(self.volumes) + 1:03d}{SUFFIX}"
        with _told(self._folder):
            _put(stream, End(self._entries, is_last))
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            self._temp.rename(path)
            fsync_folder(self._folder)
        self._stream = None
        self.volumes.append(path)


class VolumeReader:
    """Reads one volume as far as it goes.

    Attributes:
        head: None where the file is no volume of ours.
        is_whole: its end was reached; otherwise it is torn, and what came before the tear was given.
        damaged: pieces whose bytes are not what their hash says; left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head: Head | None = None
        self.is_whole = False
        self.is_last = False
        self.damaged = 0

    def entries(self) -> Iterator[tuple[Piece, bytes] | tuple[Statement, bytes]]:
        """Everything in it that is whole, in order; the second half is a piece's bytes.

        Raises:
            StoreError: the stick cannot be read.
        """
        try:
            with self.path.open("rb") as stream:
                self.head = _read_head(stream)
                if self.head is not None:
                    yield from self._entries(stream)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot read: {error.strerror or error}") from error

    def _entries(self, stream: BinaryIO) -> Iterator[tuple[Piece, bytes] | tuple[Statement, bytes]]:
        while (entry := _read_entry(stream)) is not None:
            match entry:
                case End():
                    self.is_whole, self.is_last = True, entry.is_last
                    return
                case Piece():
                    if not 0 < entry.length <= PIECE or entry.offset + entry.length > entry.size:
                        return
                    data = stream.read(entry.length)
                    if len(data) != entry.length:
                        return
                    if hashlib.sha256(data).hexdigest() == entry.sha256:
                        yield entry, data
                    else:
                        self.damaged += 1
                case Statement():
                    yield entry, b""


def volumes_in(places: list[Path]) -> list[Path]:
    """The volumes among these files and in these folders, by name.

    Raises:
        StoreError: there is none.
    """
    found = [path for place in places for path in (sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place])]
    found = [path for path in found if path.is_file() and not path.name.startswith(".")]
    if not found:
        hint = Hint(f"这里没有导出的文件（*{SUFFIX}）。换一个文件夹。", f"There is no *{SUFFIX} file here.")
        raise StoreError(f"no bundle in {', '.join(map(str, places))}", hint=hint)
    return found


def _read(read: Callable[[int, int], bytes], wire_sha256: str, offset: int, size: int) -> bytes:
    try:
        data = read(offset, size)
    except OSError as error:
        raise NotFound(f"envelope {wire_sha256}: cannot read: {error.strerror or error}") from error
    if len(data) != size:
        raise NotFound(f"envelope {wire_sha256}: its file ends before byte {offset + size}")
    return data


def _put(stream: BinaryIO, entry: Entry) -> None:
    packed = msgspec.msgpack.encode(entry)
    stream.write(len(packed).to_bytes(4, "big") + packed)


def _read_head(stream: BinaryIO) -> Head | None:
    if stream.read(4) != MAGIC:
        return None
    try:
        return unpack(_sized(stream), Head, "bundle head")
    except BadFrame:
        return None


def _read_entry(stream: BinaryIO) -> Entry | None:
    """The next entry; None at a tear."""
    try:
        entry: Entry = unpack(_sized(stream), Entry, "bundle entry")  # type: ignore[arg-type]  # a union
    except BadFrame:
        return None
    return entry


def _sized(stream: BinaryIO) -> bytes:
    length = int.from_bytes(stream.read(4), "big")
    if not 0 < length <= _MAX_ENTRY:
        raise BadFrame(f"bundle: an entry of {length} bytes")
    data = stream.read(length)
    if len(data) != length:
        raise BadFrame("bundle: cut inside an entry")
    return data


class _told:  # noqa: N801  # reads as a word: with _told(folder)
    """Tells the stick's refusal as ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(f"{self._folder}: {error.strerror or error}", hint=_FULL) from error
