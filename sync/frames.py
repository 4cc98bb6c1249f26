"""What one MQTT payload says: msgpack arrays with a name first, so that fields can be added at the end.

Session messages (Hello, Welcome, Receipts) travel inside `Signed`; each names vehicle and session, so it counts in no
other. Envelope bytes (Items, Part) are signed by their origin themselves. Have only steers the sender: nothing ends by
it, so it needs no signature. Instants are milliseconds since 1970.
"""

from typing import Annotated, Final

import msgspec

from clinic_records.errors import BadFrame
from clinic_records.record import Lane
from sync.keys import Domain, OriginKeys, Verifier
from sync.packing import unpack
from sync.ports import Ranges, Receipt
from sync.renewal import MESSAGE_LIMIT

MAX_FRAME: Final = 512 * 1024
"""Bytes of one payload: the largest chunk of 256 KiB with room for its header."""
MAX_WIRE: Final = 4 * 1024**3
"""Bytes of one wire file; an hour of ultrasound is below 1 GiB."""
MAX_ITEMS: Final = 64
"""Wire files in one message: the smallest have about 600 bytes."""
MAX_RECEIPTS: Final = 200
"""Receipts in one message, so that it stays below MAX_FRAME."""
MAX_STATEMENTS: Final = 64
"""Key statements in one message: a rotation each half year for longer than the product's life."""

WireHash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Token = Annotated[str, msgspec.Meta(max_length=128)]
Size = Annotated[int, msgspec.Meta(ge=0, le=MAX_WIRE)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Names = Annotated[tuple[str, ...], msgspec.Meta(max_length=64)]


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """The vehicle opens a session: who it is, what it speaks, and what it last saw (sync rules 3, 7, 15).

    The first one has no `nonce`; it counts only when said again with the nonce of the hospital's Challenge.

    Attributes:
        hospital_key: number of the hospital's newest key known here; what follows it is to be sent as KeyNews.
        rejoin: a name for the restoration after which this box asks for `incarnation`; empty where it asks for none.
        last_seq: the highest number sealed here in the incarnation before the one asked for.
    """

    vehicle: Token
    session: Token
    nonce: Token
    incarnation: Count
    token: Token
    epoch: Token
    highest_receipt_seq: Count
    sent_ms: Count
    proto_min: Count
    proto_max: Count
    kinds: Names
    codecs: Names
    dict_ids: Names
    hospital_key: Count = 1
    rejoin: Token = ""
    last_seq: Count = 0


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """The hospital's answer; `verdict` other than `ok` opens no session.

    Attributes:
        window_bytes: how much may be under way unacknowledged.
        next_token: what the vehicle shows next time (sync rule 7).
        incarnation: what the vehicle counts in from now on; another than it said where it asked (sync rule 6).
        proto: the newest version both ends speak.
        keep_days: how far back the hospital may be restored; so long the vehicle keeps what was received.
    """

    vehicle: Token
    session: Token
    hospital: Token
    verdict: str
    epoch: Token
    next_token: Token
    incarnation: Count
    highest_receipt_seq: Count
    time_ms: Count
    window_bytes: Count
    proto: Count
    kinds: Names
    codecs: Names
    dict_ids: Names
    keep_days: Count = 30


class Receipts(msgspec.Struct, frozen=True, array_like=True, tag="receipts"):
    """Receipts of whole envelopes. `epoch` is the session's: those of an older one count no more (sync rule 3).

    Attributes:
        held_ms: as Have's, of the newest of these envelopes.
    """

    vehicle: Token
    session: Token
    epoch: Token
    receipts: Annotated[tuple[Receipt, ...], msgspec.Meta(max_length=MAX_RECEIPTS)]
    held_ms: Count = 0


SessionMessage = Hello | Welcome | Receipts


class Signed(msgspec.Struct, frozen=True, array_like=True, tag="signed"):
    """A session message's bytes and the speaker's Ed25519 signature over them."""

    body: bytes
    signature: bytes


class Items(msgspec.Struct, frozen=True, array_like=True, tag="items"):
    """Whole small wire files of one lane, so that a thousand records do not cost a thousand messages."""

    lane: Lane
    data: Annotated[tuple[bytes, ...], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """Bytes of a wire file from `offset`; with no data it asks which bytes are there already."""

    wire_sha256: WireHash
    size: Size
    lane: Lane
    offset: Size
    data: bytes


class Have(msgspec.Struct, frozen=True, array_like=True, tag="have"):
    """Which bytes of a wire file are durable at the receiver: the only credit there is (sync rule 17).

    Attributes:
        held_ms: milliseconds from the arrival of the newest of these bytes to this answer. They are the receiver's and
            not the link's, as QUIC's ACK Delay (RFC 9000, section 19.3).
    """

    wire_sha256: WireHash
    ranges: Ranges
    held_ms: Count = 0


class Challenge(msgspec.Struct, frozen=True, array_like=True, tag="challenge"):
    """The hospital asks whether this Hello is said now: a late or repeated copy of one cannot answer."""

    session: Token
    nonce: Token


class KeyNews(msgspec.Struct, frozen=True, array_like=True, tag="keys"):
    """Statements of keys that the other end may not know yet, each proved by itself (sync/statements.py)."""

    statements: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=MAX_STATEMENTS)]


class Renewal(msgspec.Struct, frozen=True, array_like=True, tag="renewal"):
    """Up: a RenewalRequest, down: its Renewed, as JSON; each is signed by itself (sync/renewal.py)."""

    body: Annotated[bytes, msgspec.Meta(max_length=MESSAGE_LIMIT)]


class Greet(msgspec.Struct, frozen=True, array_like=True, tag="greet"):
    """The hospital does not know this vehicle's session (it was restarted): please connect anew."""


class Presence(msgspec.Struct, frozen=True):
    """The retained JSON statement on the state topic, and its counterpart in the will (sync rule 21): no frame."""

    session: str
    is_online: bool


def held_ms(came: float, now: float) -> int:
    """Whole milliseconds between two monotonic instants, rounded down: what is left counts as the link's."""
    return max(0, int((now - came) * 1000))


Frame = Signed | Items | Part | Have | Challenge | KeyNews | Renewal | Greet

_encoder: Final = msgspec.msgpack.Encoder()


def encode(frame: Frame) -> bytes:
    """The MQTT payload of `frame`."""
    return _encoder.encode(frame)


def decode(payload: bytes) -> Frame:
    """The frame in an MQTT payload.

    Raises:
        BadFrame: it is none, or larger or wilder than we take.
    """
    if len(payload) > MAX_FRAME:
        raise BadFrame(f"frame of {len(payload)} bytes; at most {MAX_FRAME}", raw=payload[:64])
    frame: Frame = unpack(payload, Frame, "frame")  # type: ignore[arg-type]  # a union is no type[T] to mypy
    if isinstance(frame, Part) and frame.offset + len(frame.data) > frame.size:
        raise BadFrame(f"part {frame.offset}+{len(frame.data)} lies outside its {frame.size} bytes", raw=payload[:64])
    return frame


def sign(message: SessionMessage, keys: OriginKeys) -> Signed:
    """`message` signed for the session it names."""
    body = _encoder.encode(message)
    return Signed(body, keys.sign(Domain.SESSION, body))


def verify(signed: Signed, public: Verifier) -> SessionMessage:
    """The message, if `public` signed it.

    Raises:
        PeerRefused: another key signed it.
        BadFrame: signed, but no message of ours.
    """
    public.verify(Domain.SESSION, signed.body, signed.signature)
    message: SessionMessage = unpack(signed.body, SessionMessage, "session message")  # type: ignore[arg-type]  # a union
    return message
