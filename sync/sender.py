"""The sending half of a session: which bytes go next, how many may be under way, and when silence means a dead link.

Sans-I/O and single-threaded: the caller passes monotonic seconds in and publishes the frames that come out. Lanes have
strict priority and are chosen anew for each chunk, so an urgent item waits for one window at most. Nothing volatile
matters: after a cut or a kill everything is learned again from the store and from the receiver's Have.
"""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from clinic_records.errors import ClinicError
from clinic_records.record import Lane
from sync.byteranges import covers, first_gap, union
from sync.frames import Have, Item, Part
from sync.pace import Pace
from sync.ports import OutboundStore, Ranges, Receipt, Verdict, WireItem

MAX_OPEN: Final = 32
"""Transfers of one lane at a time that were begun and have no receipt yet; bounds memory."""
RECEIPT_PATIENCE_S: Final = 15.0
"""Seconds after the last byte was acknowledged until the sender asks again where the receipt is."""
_QUESTION_COST: Final = 128
"""Bytes a question for ranges counts in the window: its frame's size on the wire."""

_logger = logging.getLogger(__name__)


@dataclass
class _Transfer:
    """One wire file under way. `have`: durable there; `under_way`: sent and unanswered."""

    item: WireItem
    lane: Lane
    have: Ranges = ()
    is_asked: bool = False
    is_known: bool = False
    ask_again_at: float | None = None


@dataclass
class _Flight:
    """One frame sent and not answered; a question has start == end."""

    wire_sha256: str
    start: int
    end: int
    sent_at: float
    delivered_before: int
    is_window_full: bool

    @property
    def cost(self) -> int:
        return self.end - self.start or _QUESTION_COST


@dataclass
class _Lane:
    """What the store has waiting in one lane, as far as it was asked."""

    ready: deque[WireItem] = field(default_factory=deque)
    is_stale: bool = True


