"""The spool: sealed envelopes on their way, readable with the device key alone (sync rule 5)."""

from datetime import datetime
from pathlib import Path

import msgspec

from clinic_records.record import Lane, Record
from sync.enrolment import Enrolment
from sync.ports import Ranges, Receipt, SessionState, WireItem
from vehicle_agent.store.keys import DeviceKeys


class LaneCount(msgspec.Struct, frozen=True):
    """Counts of one lane for the status pages; `oldest` is when the oldest unended one was spooled."""

    queued: int = 0
    sending: int = 0
    received: int = 0
    held: int = 0
    refused: int = 0
    oldest: datetime | None = None


class Pending(msgspec.Struct, frozen=True):
    """One verified envelope from the hospital that waits for the store to open."""

    wire_sha256: str
    order: int


class Spool:
    """OutboundStore of the way up, InboundStore of the way down, SessionStore. Safe from any thread."""

    def __init__(self, folder: Path, *, keys: DeviceKeys, hospital: Enrolment) -> None:
        raise NotImplementedError

    # OutboundStore
    def waiting(self, lane: Lane, after_order: int, limit: int) -> list[WireItem]:
        """See sync.ports.OutboundStore."""
        raise NotImplementedError

    def read(self, wire_sha256: str, offset: int, size: int) -> bytes:
        """See sync.ports.OutboundStore."""
        raise NotImplementedError

    def settle(self, receipt: Receipt) -> bool:
        """See sync.ports.OutboundStore; the receipt is journalled for the outbox."""
        raise NotImplementedError

    def reopen_all(self) -> int:
        """See sync.ports.OutboundStore."""
        raise NotImplementedError

    # InboundStore
    def ranges(self, wire_sha256: str) -> Ranges:
        """See sync.ports.InboundStore."""
        raise NotImplementedError

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:
        """See sync.ports.InboundStore."""
        raise NotImplementedError

    def accept(self, wire_sha256: str) -> Receipt:
        """See sync.ports.InboundStore."""
        raise NotImplementedError

    def receipt_for(self, wire_sha256: str) -> Receipt | None:
        """See sync.ports.InboundStore."""
        raise NotImplementedError

    # SessionStore
    def load(self) -> SessionState:
        """See sync.ports.SessionStore."""
        raise NotImplementedError

    def save(self, state: SessionState) -> None:
        """See sync.ports.SessionStore."""
        raise NotImplementedError

    # the agent's side
    def counts(self) -> dict[Lane, LaneCount]:
        """Counts of every lane, from receipts only."""
        raise NotImplementedError

    def downlink_pending(self) -> list[Pending]:
        """What came down and is not in the store yet, in order of arrival."""
        raise NotImplementedError

    def downlink_open(self, item: Pending) -> Record:
        """Open one of them, for `put_foreign`."""
        raise NotImplementedError

    def downlink_merged(self, item: Pending) -> None:
        """The store holds it."""
        raise NotImplementedError

    def prune(self, older_than: datetime) -> int:
        """Delete wire bytes ended before `older_than`; the counts stay. Returns how many."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections."""
        raise NotImplementedError
