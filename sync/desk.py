"""Where an intake worker puts what came up until it is taken: most urgent lane first, small files many at a time.

Sans-I/O. Nothing here is worth keeping: what a worker held when it died comes again, to whichever worker. Credit for
parts is given as soon as they are durable, before any file of their lane is opened (sync rule 17).
"""

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, TypeVar

from clinic_records.errors import AccessError, ClinicError
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.frames import Have, Items, Part, held_ms
from sync.ports import FilePart, InboundStore, IntakeStore, Ranges, Receipt, WholeFile

BATCH_FILES: Final = 256
"""Small files or parts taken in one transaction ..."""
BATCH_BYTES: Final = 4 * 1024 * 1024
"""... bytes of them ..."""
ACCEPT_FILES: Final = 32
"""... and files put together from parts, so that an urgent file waits for one such transaction. Our choices."""
SMALL: Final = 256 * 1024
"""Bytes up to which a file is opened in memory and taken with others."""

URGENT: Final = frozenset({Lane.P0, Lane.P1})
"""Lanes whose files are never put aside: they wait for nobody."""

Accepting = Callable[[], Receipt]
Aside = Callable[[Accepting], "Future[Receipt]"]
"""Runs a slow call elsewhere, for example `ThreadPoolExecutor.submit`."""

_logger = logging.getLogger(__name__)
_Key = tuple[VehicleId, str]
_Came = TypeVar("_Came", WholeFile, FilePart)
_Asked = TypeVar("_Asked")
_Answered = TypeVar("_Answered")


def at_once(accept: Accepting) -> "Future[Receipt]":
    """The Aside that puts nothing aside."""
    done: Future[Receipt] = Future()
    try:
        done.set_result(accept())
    except ClinicError as error:
        done.set_exception(error)
    return done


@dataclass
class _Waiting:
    """What one lane has waiting."""

    parts: deque[FilePart] = field(default_factory=deque)
    files: deque[WholeFile] = field(default_factory=deque)
    small: dict[_Key, None] = field(default_factory=dict)
    whole: dict[_Key, None] = field(default_factory=dict)


@dataclass
class Answer:
    """What to tell one vehicle."""

    haves: dict[str, Ranges] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    came: dict[str, float] = field(default_factory=dict)

    def frames(self, now: float) -> list[Have]:
        """Credit; a receipt makes the Have of its file needless."""
        return [
            Have(wire, ranges, held_ms(self.came.get(wire, now), now))
            for wire, ranges in self.haves.items()
            if wire not in self.receipts
        ]

    def held_ms(self, now: float) -> int:
        """Of the receipts, see sync.frames.Receipts."""
        return held_ms(max((self.came[wire] for wire in self.receipts if wire in self.came), default=now), now)


