"""Record -> wire file -> record: sign, seal, verify, open, all in streams.

Sealing reads its source twice (size, hash and the better codec first, then the bytes), so neither a large blob in
memory nor plaintext on the disk is needed, and the body's size is fixed before the first byte is encrypted.
"""

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import zstandard

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.record import Kind, Lane, Record
from sync.envelope import MAX_INNER, VERSION, Codec, Front, Header, Outer, binding, front_of, header_of, read_front
from sync.envelope import record_of as _record_of
from sync.keys import OriginKeys, RecipientKey, RecipientPrivate, Verifier
from sync.packing import unpack
from sync.stream import KEY_SIZE, SEGMENT, PlainReader, Sink, Source, seal_segments, sealed_size

ZSTD_LEVEL: Final = 3
"""zstd's own default: about 300 MB/s a core, and no window above 2 MiB."""
MAX_WINDOW: Final = 8 * 1024 * 1024
"""Bytes of zstd window a receiver grants (RFC 8878, section 3.1.1.1.2, recommends support of 8 MB)."""
MAX_IN_MEMORY: Final = 32 * 1024 * 1024
"""Bytes of payload that `open_wire` returns in memory; what is larger needs a file."""
MIN_GAIN: Final = 0.02
"""Part of the size zstd must save; below it the receiver's work is not worth it. Our choice."""

PayloadSource = bytes | Path | Callable[[], AbstractContextManager[Source]]
"""Bytes, a plain file, or a function that opens the payload anew each time (for example a blob sealed at rest)."""


@dataclass(frozen=True)
class WrappedKey:
    """A content key and itself wrapped to the recipient. Given from outside only where bytes must repeat: in tests."""

    key: bytes
    wrapped: bytes

    @classmethod
    def fresh(cls, recipient: RecipientKey, context: bytes) -> "WrappedKey":
        """A random key, bound to `context`."""
        key = secrets.token_bytes(KEY_SIZE)
        return cls(key, recipient.wrap(key, context))


@dataclass(frozen=True)
class Sealed:
    """A finished wire file: `data` where it was made in memory, else `path`, synced to the disk."""

    wire_sha256: str
    size: int
    lane: Lane
    data: bytes | None
    path: Path | None


@dataclass(frozen=True)
class Opened:
    """A verified and opened envelope: `payload` in memory, else `path` holds it (synced)."""

    outer: Outer
    header: Header
    payload: bytes | None
    path: Path | None

    def record(self) -> Record:
        """The Record; a blob's has an empty payload.

        Raises:
            RefusedInput: a kind this version does not know; the envelope is to be held.
        """
        return _record_of(self.outer, self.header, self.payload or b"")


def _open(source: PayloadSource) -> AbstractContextManager[Source]:
    if isinstance(source, bytes):
        return closing(io.BytesIO(source))
    if isinstance(source, Path):
        return source.open("rb")
    return source()


def _compressed(src: Source) -> Iterator[bytes]:
    packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    while piece := src.read(SEGMENT):
        if out := packer.compress(piece):
            yield out
    yield packer.flush()


@dataclass(frozen=True)
class _Survey:
    """What the first pass learned."""

    sha256: str
    size: int
    codec: Codec
    coded_size: int


class _Counting:
    """A Source that hashes and counts what passes."""

    def __init__(self, src: Source) -> None:
        self._src = src
        self.hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        piece = self._src.read(size)
        self.hash.update(piece)
        self.size += len(piece)
        return piece


def _survey(source: PayloadSource, codecs: tuple[Codec, ...]) -> _Survey:
    with _open(source) as src:
        counting = _Counting(src)
        packed_size = None
        if Codec.ZSTD in codecs:
            packed_size = sum(map(len, _compressed(counting)))
        else:
            while counting.read(SEGMENT):
                pass
    sha256 = counting.hash.hexdigest()
    if packed_size is not None and packed_size < counting.size * (1 - MIN_GAIN):
        return _Survey(sha256, counting.size, Codec.ZSTD, packed_size)
    return _Survey(sha256, counting.size, Codec.RAW, counting.size)


