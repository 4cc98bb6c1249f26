"""A native DICOM file, coded group by group; each way is tried on the study itself, and each block proved by decoding.

Groups double (1, 1, 2, 4 ... frames up to GROUP bytes), so that what was learnt from all frames before is never much
older than half of them.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clinic_records.errors import BadFrame
from sync.coding.choice import Trial, best
from sync.coding.image import pictures
from sync.coding.image.blocks import GROUP, Method, block_bytes, deflate, shape_bytes
from sync.coding.image.decoder import Decoder
from sync.coding.image.layout import HEAD, Layout, find_layout
from sync.coding.image.pictures import EFFORTS, Effort
from sync.coding.image.positions import Positions
from sync.coding.sources import Resumed, read_all
from sync.stream import Source

NEAR: Final = 1.06
"""An effort whose trial came to more than so many times the best is not tried again ..."""
TRY_ALL_EVERY: Final = 8
WORSE: Final = 1.2
"""... until as many groups later, or until what is left comes to so many times what the best came to: a picture may
change in the middle of a loop. All our choice."""

_MAX_FRAMES: Final = 0xFFFF
_ERRORS: Final = (RuntimeError, ValueError, TypeError, MemoryError, BadFrame)
"""What a picture coder raises at pixels it cannot take."""

Group = NDArray[np.uint8]
"""(frame, byte)."""
Way = Effort | Method
"""An effort of a picture coder, or a method without efforts."""
_Made = tuple[Method, bytes]
"""A block's method and body."""


@dataclass(frozen=True)
class Block:
    """One coded block, what it stands for and how long it took, in seconds."""

    data: bytes
    plain_size: int
    method: Method
    seconds: float


class Encoder:
    """Codes one file. Give `ways` of an earlier run to get the same bytes again, without trials."""

    def __init__(
        self,
        *,
        rate: float,
        is_idle: bool = False,
        efforts: tuple[Effort, ...] = EFFORTS,
        is_learning: bool = True,
        ways: list[Way] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rate` (bytes/s) and `is_idle` are the link's; `is_learning` False leaves out what goes across frames."""
        self.ways: list[Way] = []
        self._rate, self._is_idle = rate, is_idle
        self._efforts = efforts
        self._is_learning = is_learning
        self._again = iter(ways) if ways is not None else None
        self._monotonic_s = monotonic_s
        self._near: set[str] = set()
        self._best_share = 0.0

    def blocks(self, src: Source) -> Iterator[Block]:
        """The coded file, shape first; nothing where it has no pixels for this coder."""
        head = read_all(src, HEAD)
        layout = find_layout(head)
        if layout is None:
            return
        yield Block(shape_bytes(layout.shape), 0, Method.BYTES, 0.0)
        yield from self.frames(Resumed(head, src), layout)

    def frames(self, src: Source, layout: Layout) -> Iterator[Block]:
        """All of `src`, whose frames lie as `layout` says."""
        shape = layout.shape
        yield from _bytes_blocks(src, layout.offset)
        positions, proof = Positions(shape.frame_size), Decoder(shape)
        missing, done, number = layout.frames, 0, 0
        while missing:
            count = min(missing, max(1, done), max(1, GROUP // shape.frame_size), _MAX_FRAMES)
            data = read_all(src, count * shape.frame_size)
            if len(data) < count * shape.frame_size:  # the file is cut short
                if data:
                    yield _bytes_block(data)
                break
            began = self._monotonic_s()
            group = np.frombuffer(data, np.uint8).reshape(count, -1)
            method, body = self._encode(group, layout, positions, number)
            if not _is_proved(proof, method, body, data):
                self.ways[-1] = method = Method.PLAIN
                body = _body(group, deflate(data))
                proof.block(method, body)
            positions.learn(group)
            yield Block(block_bytes(method, body), len(data), method, self._monotonic_s() - began)
            missing, done, number = missing - count, done + count, number + 1
        yield from _bytes_blocks(src, None)

    def _encode(self, group: Group, layout: Layout, positions: Positions, number: int) -> _Made:
        if self._again is not None:
            way, made = next(self._again), None
        else:
            way, made = self._tried(group, layout, positions, number)
        if made is None:
            try:
                made = _encoded(way, group, layout, positions)
            except _ERRORS:
                way = Method.PLAIN
                made = _encoded(way, group, layout, positions)
        self.ways.append(way)
        return made

    def _tried(self, group: Group, layout: Layout, positions: Positions, number: int) -> tuple[Way, _Made | None]:
        """The best way for this group, by coding its last frame in each; and the group, if that coded all of it."""
        sample = group[-1:]
        can_learn = self._is_learning and layout.shape.bits == 8 and positions.is_ready
        methods: list[Way] = [Method.PLAIN, Method.POSITIONS] if can_learn else [Method.PLAIN]
        is_all = number % TRY_ALL_EVERY == 0 or not self._best_share
        efforts = [each for each in self._efforts if each.is_for(layout.shape) and (is_all or each.name in self._near)]
        trials: list[tuple[Way, Trial]] = []
        whole: dict[Way, _Made] = {}
        for way in [*methods, *efforts]:
            part = group if way is Method.POSITIONS else sample  # its codes cost too much for one frame alone
            began = self._monotonic_s()
            try:
                made = _encoded(way, part, layout, positions)
            except _ERRORS:
                continue
            scale = len(group) / len(part)
            trials.append((way, Trial(int(len(made[1]) * scale), (self._monotonic_s() - began) * scale)))
            if len(part) == len(group):
                whole[way] = made
        chosen = best(trials, self._rate, is_idle=self._is_idle)
        smallest = next(trial.coded for way, trial in trials if way is chosen)
        self._near = {way.name for way, trial in trials if isinstance(way, Effort) and trial.coded <= NEAR * smallest}
        share = smallest / group.nbytes
        if is_all:
            self._best_share = share
        elif share > WORSE * self._best_share:
            self._best_share = 0.0  # all are tried with the next group
        return chosen, whole.get(chosen)


def _encoded(way: Way, group: Group, layout: Layout, positions: Positions) -> _Made:
    if isinstance(way, Effort):
        return way.method, _body(group, pictures.encode(group, layout.shape, way))
    if way is Method.POSITIONS:
        return way, _body(group, positions.encode(group))
    return Method.PLAIN, _body(group, deflate(group.tobytes()))


def _body(group: Group, coded: bytes) -> bytes:
    return len(group).to_bytes(2, "big") + coded


def _is_proved(proof: Decoder, method: Method, body: bytes, plain: bytes) -> bool:
    """Whether the block gives every byte back; a decoder that fails has learnt nothing."""
    try:
        return proof.block(method, body) == plain
    except BadFrame:
        return False


def _bytes_blocks(src: Source, size: int | None) -> Iterator[Block]:
    """BYTES blocks of the next `size` bytes; of all that is left where None."""
    while size is None or size > 0:
        data = read_all(src, GROUP if size is None else min(size, GROUP))
        if not data:
            return
        if size is not None:
            size -= len(data)
        yield _bytes_block(data)


def _bytes_block(data: bytes) -> Block:
    return Block(block_bytes(Method.BYTES, deflate(data)), len(data), Method.BYTES, 0.0)
