"""The two headers of a wire file and how they lie in its bytes.

Wire file = `MCE1` | u32be outer length | outer header (msgpack map) | Ed25519 signature, 64 bytes, by the origin over
everything before it | body. Body = chunked AEAD (sync/stream.py) of u32be inner length | inner header (msgpack map) |
payload in its codec. A carrier reads the outer header; only the recipient sees what the thing is. Maps may gain
fields; a reader ignores those it does not know unless the inner `must_understand` names them (sync rule 15).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from clinic_records.clock import Origin, from_ms, to_ms
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane, Record
from sync.keys import SIGNATURE_SIZE, Domain, OriginKeys, Verifier
from sync.packing import unpack
from sync.stream import Source

MAGIC: Final = b"MCE1"
VERSION: Final = 1
MAX_OUTER: Final = 4096
"""Bytes; ours is about 300, the rest is room for fields to come."""
MAX_INNER: Final = 256 * 1024
"""Bytes; room for the hashes of about 3,500 blobs in one record."""


class Codec(StrEnum):
    """How the payload is written in the body; a number at the end is the version of our own coder."""

    RAW = "raw"
    ZSTD = "zstd"
    DICTIONARY = "zstd-dict"
    SAMPLES = "samples-1"
    IMAGE = "image-1"


class Outer(msgspec.Struct, frozen=True):
    """What carriers may read: no personal data and no hash of the content.

    Attributes:
        v: version of this format.
        origin, incarnation, seq: the order key of the record inside.
        key_id, wrapped_key: the recipient's key and the body's content key wrapped to it.
        body_size, body_sha256: of the body as it lies in the file; the hash as 32 bytes.
        created_ms: when it was sealed, milliseconds since 1970 by the origin's clock.
    """

    v: int
    origin: str
    incarnation: int
    seq: int
    lane: Lane
    key_id: str
    wrapped_key: bytes
    body_size: int
    body_sha256: bytes
    created_ms: int

    @property
    def context(self) -> bytes:
        """What the content key and every body segment are bound to."""
        return binding(self.origin, self.incarnation, self.seq, self.lane, self.key_id, self.body_size, self.created_ms)


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the recipient reads: which version of which thing (the inner header).

    `kind` and `codec` stay text, so that an unknown one can be held instead of lost. `sha256` and `size` are of the
    original payload bytes, before the codec. Instants in milliseconds since 1970.
    """

    kind: str
    id: str
    revision: int
    sha256: str
    size: int
    codec: str
    recorded_ms: int
    prev_hash: str = ""
    must_understand: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    author: Author | None = None

    @property
    def recorded_at(self) -> datetime:
        """When the thing was recorded, UTC."""
        return from_ms(self.recorded_ms)


def binding(origin: str, incarnation: int, seq: int, lane: str, key_id: str, body_size: int, created_ms: int) -> bytes:
    """Associated data of the body and HPKE `info` of the key: the order key, size, key id and time, unambiguous."""
    fields = (VERSION, origin, incarnation, seq, str(lane), key_id, body_size, created_ms)
    return b"mobile-clinic/wire/v1\0" + msgspec.msgpack.encode(fields)


def header_of(record: Record, sha256: str, size: int, codec: Codec, must_understand: tuple[str, ...]) -> Header:
    """The inner header of `record`, whose payload has this hash and size."""
    return Header(
        kind=record.kind,
        id=record.id,
        revision=record.revision,
        sha256=sha256,
        size=size,
        codec=codec,
        recorded_ms=to_ms(record.recorded_at),
        prev_hash=record.prev_hash,
        must_understand=must_understand,
        blobs=record.blobs,
        author=record.author,
    )


def record_of(outer: Outer, header: Header, payload: bytes) -> Record:
    """The Record an envelope carried.

    Raises:
        RefusedInput: a kind this version does not know; the envelope is to be held.
    """
    try:
        kind = Kind(header.kind)
    except ValueError:
        raise RefusedInput(f"kind {header.kind!r} is not known to this version; hold it until an upgrade") from None
    return Record(
        id=RecordId(header.id),
        revision=header.revision,
        kind=kind,
        lane=outer.lane,
        payload=payload,
        origin=Origin(outer.origin, outer.incarnation, outer.seq),
        author=header.author,
        recorded_at=header.recorded_at,
        prev_hash=header.prev_hash,
        blobs=tuple(BlobHash(each) for each in header.blobs),
    )


def front_of(outer: Outer, keys: OriginKeys) -> bytes:
    """Everything before the body, signed."""
    packed = msgspec.msgpack.encode(outer)
    signed = MAGIC + len(packed).to_bytes(4, "big") + packed
    return signed + keys.sign(Domain.WIRE, signed)


@dataclass(frozen=True)
class Front:
    """The part of a wire file before its body: as read, not yet verified."""

    outer: Outer
    signed: bytes
    signature: bytes

    @property
    def size(self) -> int:
        """Where the body begins."""
        return len(self.signed) + len(self.signature)

    def verify(self, origin: Verifier) -> None:
        """Return if `origin` signed it.

        Raises:
            PeerRefused: another key did.
        """
        origin.verify(Domain.WIRE, self.signed, self.signature)


class _Versioned(msgspec.Struct):
    v: int


def read_front(src: Source) -> Front:
    """Read the outer header and leave `src` at the body. Nothing in it may be trusted before `Front.verify`.

    Raises:
        BadFrame: not a wire file.
        RefusedInput: a wire file of a later version; to be held until an upgrade.
    """
    start = src.read(8)
    if len(start) != 8 or start[:4] != MAGIC:
        raise BadFrame(f"not a wire file: it begins with {start[:4]!r}", raw=start)
    length = int.from_bytes(start[4:], "big")
    if not 0 < length <= MAX_OUTER:
        raise BadFrame(f"wire file: outer header of {length} bytes; at most {MAX_OUTER}", raw=start)
    packed = src.read(length)
    signature = src.read(SIGNATURE_SIZE)
    if len(packed) != length or len(signature) != SIGNATURE_SIZE:
        raise BadFrame("wire file: cut inside its outer header", raw=start + packed)
    version = unpack(packed, _Versioned, "wire file: outer header").v
    if version != VERSION:
        raise RefusedInput(f"wire file of version {version}; this program reads {VERSION}: hold it", raw=packed)
    outer = unpack(packed, Outer, "wire file: outer header")
    if outer.body_size < 0 or len(outer.body_sha256) != 32:
        raise BadFrame("wire file: outer header names an impossible body", raw=packed)
    return Front(outer, start + packed, signature)
