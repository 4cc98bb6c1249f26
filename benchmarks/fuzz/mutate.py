"""Bytes a broken, wet or hostile device might send: one seed number makes one input, for ever the same."""

import random
from collections.abc import Callable, Sequence
from typing import Final

LARGEST: Final = 256 * 1024
"""Bytes of an input: a mutation may double it, not grow it without end."""
_NUMBERS: Final = (
    b"\0",
    b"\xff",
    b"\x7f\xff",
    b"\xff\xff",
    b"\x80\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x80",
    b"\xfe\xff\xff\x7f",
)
"""Lengths and counts that overflow something, in both byte orders."""
_WORDS: Final = (
    b"<", b"&a;", b"]]>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"\x1b$)A", b"\x0b", b"\x1c\r", b"\x02", b"\x03", b"\x05",
    b"|", b"^", b"\\", b"~", b"\r", b"\n", b"%s", b"..", b"/", b"-1", b"1e999", b"NaN", b"9" * 40,
    "王".encode("gb18030"),
)  # fmt: skip

Mutation = Callable[[random.Random, bytearray, bytes], None]


def _at(chance: random.Random, data: bytearray) -> int:
    """A place; the front, where lengths and signatures stand, is hit more often."""
    if not data:
        return 0
    return chance.randrange(min(len(data), 64)) if chance.random() < 0.3 else chance.randrange(len(data))


def _flip(chance: random.Random, data: bytearray, _: bytes) -> None:
    if data:
        data[_at(chance, data)] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, data: bytearray, _: bytes) -> None:
    if data:
        data[_at(chance, data)] = chance.randrange(256)


def _number(chance: random.Random, data: bytearray, _: bytes) -> None:
    number, at = chance.choice(_NUMBERS), _at(chance, data)
    data[at : at + len(number)] = number


def _word(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = _at(chance, data)
    data[at:at] = chance.choice(_WORDS)


def _cut(chance: random.Random, data: bytearray, _: bytes) -> None:
    del data[_at(chance, data) :]


def _drop(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = _at(chance, data)
    del data[at : at + chance.randrange(1, 64)]


def _repeat(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = _at(chance, data)
    piece = bytes(data[at : at + chance.randrange(1, 512)])
    data[at:at] = piece * chance.choice((1, 2, 16))


def _noise(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = _at(chance, data)
    data[at:at] = chance.randbytes(chance.randrange(1, 32))


def _splice(chance: random.Random, data: bytearray, other: bytes) -> None:
    at = _at(chance, data)
    start = chance.randrange(len(other)) if other else 0
    data[at:] = other[start:]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flip,
    _flip,
    _set,
    _number,
    _number,
    _word,
    _cut,
    _drop,
    _repeat,
    _noise,
    _splice,
)


def mutated(target: str, seed: int, corpus: Sequence[bytes]) -> bytes:
    """Input number `seed` of a target: some whole file, changed in one to eight places."""
    chance = random.Random(f"{target}/{seed}")  # noqa: S311  to be repeated, no secret
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        chance.choice(MUTATIONS)(chance, data, chance.choice(corpus))
    return bytes(data[:LARGEST])
