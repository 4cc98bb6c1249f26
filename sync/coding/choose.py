"""A payload -> the coder that brings it over soonest, and its coded bytes. What is chosen gives every byte back."""

import io
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final

from clinic_records.errors import RefusedInput
from sync.coding import dictionaries, plain, samples
from sync.coding.choice import UNKNOWN, Trial, best
from sync.coding.image.layout import Layout, find_layout
from sync.coding.sources import Counting, PayloadSource, open_source, pieces_of, read_all
from sync.envelope import Codec
from sync.stream import Source

MIN_GAIN: Final = 0.02
"""Part of the size a coder must save; below it the receiver's work is not worth it. Our choice."""
WHOLE: Final = 1024 * 1024
"""Bytes of payload up to which every coder is tried on all of it; of a longer one so much is tried."""
KEPT: Final = 16 * 1024 * 1024
"""Coded bytes kept in memory between measuring and sealing; what is longer is coded twice, the same way."""
FAST: Final = 4_000_000.0
"""Bytes/s of a link (32 Mbit/s) on which no image coder stays ahead for sure: it is not even tried. From there on
what coding takes is taken from sending, which needs the same processor."""
PICTURE_GAIN: Final = 0.4
"""Share of zstd's size that no picture coder goes below: on our real frames they reach 0.45 to 0.8 of it."""
_SPARE: Final = 2 * 1024 * 1024
"""Coded bytes kept of what an image coder may still make smaller."""
_CURVES_FROM: Final = 2048
"""Bytes of the smallest payload that may be a curve."""


@dataclass(frozen=True)
class Terms:
    """What the receiver understands, how fast the link to it is (bytes/s; 0 where not known), whether it is idle."""

    codecs: Collection[str] = (Codec.ZSTD, Codec.RAW)
    dict_ids: Collection[str] = ()
    rate: float = UNKNOWN
    is_idle: bool = False


@dataclass(frozen=True)
class Coded:
    """A payload's hash (SHA-256, hex) and size in bytes, and its coded form, which `pieces` gives anew each time."""

    codec: Codec
    sha256: str
    size: int
    coded_size: int
    pieces: Callable[[], Iterator[bytes]]


def code(source: PayloadSource, terms: Terms) -> Coded:
    """Code the payload by the best coder the receiver has; RAW is always one of them.

    Raises:
        RefusedInput: the payload changed between two readings; also from `pieces`.
    """
    with open_source(source) as src:
        head = read_all(src, WHOLE + 1)
    layout = find_layout(head) if Codec.IMAGE in terms.codecs and terms.rate < FAST else None
    kept = _SPARE if layout else KEPT
    coded = _short(head, terms) if len(head) <= WHOLE else _long(source, head, terms, kept=kept)
    if layout is None or _is_repeated(head, layout, coded.made):
        return coded.made
    return _image(source, coded, terms) or coded.made


def _is_repeated(head: bytes, layout: Layout, made: Coded) -> bool:
    """Whether zstd found so much of each frame in the ones before that frames as pictures cannot be smaller."""
    frame = head[layout.offset : layout.offset + layout.shape.frame_size]
    alone = sum(map(len, plain.encode(io.BytesIO(frame))))
    return made.coded_size * len(frame) < PICTURE_GAIN * alone * made.size


@dataclass(frozen=True)
class _Timed:
    """What was made, and the seconds it took."""

    made: Coded
    seconds: float


def _short(payload: bytes, terms: Terms) -> _Timed:
    """A payload in memory: every coder that may fit, the smallest wins."""
    made: dict[Codec, bytes] = {}
    if Codec.ZSTD in terms.codecs:
        made[Codec.ZSTD] = b"".join(plain.encode(io.BytesIO(payload)))
    if Codec.DICTIONARY in terms.codecs and (packed := dictionaries.encode(payload, terms.dict_ids)) is not None:
        made[Codec.DICTIONARY] = packed
    is_curve = len(payload) >= _CURVES_FROM and b"\0" in payload[:_CURVES_FROM]
    if is_curve and Codec.SAMPLES in terms.codecs and terms.rate < FAST:
        made[Codec.SAMPLES] = samples.encode(payload)
    counted = Counting(io.BytesIO(payload))
    counted.read(len(payload))
    limit = len(payload) * (1 - MIN_GAIN)
    for codec in sorted(made, key=lambda each: len(made[each])):
        if len(made[codec]) < limit and _is_proved(codec, made[codec], payload):
            return _Timed(_kept(codec, counted, [made[codec]]), 0.0)
    return _Timed(_kept(Codec.RAW, counted, [payload]), 0.0)


