"""What `sync` asks of the stores above it. Every method returns only after its effect is durable.

The same two Protocols serve both directions: the vehicle's spool is the OutboundStore of the way up and the
InboundStore of the way down; the hospital has one of each for every vehicle.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.abilities import Abilities

Ranges = tuple[tuple[int, int], ...]
"""Sorted, disjoint, half-open byte ranges [start, end)."""


class Verdict(StrEnum):
    """What the receiver did (sync rule 14). Only `refused` leaves the row open."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    HELD = "held"
    REFUSED = "refused"


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The receiver's answer to one whole envelope, made in the transaction that took it.

    Attributes:
        wire_sha256: of the envelope as it travelled; it commits to id, revision and content at once.
        id, revision, sha256: of the record inside; empty where it could not be opened.
        epoch, receipt_seq: the receiver's epoch and its dense count of receipts for this peer (sync rule 3).
    """

    wire_sha256: str
    verdict: Verdict
    epoch: str
    receipt_seq: int
    at: datetime
    id: str = ""
    revision: int = 0
    sha256: str = ""
    reason: str = ""


class WireItem(msgspec.Struct, frozen=True):
    """One sealed envelope waiting to travel; `order` rises in the order things happened."""

    wire_sha256: str
    size: int
    lane: Lane
    order: int


class OutboundStore(Protocol):
    """Where a sender takes envelopes from; they end only by receipts."""

    def waiting(self, lane: Lane, after_order: int, limit: int) -> Sequence[WireItem]:
        """Envelopes of `lane` that no receipt has ended, with `order` above `after_order`, in order."""

    def read(self, wire_sha256: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes of the wire file from `offset`."""

    def settle_all(self, receipts: Sequence[Receipt]) -> int:
        """Apply verified receipts, all or none, durable on return: how many ended something.

        One that is unknown or was applied before changes nothing. The first ending stays, but what was held becomes
        applied when the receiver understood it later.
        """

    def held(self, after_order: int, limit: int) -> Sequence[WireItem]:
        """Envelopes the receiver holds, with `order` above `after_order`, in order: it may understand them by now."""

    def reopen_all(self) -> int:
        """Offer again everything still kept: the receiver was rolled back. Returns how many."""


class InboundStore(Protocol):
    """Where a receiver puts envelopes of one peer."""

    def ranges(self, wire_sha256: str) -> Ranges:
        """Which bytes of this wire file are durable here."""

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:
        """Keep a part (idempotent), durable on return; the ranges now held."""

    def accept(self, wire_sha256: str) -> Receipt:
        """Take the whole file: verify, open, apply once, answer. Repeats the first receipt for a repeated file.

        Never raises for bad content: that becomes a held or refused receipt, with the bytes in quarantine.
        """

    def receipt_for(self, wire_sha256: str) -> Receipt | None:
        """The receipt already given, if any."""


class WholeFile(msgspec.Struct, frozen=True):
    """A small wire file that came whole; `wire_sha256` is of `data`."""

    vehicle: VehicleId
    wire_sha256: str
    lane: Lane
    data: bytes


class FilePart(msgspec.Struct, frozen=True):
    """Bytes of a vehicle's wire file of `size` bytes; no data only asks which are here."""

    vehicle: VehicleId
    wire_sha256: str
    size: int
    lane: Lane
    offset: int
    data: bytes


class IntakeStore(Protocol):
    """Where the hospital puts what all vehicles send up. Any number of workers may use it at once."""

    def take(self, files: Sequence[WholeFile]) -> Sequence[Receipt | None]:
        """Take whole files in as few transactions as can be; as `InboundStore.accept`, None where one cannot be now."""

    def keep(self, parts: Sequence[FilePart]) -> Sequence[Ranges | Receipt | None]:
        """Keep parts, durable on return: the ranges now held, or the receipt given already; None where refused."""

    def accept(self, vehicle: VehicleId, wire_sha256: str) -> Receipt:
        """As `InboundStore.accept`."""

    def accept_some(self, files: Sequence[tuple[VehicleId, str]]) -> Sequence[Receipt | None]:
        """Take small files whose parts are here, as `take`; by vehicle and wire_sha256."""


class Lease(Protocol):
    """The right to be the one courier down to a vehicle, among all workers of a hospital (sync rule 17)."""

    def take(self) -> None:
        """Have it from now on, whoever had it."""

    def claim(self) -> bool:
        """Have it where nobody has; whether we do."""

    def hand_over(self) -> None:
        """Let another worker claim it: the vehicle is there, we are not."""

    def end(self) -> None:
        """Give it up: the vehicle is not there."""


class SessionState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one end remembers about its session with the other (sync rules 3, 6, 7, 15).

    Attributes:
        peer: what the other end last said that it understands; None before it said anything.
        session: the last session welcomed, by id; at the hospital.
        is_forked: two boxes spoke as this vehicle; a person must enrol it anew. At the hospital.
        peer_keys: key statements of the hospital, after the key it was enrolled with; at the vehicle.
        keep_days: for how long the hospital wants what it received to be kept; at the vehicle.
        rejoin: the restoration that asks for an incarnation; at the hospital the last one it was granted to.
        closed_seq: the last number of the incarnation before the granted one.
        key_number: of the hospital's key that the session was welcomed with; at the hospital.
        start: the start of the hospital that it was welcomed in; at the hospital.
    """

    token: str = ""
    pending_token: str = ""
    epoch: str = ""
    highest_receipt_seq: int = 0
    incarnation: int = 1
    peer_time: datetime | None = None
    session: str = ""
    is_forked: bool = False
    peer: Abilities | None = None
    peer_keys: tuple[bytes, ...] = ()
    keep_days: int = 30
    rejoin: str = ""
    closed_seq: int = 0
    key_number: int = 1
    start: str = ""


class SessionStore(Protocol):
    """Durable session state of one peer.

    At the hospital `accept` counts `highest_receipt_seq` up in its own transaction: `load` gives that count and `save`
    never lowers it, except together with a new epoch.
    """

    def load(self) -> SessionState:
        """The last state saved; the default one at first."""

    def save(self, state: SessionState) -> None:
        """Replace it."""


class HospitalSessions(SessionStore, Protocol):
    """A SessionStore that several workers share."""

    def alone(self) -> AbstractContextManager[None]:
        """No other worker judges a Hello of this vehicle meanwhile."""

    def standing(self) -> tuple[str, str] | None:
        """(session, epoch) of the session that stands; None where none was opened, or it is forked or void."""
