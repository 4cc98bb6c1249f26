"""The receiving half of a session: keep bytes, take whole files, answer with credit and receipts.

Sans-I/O. What comes waits, most urgent lane first, until there is nothing to send: each fsync would hold up what this
end has to say. Credit (Have) is given as soon as bytes are durable; taking a file may be slow and follows after, a few
at each poll, so that credit for other files never waits behind it (sync rule 17). Only a small whole file's credit
waits for its turn in that poll, because its receipt then makes a message less.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from clinic_records.errors import ClinicError
from clinic_records.record import Lane
from sync.frames import Have, Items, Part, held_ms
from sync.ports import InboundStore, Ranges, Receipt

ACCEPTS_A_POLL: Final = 16
"""Files taken between two looks at what else arrived ..."""
ACCEPTING_S: Final = 0.25
"""... and seconds after which no further one is begun."""
SMALL: Final = 64 * 1024
"""Bytes up to which a file's credit may wait for its receipt."""
_MAX_KNOWN: Final = 1024
"""Transfers remembered as unfinished, to spare the store a question for each part."""

_logger = logging.getLogger(__name__)


class Receiver:
    """Puts envelopes of one peer into one InboundStore."""

    def __init__(self, store: InboundStore, monotonic_s: Callable[[], float]) -> None:
        self._store = store
        self._monotonic_s = monotonic_s
        self._heard: dict[Lane, deque[Part]] = {lane: deque() for lane in Lane}
        self._complete: dict[Lane, deque[str]] = {lane: deque() for lane in Lane}
        self._queued: set[str] = set()
        self._unfinished: dict[str, None] = {}
        self._have: dict[str, Ranges] = {}
        self._receipts: dict[str, Receipt] = {}
        self._came: dict[str, float] = {}

    @property
    def has_work(self) -> bool:
        """Whether anything waits to be kept or taken."""
        return self._first(self._heard) is not None or self._first(self._complete) is not None

    def _first(self, queues: Mapping[Lane, Collection[object]]) -> Lane | None:
        """The most urgent lane with something in it."""
        return next((lane for lane, queue in queues.items() if queue), None)

    def on_items(self, items: Items, waited_s: float = 0.0) -> None:
        """Whole wire files came, `waited_s` seconds ago."""
        came = self._monotonic_s() - waited_s
        for data in items.data:
            wire_sha256 = hashlib.sha256(data).hexdigest()
            self._came[wire_sha256] = came
            self._heard[items.lane].append(Part(wire_sha256, len(data), items.lane, 0, data))

    def on_part(self, part: Part, waited_s: float = 0.0) -> None:
        """Bytes of a wire file came `waited_s` seconds ago, or the question which are here."""
        self._came[part.wire_sha256] = self._monotonic_s() - waited_s
        self._heard[part.lane].append(part)

    def work(self) -> None:
        """Some of the most urgent work; may be slow."""
        lane, whole = self._first(self._heard), self._first(self._complete)
        if lane is not None and (whole is None or lane <= whole):
            self._keep(self._heard[lane].popleft())
        elif whole is not None:
            self._accept_some()

    def _keep(self, part: Part) -> None:
        wire_sha256, size, lane = part.wire_sha256, part.size, part.lane
        try:
            if wire_sha256 not in self._unfinished:
                receipt = self._store.receipt_for(wire_sha256)
                if receipt is not None:
                    self._receipts[wire_sha256] = receipt
                    return
                self._remember(wire_sha256)
            if part.data:
                ranges = self._store.write(wire_sha256, size, lane, part.offset, part.data)
            else:
                ranges = self._store.ranges(wire_sha256)
        except ClinicError as error:
            # No answer, so no credit: the sender keeps the bytes and comes back.
            _logger.error("cannot keep bytes of envelope %s: %s", wire_sha256, error)  # noqa: TRY400 - told, not traced
            self._came.pop(wire_sha256, None)
            return
        self._have[wire_sha256] = ranges
        if ranges == ((0, size),) and wire_sha256 not in self._queued:
            self._queued.add(wire_sha256)
            self._complete[lane].append(wire_sha256)

    def _remember(self, wire_sha256: str) -> None:
        self._unfinished[wire_sha256] = None
        if len(self._unfinished) > _MAX_KNOWN:
            del self._unfinished[next(iter(self._unfinished))]

    def _accept_some(self) -> None:
        """Take whole files, most urgent first, as many as one poll may."""
        until = self._monotonic_s() + ACCEPTING_S
        for _ in range(ACCEPTS_A_POLL):
            lane = self._first(self._complete)
            if lane is None or self._monotonic_s() > until:
                return
            wire_sha256 = self._complete[lane].popleft()
            self._queued.discard(wire_sha256)
            self._unfinished.pop(wire_sha256, None)
            try:
                self._receipts[wire_sha256] = self._store.accept(wire_sha256)
            except ClinicError as error:
                _logger.error("cannot take envelope %s: %s", wire_sha256, error)  # noqa: TRY400 - told, not traced

    def credit(self) -> list[Have]:
        """The Have of every file but small whole ones still to be taken."""
        ripe = [
            Have(wire, ranges, self._held_ms([wire]))
            for wire, ranges in self._have.items()
            if wire not in self._receipts and not (wire in self._queued and ranges[0][1] <= SMALL)
        ]
        for have in ripe:
            del self._have[have.wire_sha256]
        return ripe

    def answers(self) -> tuple[list[Have], list[Receipt], int]:
        """What to tell the sender now, and the receipts' held_ms; a receipt makes the Have of its file needless."""
        receipts = list(self._receipts.values())
        waiting = {wire: ranges for wire, ranges in self._have.items() if wire not in self._receipts}
        haves = [Have(wire, ranges, self._held_ms([wire])) for wire, ranges in waiting.items()]
        held_ms = self._held_ms(self._receipts)
        self._have.clear()
        self._receipts.clear()
        return haves, receipts, held_ms

    def _held_ms(self, wires: Iterable[str]) -> int:
        """Milliseconds since the newest of these came; told once."""
        came = [self._came.pop(wire) for wire in wires if wire in self._came]
        return held_ms(max(came), self._monotonic_s()) if came else 0

    def reset(self) -> None:
        """The session ended: answers to it are void; whole files not yet taken stay in the queue."""
        for queue in self._heard.values():
            queue.clear()
        self._came.clear()
        self._have.clear()
        self._receipts.clear()