def _is_proved(codec: Codec, data: bytes, payload: bytes) -> bool:
    """What our own coder made is decoded and compared; zstd is trusted."""
    return codec is not Codec.SAMPLES or b"".join(samples.decode(io.BytesIO(data), len(payload))) == payload


def _long(source: PayloadSource, head: bytes, terms: Terms, *, kept: int) -> _Timed:
    """A payload that is streamed: zstd as the link and its begin suggest."""
    began = time.monotonic()
    if level := _level(head, terms):
        coded = _streamed(source, Codec.ZSTD, lambda src: plain.encode(src, level), kept)
        if coded.coded_size < coded.size * (1 - MIN_GAIN):
            return _Timed(coded, time.monotonic() - began)
    return _Timed(_streamed(source, Codec.RAW, pieces_of, 0), 0.0)


def _level(head: bytes, terms: Terms) -> int:
    """The zstd level that suits the link, tried on the payload's begin; 0 where none pays."""
    trials = [(0, Trial(len(head), 0.0))]
    levels = (plain.FAST_LEVEL,) if terms.rate >= FAST else (plain.FAST_LEVEL, plain.LEVEL)
    for level in levels if Codec.ZSTD in terms.codecs else ():
        began = time.thread_time()  # another process that has the processor just now says nothing about the coder
        size = sum(map(len, plain.encode(io.BytesIO(head), level)))
        if size < len(head) * (1 - MIN_GAIN):
            trials.append((level, Trial(size, time.thread_time() - began)))
    return best(trials, terms.rate, is_idle=terms.is_idle or terms.rate >= FAST)


def _streamed(source: PayloadSource, codec: Codec, encode: Callable[[Source], Iterator[bytes]], kept: int) -> Coded:
    with open_source(source) as src:
        counting = Counting(src)
        gathered = _Gathered(kept)
        for piece in encode(counting):
            gathered.add(piece)
    return _made(codec, counting, gathered, lambda: _again(source, counting, encode))


def _image(source: PayloadSource, other: _Timed, terms: Terms) -> Coded | None:
    """The payload by the image coder; None as soon as it is not better than `other`."""
    coder = import_module("sync.coding.image.encoder")
    encoder = coder.Encoder(rate=terms.rate, is_idle=terms.is_idle)
    gathered, done, seconds = _Gathered(KEPT), 0, 0.0
    with open_source(source) as src:
        counting = Counting(src)
        for block in encoder.blocks(counting):
            gathered.add(block.data)
            done, seconds = done + block.plain_size, seconds + block.seconds
            part = done / other.made.size
            so_far = Trial(int(other.made.coded_size * part), other.seconds * part)
            pair = ((False, so_far), (True, Trial(gathered.size, seconds)))
            is_slower = done > WHOLE and not best(pair, terms.rate, is_idle=terms.is_idle)
            if gathered.size >= other.made.coded_size or (is_slower and terms.rate > UNKNOWN):
                return None
    if counting.hash.hexdigest() != other.made.sha256:
        raise RefusedInput("the payload changed while it was being coded")

    def encode(src: Source) -> Iterator[bytes]:
        once_more = coder.Encoder(rate=terms.rate, ways=encoder.ways)
        return (block.data for block in once_more.blocks(src))

    return _made(Codec.IMAGE, counting, gathered, lambda: _again(source, counting, encode))


@dataclass
class _Gathered:
    """Coded pieces: their size, and themselves as long as they are few."""

    limit: int
    size: int = 0
    kept: list[bytes] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.size <= self.limit

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.is_whole:
            self.kept.append(piece)
        else:
            self.kept.clear()


def _made(codec: Codec, read: Counting, gathered: _Gathered, again: Callable[[], Iterator[bytes]]) -> Coded:
    pieces = (lambda: iter(gathered.kept)) if gathered.is_whole else again
    return Coded(codec, read.hash.hexdigest(), read.size, gathered.size, pieces)


def _kept(codec: Codec, read: Counting, pieces: list[bytes]) -> Coded:
    return Coded(codec, read.hash.hexdigest(), read.size, sum(map(len, pieces)), lambda: iter(pieces))


def _again(source: PayloadSource, before: Counting, encode: Callable[[Source], Iterator[bytes]]) -> Iterator[bytes]:
    with open_source(source) as src:
        counting = Counting(src)
        yield from encode(counting)
    if counting.hash.digest() != before.hash.digest():
        raise RefusedInput("the payload changed while it was being sealed")
