"""Record -> wire file -> record: sign, seal, verify, open, all in streams.

The payload is coded before the first byte is encrypted (sync/coding), because the body's size is bound to its key; what
is coded lies in memory where it is small and is made twice where it is not, so no plaintext has to touch the disk.
"""

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.record import Kind, Lane, Record
from sync.coding.choose import Coded, Terms, code
from sync.coding.sources import PIECE, Ahead, Counting, Joined, PayloadSource, open_source, pieces_of
from sync.coding.table import HEAVY, codec_of, decoded
from sync.envelope import MAX_INNER, VERSION, Codec, Front, Header, Outer, binding, front_of, header_of, read_front
from sync.envelope import record_of as _record_of
from sync.keys import OriginKeys, RecipientKey, Unwraps, Verifier
from sync.packing import unpack
from sync.stream import KEY_SIZE, PlainReader, Sink, Source, seal_segments, sealed_size

MAX_IN_MEMORY: Final = 32 * 1024 * 1024
"""Bytes of payload that `open_wire` returns in memory; what is larger needs a file."""

PLAIN: Final = Terms()
"""What every version reads."""

HeavyDecoder = Callable[[Codec, Path, Path, int], None]
"""Decodes (codec, coded file, target file, size in bytes) in a limited child; raises as sync.coding.table.decoded."""


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


def _body_pieces(prefix: bytes, coded: Coded) -> Iterator[bytes]:
    yield prefix
    yield from coded.pieces()


def seal(
    record: Record,
    payload_source: PayloadSource | None = None,
    *,
    keys: OriginKeys,
    recipient: RecipientKey,
    created_ms: int,
    dst: Path | None = None,
    terms: Terms = PLAIN,
    must_understand: tuple[str, ...] = (),
    content_key: WrappedKey | None = None,
) -> Sealed:
    """Seal one record, or one blob, into a wire file.

    Args:
        record: for a blob: kind BLOB, `id` = the blob's SHA-256, empty payload.
        payload_source: where the payload is read from; `record.payload` where None. Read more than once.
        keys: the origin's.
        recipient: who may open it.
        created_ms: milliseconds since 1970.
        dst: the file to write, synced on return (the caller renames it to its place and syncs the folder); in memory
            where None.
        terms: what the recipient understands and how fast the link is; HEAVY codecs only in a child process.
        must_understand: names of header or payload features without which the record must be held.
        content_key: only for tests that need the same bytes again.

    Raises:
        RefusedInput: the payload is not the blob the record names, or changed between the two readings.
    """
    source = record.payload if payload_source is None else payload_source
    coded = code(source, terms)
    if record.kind is Kind.BLOB and coded.sha256 != record.id:
        raise RefusedInput(f"blob {record.id}: its bytes have the hash {coded.sha256}; the stored file is damaged")
    inner = msgspec.msgpack.encode(header_of(record, coded.sha256, coded.size, coded.codec, must_understand))
    prefix = len(inner).to_bytes(4, "big") + inner
    body_size = sealed_size(len(prefix) + coded.coded_size)
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

    with dst.open("w+b") if dst else nullcontext(io.BytesIO()) as out:
        front_size = len(front(bytes(32)))
        out.seek(front_size)
        body_hash, written = hashlib.sha256(), 0
        for piece in seal_segments(Joined(_body_pieces(prefix, coded)), content_key.key, context):
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
    while piece := src.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _read_header(plain: PlainReader) -> Header:
    length = int.from_bytes(plain.read(4), "big")
    if not 0 < length <= MAX_INNER:
        raise BadFrame(f"wire file: inner header of {length} bytes; at most {MAX_INNER}")
    return unpack(plain.read(length), Header, "wire file: inner header")


def _copy_payload(pieces: Iterator[bytes], header: Header, dst: Sink) -> None:
    """Write the payload to `dst`, never more than the header declares.

    Raises:
        BadFrame: it is not of the size and hash declared, or the codec's stream is damaged.
    """
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        size += len(piece)
        if size > header.size:
            raise BadFrame(f"payload is longer than the {header.size} bytes declared")
        digest.update(piece)
        dst.write(piece)
    if size != header.size or digest.hexdigest() != header.sha256:
        raise BadFrame(f"payload has {size} bytes and not the declared {header.size}, or another hash than declared")