class Desk:
    """The way up at one worker, for all vehicles.

    Args:
        store: where everything goes.
        aside: where a large file that is not urgent is taken, one at a time; meanwhile credit goes on.
        wake: called when that one is done.
        monotonic_s: the clock, for how long files lie here before they are answered.
        small_bytes: size up to which a file is small.
    """

    def __init__(
        self,
        store: IntakeStore,
        aside: Aside = at_once,
        wake: Callable[[], None] = lambda: None,
        monotonic_s: Callable[[], float] = time.monotonic,
        small_bytes: int = SMALL,
    ) -> None:
        self._store = store
        self._small_bytes = small_bytes
        self._aside = aside
        self._wake = wake
        self._monotonic_s = monotonic_s
        self._came: dict[_Key, float] = {}
        self._lanes = {lane: _Waiting() for lane in Lane}
        self._answers: dict[VehicleId, Answer] = {}
        self._taking: tuple[_Key, Future[Receipt]] | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do now."""
        return self._most_urgent() is not None or (self._taking is not None and self._taking[1].done())

    def _most_urgent(self) -> Lane | None:
        for lane, waiting in self._lanes.items():
            can_accept = waiting.whole and (lane in URGENT or self._taking is None)
            if waiting.parts or waiting.files or waiting.small or can_accept:
                return lane
        return None

    def on_items(self, vehicle: VehicleId, items: Items, waited_s: float = 0.0) -> None:
        """Whole wire files came, `waited_s` seconds ago."""
        files = [WholeFile(vehicle, hashlib.sha256(data).hexdigest(), items.lane, data) for data in items.data]
        came = self._monotonic_s() - waited_s
        self._came.update(((vehicle, each.wire_sha256), came) for each in files)
        self._lanes[items.lane].files.extend(files)

    def on_part(self, vehicle: VehicleId, part: Part, waited_s: float = 0.0) -> None:
        """Bytes of a wire file came `waited_s` seconds ago, or the question which are here."""
        self._came[vehicle, part.wire_sha256] = self._monotonic_s() - waited_s
        said = FilePart(vehicle, part.wire_sha256, part.size, part.lane, part.offset, part.data)
        self._lanes[part.lane].parts.append(said)

    def work(self) -> None:
        """Some of the most urgent work; may be slow."""
        self._finish_taking()
        lane = self._most_urgent()
        if lane is None:
            return
        waiting = self._lanes[lane]
        if waiting.parts:
            self._keep_some(waiting)
        elif waiting.files:
            self._take_some(waiting.files)
        elif waiting.small:
            self._accept_some(waiting.small)
        else:
            self._accept_one(waiting, at_once if lane in URGENT else self._aside)

    def _keep_some(self, waiting: _Waiting) -> None:
        parts = _some(waiting.parts)
        for part, held in zip(parts, self._store.keep(parts), strict=True):
            key = part.vehicle, part.wire_sha256
            self._note_came(key)
            if isinstance(held, Receipt):
                self._of(part.vehicle).receipts[part.wire_sha256] = held
            elif held is not None:  # without an answer there is no credit: the sender keeps the bytes and comes back
                self._of(part.vehicle).haves[part.wire_sha256] = held
                if held == ((0, part.size),) and (self._taking is None or self._taking[0] != key):
                    (waiting.small if part.size <= self._small_bytes else waiting.whole)[key] = None

    def _take_some(self, queue: deque[WholeFile]) -> None:
        files = list({(each.vehicle, each.wire_sha256): each for each in _some(queue)}.values())
        for file, receipt in zip(files, self._store.take(files), strict=True):
            self._note_came((file.vehicle, file.wire_sha256))
            if receipt is not None:
                self._of(file.vehicle).receipts[file.wire_sha256] = receipt

    def _accept_some(self, small: dict[_Key, None]) -> None:
        files = list(small)[:ACCEPT_FILES]
        for key in files:
            del small[key]
        for (vehicle, wire), receipt in zip(files, self._store.accept_some(files), strict=True):
            if receipt is not None:
                self._of(vehicle).receipts[wire] = receipt

    def _accept_one(self, waiting: _Waiting, where: Aside) -> None:
        vehicle, wire = key = next(iter(waiting.whole))
        del waiting.whole[key]
        future = where(lambda: self._store.accept(vehicle, wire))
        if future.done():
            self._note(key, future)
            return
        self._taking = (key, future)
        future.add_done_callback(lambda _: self._wake())

    def _finish_taking(self) -> None:
        if self._taking is not None and self._taking[1].done():
            self._note(*self._taking)
            self._taking = None

    def _note(self, key: _Key, future: "Future[Receipt]") -> None:
        vehicle, wire = key
        try:
            self._of(vehicle).receipts[wire] = future.result()
        except ClinicError as error:
            _logger.error("cannot take envelope %s: %s", wire, error)  # noqa: TRY400 - told, not traced

    def _note_came(self, key: _Key) -> None:
        """It is answered now, or never."""
        if (came := self._came.pop(key, None)) is not None:
            self._of(key[0]).came[key[1]] = came

    def _of(self, vehicle: VehicleId) -> Answer:
        return self._answers.setdefault(vehicle, Answer())

    def answers(self) -> Iterator[tuple[VehicleId, Answer]]:
        """What to tell the vehicles now; told once."""
        answers, self._answers = self._answers, {}
        yield from answers.items()


def _some(queue: deque[_Came]) -> list[_Came]:
    """As many as go into one transaction, taken from the queue."""
    some: list[_Came] = []
    size = 0
    while queue and len(some) < BATCH_FILES and size < BATCH_BYTES:
        some.append(queue.popleft())
        size += len(some[-1].data)
    return some


def _unless_refused(wire_sha256: str, act: Callable[[_Asked], _Answered], asked: _Asked) -> _Answered | None:
    """What `act` answers; None, told in the log, where the store refuses."""
    try:
        return act(asked)
    except ClinicError as error:
        _logger.error("cannot take bytes of envelope %s: %s", wire_sha256, error)  # noqa: TRY400 - told, not traced
        return None


class OneByOne:
    """An IntakeStore over each vehicle's own InboundStore: one file at a time."""

    def __init__(self, store: Callable[[VehicleId], InboundStore | None]) -> None:
        self._store = store

    def take(self, files: Sequence[WholeFile]) -> Sequence[Receipt | None]:
        """See IntakeStore."""
        return [_unless_refused(each.wire_sha256, self._take, each) for each in files]

    def keep(self, parts: Sequence[FilePart]) -> Sequence[Ranges | Receipt | None]:
        """See IntakeStore."""
        return [_unless_refused(each.wire_sha256, self._keep, each) for each in parts]

    def accept(self, vehicle: VehicleId, wire_sha256: str) -> Receipt:
        """See IntakeStore."""
        return self._of(vehicle).accept(wire_sha256)

    def accept_some(self, files: Sequence[tuple[VehicleId, str]]) -> Sequence[Receipt | None]:
        """See IntakeStore."""
        return [_unless_refused(wire, self._of(vehicle).accept, wire) for vehicle, wire in files]

    def _take(self, file: WholeFile) -> Receipt:
        held = self._keep(FilePart(file.vehicle, file.wire_sha256, len(file.data), file.lane, 0, file.data))
        return held if isinstance(held, Receipt) else self.accept(file.vehicle, file.wire_sha256)

    def _keep(self, part: FilePart) -> Ranges | Receipt:
        store, wire = self._of(part.vehicle), part.wire_sha256
        given = store.receipt_for(wire)
        if given is not None:
            return given
        return store.write(wire, part.size, part.lane, part.offset, part.data) if part.data else store.ranges(wire)

    def _of(self, vehicle: VehicleId) -> InboundStore:
        store = self._store(vehicle)
        if store is None:
            raise AccessError(f"vehicle {vehicle} is not enrolled here")
        return store
