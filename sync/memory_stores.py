"""The ports of `sync/ports.py` in dictionaries: what tests and simulations put behind a courier or a station.

They say in few lines what the durable stores must do, and are as strict: settling twice has no second effect, a file
accepted twice gives its first receipt again.
"""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from clinic_records.errors import ClinicError, NotFound
from clinic_records.record import Lane
from sync.byteranges import union
from sync.keys import OriginPublic
from sync.ports import Ranges, Receipt, SessionState, Verdict, WireItem
from sync.seal import peek

_AT = datetime(2026, 3, 2, tzinfo=UTC)


class MemoryOutbound:
    """An OutboundStore. `ended` counts the receipts that ended something."""

    def __init__(self) -> None:
        self.items: dict[str, WireItem] = {}
        self.data: dict[str, bytes] = {}
        self.receipts: dict[str, Receipt] = {}
        self.ended = 0

    def add(self, data: bytes, lane: Lane) -> str:
        """Offer a wire file; its hash."""
        wire_sha256 = hashlib.sha256(data).hexdigest()
        self.items[wire_sha256] = WireItem(wire_sha256, len(data), lane, len(self.items) + 1)
        self.data[wire_sha256] = data
        return wire_sha256

    def raise_to(self, wire_sha256: str, lane: Lane) -> None:
        """Move a waiting envelope to another lane."""
        self.items[wire_sha256] = msgspec.structs.replace(self.items[wire_sha256], lane=lane)

    @property
    def open(self) -> frozenset[str]:
        """What no receipt has ended."""
        return frozenset(wire for wire in self.items if self._is_open(wire))

    def _is_open(self, wire_sha256: str) -> bool:
        receipt = self.receipts.get(wire_sha256)
        return receipt is None or receipt.verdict is Verdict.REFUSED

    def waiting(self, lane: Lane, after_order: int, limit: int) -> list[WireItem]:
        """See OutboundStore."""
        of_lane = (item for item in self.items.values() if item.lane is lane and item.order > after_order)
        return [item for item in of_lane if self._is_open(item.wire_sha256)][:limit]

    def read(self, wire_sha256: str, offset: int, size: int) -> bytes:
        """See OutboundStore."""
        if wire_sha256 not in self.data:
            raise NotFound(f"no envelope {wire_sha256}")
        return self.data[wire_sha256][offset : offset + size]

    def settle_all(self, receipts: Sequence[Receipt]) -> int:
        """See OutboundStore."""
        return sum(self.settle(each) for each in receipts)

    def settle(self, receipt: Receipt) -> bool:
        """As `settle_all`, of one."""
        if receipt.wire_sha256 not in self.items:
            return False
        if not (self._is_open(receipt.wire_sha256) or self._is_understood_now(receipt)):
            return False
        self.receipts[receipt.wire_sha256] = receipt
        self.ended += 1
        return True

    def _is_understood_now(self, receipt: Receipt) -> bool:
        before = self.receipts[receipt.wire_sha256].verdict
        return before is Verdict.HELD and receipt.verdict in {Verdict.APPLIED, Verdict.DUPLICATE}

    def held(self, after_order: int, limit: int) -> list[WireItem]:
        """See OutboundStore."""
        held = (wire for wire, receipt in self.receipts.items() if receipt.verdict is Verdict.HELD)
        items = sorted((self.items[wire] for wire in held), key=lambda item: item.order)
        return [item for item in items if item.order > after_order][:limit]

    def reopen_all(self) -> int:
        """See OutboundStore."""
        count = len(self.receipts)
        self.receipts.clear()
        return count


class MemorySessions:
    """A SessionStore; at the hospital the inbound store counts receipts in the same state."""

    def __init__(self) -> None:
        self.state = SessionState()

    def load(self) -> SessionState:
        """See SessionStore."""
        return self.state

    def save(self, state: SessionState) -> None:
        """See SessionStore."""
        if state.epoch == self.state.epoch:
            highest = max(state.highest_receipt_seq, self.state.highest_receipt_seq)
            state = msgspec.structs.replace(state, highest_receipt_seq=highest)
        self.state = state

    def alone(self) -> AbstractContextManager[None]:
        """See HospitalSessions."""
        return nullcontext()

    def standing(self) -> tuple[str, str] | None:
        """See HospitalSessions."""
        state = self.state
        return (state.session, state.epoch) if state.session and not state.is_forked else None


@dataclass
class MemoryInbound:
    """An InboundStore of what `origin` signed; None takes anything.

    Attributes:
        verdicts: what to answer to a file other than `applied`.
        effects: one entry each time a file had an effect.
        written: every range that came, also those that came twice.
    """

    sessions: MemorySessions
    origin: OriginPublic | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    parts: dict[str, tuple[bytearray, Ranges]] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    written: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def ranges(self, wire_sha256: str) -> Ranges:
        """See InboundStore."""
        return self.parts[wire_sha256][1] if wire_sha256 in self.parts else ()

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:  # noqa: ARG002 - port
        """See InboundStore."""
        buffer, ranges = self.parts.get(wire_sha256, (bytearray(size), ()))
        buffer[offset : offset + len(data)] = data
        ranges = union(ranges, [(offset, offset + len(data))])
        self.parts[wire_sha256] = (buffer, ranges)
        self.written.setdefault(wire_sha256, []).append((offset, offset + len(data)))
        return ranges

    def accept(self, wire_sha256: str) -> Receipt:
        """See InboundStore."""
        if (given := self.receipts.get(wire_sha256)) is not None:
            return given
        verdict, reason = self._judge(wire_sha256, bytes(self.parts[wire_sha256][0]))
        if verdict is Verdict.APPLIED:
            self.effects.append(wire_sha256)
        state = self.sessions.state
        seq = state.highest_receipt_seq + 1
        self.sessions.state = msgspec.structs.replace(state, highest_receipt_seq=seq)
        receipt = self.receipts[wire_sha256] = Receipt(wire_sha256, verdict, state.epoch, seq, _AT, reason=reason)
        del self.parts[wire_sha256]
        return receipt

    def _judge(self, wire_sha256: str, data: bytes) -> tuple[Verdict, str]:
        if hashlib.sha256(data).hexdigest() != wire_sha256:
            return Verdict.REFUSED, "the bytes have another hash"
        if self.origin is not None:
            try:
                peek(data).verify(self.origin)
            except ClinicError as error:
                return Verdict.HELD, str(error)
        return self.verdicts.get(wire_sha256, Verdict.APPLIED), ""

    def receipt_for(self, wire_sha256: str) -> Receipt | None:
        """See InboundStore."""
        return self.receipts.get(wire_sha256)