def _decode_heavy(decode: HeavyDecoder, codec: Codec, path: Path, header: Header) -> None:
    """Replace the coded bytes in `path`, which are those that were signed, by the payload."""
    coded = path.with_name(f"{path.name}.coded")
    path.replace(coded)
    try:
        decode(codec, coded, path, header.size)
    finally:
        coded.unlink(missing_ok=True)
    with path.open("rb+") as out:
        _copy_payload(pieces_of(out, PIECE), header, _Nothing())
        os.fsync(out.fileno())


class _Nothing:
    """A Sink that keeps nothing."""

    def write(self, data: bytes, /) -> int:
        return len(data)


def open_wire(
    src: bytes | Path,
    *,
    origin: Verifier,
    recipients: Mapping[str, Unwraps],
    dst: Path | None = None,
    max_size: int = MAX_IN_MEMORY,
    heavy: HeavyDecoder | None = None,
) -> Opened:
    """Verify and open a wire file.

    Args:
        src: the file or its bytes.
        origin: the key of the origin its outer header names (see `peek`).
        recipients: our private keys by key id.
        dst: where the payload goes, synced on return; in memory where None. Nothing is left there on an error.
        max_size: payload bytes allowed.
        heavy: decodes codecs of sync.coding.table.HEAVY, which need `dst`; they are not taken where None.

    Raises:
        PeerRefused: not signed by `origin`.
        BadFrame: damaged, cut, or not what its headers declare.
        RefusedInput: well formed but not for this program: later version, codec or dictionary, unknown recipient key,
            too large; to be held.
    """
    try:
        with open_source(src) as wire:
            return _open_wire(wire, origin, recipients, dst, max_size, heavy)
    except BaseException:
        if dst is not None:
            dst.unlink(missing_ok=True)
        raise


def _open_wire(
    wire: Source,
    origin: Verifier,
    recipients: Mapping[str, Unwraps],
    dst: Path | None,
    max_size: int,
    heavy: HeavyDecoder | None,
) -> Opened:
    front = read_front(wire)
    front.verify(origin)
    outer = front.outer
    private = recipients.get(outer.key_id)
    if private is None:
        raise RefusedInput(f"sealed to key {outer.key_id}, which is not here; find that key, then try again")
    body = Counting(wire)
    plain = PlainReader(Ahead(body), private.unwrap(outer.wrapped_key, outer.context), outer.context)
    header = _read_header(plain)
    if header.size > max_size:
        raise RefusedInput(f"payload of {header.size} bytes; at most {max_size} are taken here")
    codec = codec_of(header.codec)
    if codec in HEAVY and (dst is None or heavy is None):
        raise RefusedInput(f"codec {codec} is decoded from a file, in a child process")
    with dst.open("wb") if dst else nullcontext(io.BytesIO()) as out:
        if codec in HEAVY:
            for piece in pieces_of(plain, PIECE):
                out.write(piece)
        else:
            _copy_payload(decoded(codec, plain, header.size), header, out)
        if plain.read(1):
            raise BadFrame("wire file: bytes behind the payload")
        if body.size != outer.body_size or body.hash.digest() != outer.body_sha256:
            raise BadFrame("wire file: its body is not the one that was signed")
        if isinstance(out, io.BytesIO):
            return Opened(outer, header, out.getvalue(), None)
        out.flush()
        os.fsync(out.fileno())
    if heavy is not None and dst is not None and codec in HEAVY:
        _decode_heavy(heavy, codec, dst, header)
    return Opened(outer, header, None, dst)


def peek(src: bytes | Path) -> Front:
    """The unverified outer header, to find the origin's key by.

    Raises:
        BadFrame: not a wire file.
        RefusedInput: of a later version.
    """
    with open_source(src) as wire:
        return read_front(wire)


def wire_hash(src: bytes | Path) -> str:
    """SHA-256 of a wire file, hex: the name of its transfer."""
    if isinstance(src, bytes):
        return sha256_hex(src)
    with src.open("rb") as stream:
        return _hash_rest(stream)