class Sender:
    """Moves envelopes of one OutboundStore to one receiver."""

    def __init__(self, store: OutboundStore, pace: Pace | None = None) -> None:
        self._store = store
        self.pace = pace or Pace()
        self.window_limit = 2**31
        self.bytes_sent = 0
        self._delivered = 0
        self._last_progress = 0.0
        self._lanes = {lane: _Lane() for lane in Lane}
        self._open: dict[str, _Transfer] = {}
        self._flights: list[_Flight] = []
        self._skipped: dict[str, Lane] = {}

    @property
    def sending(self) -> frozenset[str]:
        """Wire hashes of the envelopes under way."""
        return frozenset(self._open)

    @property
    def in_flight(self) -> int:
        """Unacknowledged bytes."""
        return sum(flight.cost for flight in self._flights)

    def notify(self) -> None:
        """The store has new rows, or rows changed their lane."""
        for each in self._lanes.values():
            each.ready.clear()
            each.is_stale = True

    def reset(self) -> None:
        """The session ended: forget what was under way."""
        self._open.clear()
        self._flights.clear()
        self._skipped.clear()
        self.notify()

    def is_stalled(self, now: float) -> bool:
        """Whether the receiver has been silent for longer than the link's rate explains."""
        deadline = self._deadline()
        return deadline is not None and now >= deadline

    def note_stall(self) -> None:
        """The link is given up for its silence: begin again slower."""
        self.pace.stalled()

    def note_progress(self, now: float) -> None:
        """Bytes left the machine: the link is slow, not dead (sync rule 12)."""
        self._last_progress = now

    def next_wakeup(self) -> float | None:
        """When to poll again though nothing happened, monotonic seconds."""
        times = [each.ask_again_at for each in self._open.values() if each.ask_again_at is not None]
        deadline = self._deadline()
        if deadline is not None:
            times.append(deadline)
        return min(times, default=None)

    def _deadline(self) -> float | None:
        if not self._flights:
            return None
        return self._last_progress + self.pace.patience_s(self.in_flight)

    def poll(self, now: float) -> list[Item | Part]:
        """The frames to send now, most urgent first, as far as the window allows."""
        for transfer in self._open.values():
            if transfer.ask_again_at is not None and now >= transfer.ask_again_at:
                transfer.is_known = transfer.is_asked = False
                transfer.ask_again_at = None
        frames: list[Item | Part] = []
        while (room := min(self.pace.window, self.window_limit) - self.in_flight) > 0:
            frame = self._next(room, now)
            if frame is None:
                break
            frames.append(frame)
        return frames

    def _next(self, room: int, now: float) -> Item | Part | None:
        for lane in Lane:
            for transfer in [each for each in self._open.values() if each.lane is lane]:
                if (frame := self._advance(transfer, room, now)) is not None:
                    return frame
            while (opened := self._begin(lane)) is not None:
                if (frame := self._advance(opened, room, now)) is not None:
                    return frame
        return None

    def _begin(self, lane: Lane) -> _Transfer | None:
        """Open the next waiting item of `lane`."""
        queue = self._lanes[lane]
        in_lane = sum(1 for each in self._open.values() if each.lane is lane)
        if in_lane >= MAX_OPEN:
            return None
        if not queue.ready and queue.is_stale:
            self._refill(lane, queue)
        if not queue.ready:
            return None
        item = queue.ready.popleft()
        transfer = self._open[item.wire_sha256] = _Transfer(item, lane)
        return transfer

    def _refill(self, lane: Lane, queue: _Lane) -> None:
        passed = len(self._open) + len(self._skipped)
        found = self._store.waiting(lane, -1, MAX_OPEN + passed)
        queue.is_stale = len(found) == MAX_OPEN + passed
        for item in found:
            begun = self._open.get(item.wire_sha256)
            if begun is not None:
                begun.lane = lane  # it was raised, or lowered, while it was under way
            elif item.wire_sha256 not in self._skipped:
                queue.ready.append(item)

    def _advance(self, transfer: _Transfer, room: int, now: float) -> Item | Part | None:
        """The next frame of `transfer` and its entry among the flights; None where it has nothing to send now."""
        item, lane = transfer.item, transfer.lane
        if not transfer.is_known:
            if transfer.is_asked:
                return None
            transfer.is_asked = True
            if item.size <= self.pace.chunk and not transfer.have:
                return self._whole(transfer, now)
            self._fly(item.wire_sha256, 0, 0, room, now)
            return Part(item.wire_sha256, item.size, lane, 0, b"")
        gap = first_gap(union(transfer.have, self._under_way(item.wire_sha256)), item.size, self.pace.chunk)
        if gap is None:
            return None
        data = self._read(transfer, gap[0], gap[1] - gap[0])
        if data is None:
            return None
        self._fly(item.wire_sha256, gap[0], gap[1], room, now)
        return Part(item.wire_sha256, item.size, lane, gap[0], data)

    def _whole(self, transfer: _Transfer, now: float) -> Item | None:
        item = transfer.item
        data = self._read(transfer, 0, item.size)
        if data is None:
            return None
        self._fly(item.wire_sha256, 0, item.size, 0, now)
        return Item(transfer.lane, data)

    def _read(self, transfer: _Transfer, offset: int, size: int) -> bytes | None:
        """Bytes of the wire file; one that cannot be read is passed over until the next session."""
        item = transfer.item
        try:
            data = self._store.read(item.wire_sha256, offset, size)
        except (ClinicError, OSError) as error:
            _logger.error("cannot read envelope %s: %s", item.wire_sha256, error)  # noqa: TRY400 - told, not traced
            data = b""
        if len(data) != size:
            self._skip(item.wire_sha256, transfer.lane)
            return None
        self.bytes_sent += size
        return data

    def _skip(self, wire_sha256: str, lane: Lane) -> None:
        self._open.pop(wire_sha256, None)
        self._skipped[wire_sha256] = lane

    def _fly(self, wire_sha256: str, start: int, end: int, room: int, now: float) -> None:
        if not self._flights:
            self._last_progress = now
        is_full = end - start >= room - self.pace.chunk
        self._flights.append(_Flight(wire_sha256, start, end, now, self._delivered, is_full))

    def _under_way(self, wire_sha256: str) -> Ranges:
        return union((each.start, each.end) for each in self._flights if each.wire_sha256 == wire_sha256)

    def _land(self, landed: list[_Flight], now: float) -> None:
        """These flights were answered."""
        for flight in landed:
            self._flights.remove(flight)
            self._delivered += flight.cost
        for flight in landed:
            delivered = self._delivered - flight.delivered_before
            self.pace.answered(delivered, now - flight.sent_at, was_full=flight.is_window_full)
        if landed:
            self._last_progress = now

    def on_have(self, have: Have, now: float) -> None:
        """The receiver said which bytes are durable there."""
        transfer = self._open.get(have.wire_sha256)
        if transfer is None:
            return
        size = transfer.item.size
        transfer.have = union(transfer.have, ((max(0, low), min(high, size)) for low, high in have.ranges))
        transfer.is_known = True
        landed = [
            each
            for each in self._flights
            if each.wire_sha256 == have.wire_sha256
            and (each.start == each.end or covers(transfer.have, each.start, each.end))
        ]
        self._land(landed, now)
        if covers(transfer.have, 0, size):
            transfer.ask_again_at = now + RECEIPT_PATIENCE_S

    def on_receipt(self, receipt: Receipt, now: float) -> None:
        """A verified receipt of this session: the store decides what it ends; a refused one waits for a person."""
        wire_sha256 = receipt.wire_sha256
        self._land([each for each in self._flights if each.wire_sha256 == wire_sha256], now)
        self._store.settle(receipt)
        transfer = self._open.pop(wire_sha256, None)
        if receipt.verdict is Verdict.REFUSED:
            self._skipped[wire_sha256] = transfer.lane if transfer else Lane.P4