class _Joined:
    """A Source over pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _body_pieces(prefix: bytes, src: Source, codec: Codec) -> Iterator[bytes]:
    yield prefix
    if codec is Codec.ZSTD:
        yield from _compressed(src)
    else:
        while piece := src.read(SEGMENT):
            yield piece


def seal(
    record: Record,
    payload_source: PayloadSource | None = None,
    *,
    keys: OriginKeys,
    recipient: RecipientKey,
    created_ms: int,
    dst: Path | None = None,
    codecs: tuple[Codec, ...] = (Codec.ZSTD, Codec.RAW),
    must_understand: tuple[str, ...] = (),
    content_key: WrappedKey | None = None,
) -> Sealed:
    """Seal one record, or one blob, into a wire file.

    Args:
        record: for a blob: kind BLOB, `id` = the blob's SHA-256, empty payload.
        payload_source: where the payload is read from; `record.payload` where None. Read twice.
        keys: the origin's.
        recipient: who may open it.
        created_ms: milliseconds since 1970.
        dst: the file to write, synced on return (the caller renames it to its place and syncs the folder); in memory
            where None.
        codecs: those the recipient understands; RAW is always one of them.
        must_understand: names of header or payload features without which the record must be held.
        content_key: only for tests that need the same bytes again.

    Raises:
        RefusedInput: the payload is not the blob the record names, or changed between the two readings.
    """
    source = record.payload if payload_source is None else payload_source
    survey = _survey(source, codecs)
    if record.kind is Kind.BLOB and survey.sha256 != record.id:
        raise RefusedInput(f"blob {record.id}: its bytes have the hash {survey.sha256}; the stored file is damaged")
    inner = msgspec.msgpack.encode(header_of(record, survey.sha256, survey.size, survey.codec, must_understand))
    prefix = len(inner).to_bytes(4, "big") + inner
    body_size = sealed_size(len(prefix) + survey.coded_size)
    at = record.origin
    context = binding(at.vehicle, at.incarnation, at.seq, record.lane, recipient.key_id, body_size, created_ms)
    content_key = content_key or WrappedKey.fresh(recipient, context)

    def front(body_sha256: bytes) -> bytes:
        outer = Outer(
            v=VERSION,
            origin=at.vehicle,
            incarnation=at.incarnation,
            seq=at.seq,
            lane=record.lane,
            key_id=recipient.key_id,
            wrapped_key=content_key.wrapped,
            body_size=body_size,
            body_sha256=body_sha256,
            created_ms=created_ms,
        )
        return front_of(outer, keys)

    with dst.open("w+b") if dst else nullcontext(io.BytesIO()) as out, _open(source) as src:
        front_size = len(front(bytes(32)))
        out.seek(front_size)
        body_hash, written = hashlib.sha256(), 0
        for piece in seal_segments(_Joined(_body_pieces(prefix, src, survey.codec)), content_key.key, context):
            out.write(piece)
            body_hash.update(piece)
            written += len(piece)
        if written != body_size:
            raise RefusedInput(f"{record.kind} {record.id}: its payload changed while it was being sealed")
        out.seek(0)
        out.write(front(body_hash.digest()))
        out.seek(0)
        wire_sha256 = _hash_rest(out)
        if isinstance(out, io.BytesIO):
            return Sealed(wire_sha256, front_size + body_size, record.lane, out.getvalue(), None)
        out.flush()
        os.fsync(out.fileno())
    return Sealed(wire_sha256, front_size + body_size, record.lane, None, dst)


def _hash_rest(src: BinaryIO | io.BytesIO) -> str:
    digest = hashlib.sha256()
    while piece := src.read(16 * SEGMENT):
        digest.update(piece)
    return digest.hexdigest()


def _read_header(plain: PlainReader) -> Header:
    length = int.from_bytes(plain.read(4), "big")
    if not 0 < length <= MAX_INNER:
        raise BadFrame(f"wire file: inner header of {length} bytes; at most {MAX_INNER}")
    return unpack(plain.read(length), Header, "wire file: inner header")


def _copy_payload(plain: PlainReader, header: Header, dst: Sink) -> None:
    """Decode the payload into `dst`, never more than the header declares.

    Raises:
        BadFrame: it is not of the size and hash declared, or the codec's stream is damaged.
    """
    src: Source = plain
    if header.codec is Codec.ZSTD:
        unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
        src = unpacker.stream_reader(plain, read_across_frames=False)  # type: ignore[arg-type]  # it only calls read
    digest, size = hashlib.sha256(), 0
    try:
        while piece := src.read(SEGMENT):
            size += len(piece)
            if size > header.size:
                raise BadFrame(f"payload is longer than the {header.size} bytes declared")
            digest.update(piece)
            dst.write(piece)
    except zstandard.ZstdError as error:
        raise BadFrame(f"payload does not decompress: {error}") from error
    if size != header.size or digest.hexdigest() != header.sha256:
        raise BadFrame(f"payload has {size} bytes and not the declared {header.size}, or another hash than declared")


def open_wire(
    src: bytes | Path,
    *,
    origin: Verifier,
    recipients: Mapping[str, RecipientPrivate],
    dst: Path | None = None,
    max_size: int = MAX_IN_MEMORY,
) -> Opened:
    """Verify and open a wire file.

    Args:
        src: the file or its bytes.
        origin: the key of the origin its outer header names (see `peek`).
        recipients: our private keys by key id.
        dst: where the payload goes, synced on return; in memory where None. Nothing is left there on an error.
        max_size: payload bytes allowed.

    Raises:
        PeerRefused: not signed by `origin`.
        BadFrame: damaged, cut, or not what its headers declare.
        RefusedInput: well formed but not for this program: later version, unknown recipient key, too large; to be held.
    """
    try:
        with _open(src) as wire:
            return _open_wire(wire, origin, recipients, dst, max_size)
    except BaseException:
        if dst is not None:
            dst.unlink(missing_ok=True)
        raise


def _open_wire(
    wire: Source,
    origin: Verifier,
    recipients: Mapping[str, RecipientPrivate],
    dst: Path | None,
    max_size: int,
) -> Opened:
    front = read_front(wire)
    front.verify(origin)
    outer = front.outer
    private = recipients.get(outer.key_id)
    if private is None:
        raise RefusedInput(f"sealed to key {outer.key_id}, which is not here; find that key, then try again")
    body = _Counting(wire)
    plain = PlainReader(body, private.unwrap(outer.wrapped_key, outer.context), outer.context)
    header = _read_header(plain)
    if header.size > max_size:
        raise RefusedInput(f"payload of {header.size} bytes; at most {max_size} are taken here")
    with dst.open("wb") if dst else nullcontext(io.BytesIO()) as out:
        _copy_payload(plain, header, out)
        if plain.read(1):
            raise BadFrame("wire file: bytes behind the payload")
        if body.size != outer.body_size or body.hash.digest() != outer.body_sha256:
            raise BadFrame("wire file: its body is not the one that was signed")
        if isinstance(out, io.BytesIO):
            return Opened(outer, header, out.getvalue(), None)
        out.flush()
        os.fsync(out.fileno())
    return Opened(outer, header, None, dst)


def peek(src: bytes | Path) -> Front:
    """The unverified outer header, to find the origin's key by.

    Raises:
        BadFrame: not a wire file.
        RefusedInput: of a later version.
    """
    with _open(src) as wire:
        return read_front(wire)


def wire_hash(path: Path) -> str:
    """SHA-256 of a wire file, hex: the name of its transfer."""
    with path.open("rb") as src:
        return _hash_rest(src)
