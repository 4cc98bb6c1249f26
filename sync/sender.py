"""The sending half of a session: which bytes go next, how many may be under way, and when silence means a dead link.

Sans-I/O and single-threaded: the caller passes monotonic seconds in and publishes the frames that come out. Lanes have
strict priority and are chosen anew for each chunk, so an urgent item waits for one window at most. Nothing volatile
matters: after a cut or a kill everything is learned again from the store and from the receiver's Have.
"""

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from clinic_records.errors import ClinicError
from clinic_records.ids import sha256_hex
from clinic_records.record import Lane
from sync.byteranges import covers, first_gap, union
from sync.frames import MAX_ITEMS, Have, Items, Part, Receipts
from sync.pace import Pace
from sync.ports import OutboundStore, Ranges, Verdict, WireItem

MAX_OPEN: Final = 128
"""Transfers of one lane at a time that were begun and have no receipt yet; bounds memory."""
UNASKED: Final = frozenset({Lane.P0, Lane.P1})
"""Lanes whose files begin without the question what is there already: a round trip is worth more there than bytes."""
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
    """Bytes of one file, sent and not answered; a question has start == end."""

    wire_sha256: str
    start: int
    end: int
    sent_at: float
    delivered_before: int
    is_window_full: bool = False

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
        self._begun: set[str] = set()

    @property
    def sending(self) -> frozenset[str]:
        """Wire hashes of the envelopes under way."""
        return frozenset(self._open)

    @property
    def bytes_delivered(self) -> int:
        """What the receiver acknowledged in all sessions of this run: it rises while the way up moves."""
        return self._delivered

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
        self.pace.connected()
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

    def poll(self, now: float) -> list[Items | Part]:
        """The frames to send now, most urgent first, as far as the window allows."""
        for transfer in self._open.values():
            if transfer.ask_again_at is not None and now >= transfer.ask_again_at:
                transfer.is_known = transfer.is_asked = False
                transfer.have = ()  # a Have is not signed: what was believed so far may be a liar's
                transfer.ask_again_at = None
        frames: list[Items | Part] = []
        before = len(self._flights)
        while (lanes := self._lanes_with_room()) and (frame := self._next(now, lanes)) is not None:
            frames.append(frame)
        if self._room <= 0:
            for flight in self._flights[before:]:
                flight.is_window_full = True
        return frames

    def _lanes_with_room(self) -> Collection[Lane]:
        """The most urgent lane has a second of the rate beyond the window, so that it waits for nobody's credit."""
        if not self._flights or self._room > 0:
            return tuple(Lane)
        return (Lane.P0,) if self._room > -self.pace.second else ()

    @property
    def _room(self) -> int:
        return min(self.pace.window, self.window_limit) - self.in_flight

    def _next(self, now: float, lanes: Collection[Lane]) -> Items | Part | None:
        for lane in lanes:
            for transfer in [each for each in self._open.values() if each.lane is lane]:
                if (part := self._advance(transfer, now)) is not None:
                    return part
            if (first := self._first_of(lane, now)) is not None:
                return first
        return None

    def _first_of(self, lane: Lane, now: float) -> Items | Part | None:
        """The first frame of waiting files of `lane`: small ones whole, as many as a chunk holds.

        Nothing overtakes the most urgent lane, so there a second of the rate is small: a receiver takes one message
        with a record and its ECG in fewer steps than many parts.
        """
        whole: dict[str, bytes] = {}
        room = max(self.pace.chunk, self.pace.second) if lane is Lane.P0 else self.pace.chunk
        while (item := self._peek(lane)) is not None:
            if item.size <= room and len(whole) < MAX_ITEMS:
                transfer = self._begin(lane)
                data = self._read(transfer, 0, item.size)
                if data is None:
                    continue
                if sha256_hex(data) != item.wire_sha256:  # damaged here; only by its name can it be refused
                    if whole:
                        break
                    return self._advance(transfer, now)
                whole[item.wire_sha256] = data
                room -= item.size
            elif whole:
                break
            elif (frame := self._advance(self._begin(lane), now)) is not None:
                return frame
        if not whole:
            return None
        for wire_sha256, data in whole.items():
            self._open[wire_sha256].is_asked = True
            self._fly(wire_sha256, 0, len(data), now)
        return Items(lane, tuple(whole.values()))

    def _peek(self, lane: Lane) -> WireItem | None:
        """The item of `lane` to be begun next."""
        queue = self._lanes[lane]
        if sum(1 for each in self._open.values() if each.lane is lane) >= MAX_OPEN:
            return None
        if not queue.ready and queue.is_stale:
            self._refill(lane, queue)
        return queue.ready[0] if queue.ready else None

    def _begin(self, lane: Lane) -> _Transfer:
        """Open it."""
        item = self._lanes[lane].ready.popleft()
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

    def _advance(self, transfer: _Transfer, now: float) -> Part | None:
        """The next part of `transfer` and its entry among the flights; None where it has nothing to send now."""
        item, lane = transfer.item, transfer.lane
        if not transfer.is_known:
            if transfer.is_asked:
                return None
            transfer.is_asked = True
            if lane not in UNASKED or item.wire_sha256 in self._begun:
                self._fly(item.wire_sha256, 0, 0, now)
                return Part(item.wire_sha256, item.size, lane, 0, b"")
            transfer.is_known = True
        gap = first_gap(union(transfer.have, self._under_way(item.wire_sha256)), item.size, self.pace.chunk)
        if gap is None:
            return None
        data = self._read(transfer, gap[0], gap[1] - gap[0])
        if data is None:
            return None
        self._begun.add(item.wire_sha256)
        self._fly(item.wire_sha256, gap[0], gap[1], now)
        return Part(item.wire_sha256, item.size, lane, gap[0], data)

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

    def _fly(self, wire_sha256: str, start: int, end: int, now: float) -> None:
        if not self._flights:
            self._last_progress = now
        self._flights.append(_Flight(wire_sha256, start, end, now, self._delivered))

    def _under_way(self, wire_sha256: str) -> Ranges:
        return union((each.start, each.end) for each in self._flights if each.wire_sha256 == wire_sha256)

    def _land(self, landed: list[_Flight], now: float, waited_s: float, held_ms: int) -> None:
        """These flights were answered `waited_s` ago; the newest of them lay at the receiver for `held_ms`."""
        if not landed:
            return
        for flight in landed:
            self._flights.remove(flight)
            self._delivered += flight.cost
        newest = max(landed, key=lambda each: each.sent_at)
        self.pace.answered(
            self._delivered - newest.delivered_before,
            sent_at=newest.sent_at,
            now=now,
            was_full=newest.is_window_full,
            held_s=waited_s + held_ms / 1000,
        )
        self._last_progress = now

    def on_have(self, have: Have, now: float, waited_s: float = 0.0) -> None:
        """The receiver said which bytes are durable there; that came `waited_s` ago."""
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
        self._land(landed, now, waited_s, have.held_ms)
        if covers(transfer.have, 0, size):
            transfer.ask_again_at = now + RECEIPT_PATIENCE_S

    def on_receipts(self, said: Receipts, now: float, waited_s: float = 0.0) -> None:
        """Verified receipts of this session, which came `waited_s` ago.

        The store decides what they end; a refused one waits for a person.
        """
        named = {each.wire_sha256 for each in said.receipts}
        self._land([each for each in self._flights if each.wire_sha256 in named], now, waited_s, said.held_ms)
        for receipt in said.receipts:
            if (transfer := self._open.get(receipt.wire_sha256)) is not None:
                transfer.ask_again_at = now + RECEIPT_PATIENCE_S  # should our disk refuse the receipt
        self._store.settle_all(said.receipts)
        self._begun -= named
        for receipt in said.receipts:
            transfer = self._open.pop(receipt.wire_sha256, None)
            if receipt.verdict is Verdict.REFUSED:
                self._skipped[receipt.wire_sha256] = transfer.lane if transfer else Lane.P4
