"""Huffman coding of SCP samples: the default table, tables of a record's own (section 2), decoding and encoding.

A code structure (SCP 5.5.3): bits of the prefix u8, bits of the whole code u8, table mode switch u8 (1 a value,
0 change to another table), base value i16 (or the number of the next table, from 1), base code u32 with its first
bit lowest. A code longer than its prefix carries a signed number in the remaining bits, added to the base value.
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recordings.scp_ecg.record import damaged

DEFAULT_TABLE_NUMBER: Final = 19999
"""Section 2 with this count of tables holds none: the default table of SCP annex C.3.7.6 is meant."""
MAX_PREFIX_BITS: Final = 16
MAX_TABLES: Final = 16
"""A table of 16-bit prefixes unfolds to 65 536 places; real records have one or two."""
MAX_CODE_BITS: Final = 32
_STRUCTURE = struct.Struct("<BBBhI")


@dataclass(frozen=True, slots=True)
class CodeStructure:
    """One line of a table; `prefix` in reading order, first bit highest."""

    prefix_bits: int
    code_bits: int
    prefix: int
    value: int
    switches_table: bool = False


def _default_structures() -> tuple[CodeStructure, ...]:
    """The default table (SCP annex C.3.7.6).

    0 is `0`; +n and -n for n = 1..8 are n ones, a zero, and 0 for plus, 1 for minus; nine ones and a zero precede a
    raw signed number of 8 bits; ten ones one of 16 bits.
    """
    lines = [CodeStructure(1, 1, 0, 0)]
    for size in range(1, 9):
        stem = ((1 << size) - 1) << 1
        lines.append(CodeStructure(size + 2, size + 2, stem << 1, size))
        lines.append(CodeStructure(size + 2, size + 2, stem << 1 | 1, -size))
    lines.append(CodeStructure(10, 18, 0b1111111110, 0))
    lines.append(CodeStructure(10, 26, 0b1111111111, 0))
    return tuple(lines)


DEFAULT_STRUCTURES: Final = _default_structures()


class HuffmanCoder:
    """Decodes the samples of one lead with a record's tables; decoding starts in the first one."""

    def __init__(self, tables: tuple[tuple[CodeStructure, ...], ...] = (DEFAULT_STRUCTURES,)) -> None:
        self._lookups = [_lookup(table, number) for number, table in enumerate(tables, 1)]

    def decode(self, data: bytes, count: int, where: str) -> NDArray[np.int64]:
        """`count` numbers from `data`; `where` names the lead in errors.

        Raises:
            BadFrame: the bits end early or are no code of the table.
        """
        window = bits = at = 0
        lookup, width = self._lookups[0]
        values: list[int] = []
        size = len(data)
        # The window holds bits still unread, highest first; past the end of `data` it is filled with zeros, and
        # `spare` counts those so that none of them is taken for data.
        spare = 0
        while len(values) < count:
            while bits < MAX_CODE_BITS:
                if at < size:
                    window = (window << 8 | data[at]) & 0xFFFFFFFFFFFFFF
                    at += 1
                else:
                    window = window << 8 & 0xFFFFFFFFFFFFFF
                    spare += 8
                bits += 8
            entry = lookup[window >> (bits - width) & ((1 << width) - 1)]
            if entry is None:
                raise damaged(f"{where}: no code of the Huffman table at sample {len(values) + 1} of {count}")
            bits -= entry.code_bits
            if bits < spare:
                raise damaged(f"{where}: the data ends at sample {len(values) + 1} of {count}")
            if entry.switches_table:
                if not 1 <= entry.value <= len(self._lookups):
                    raise damaged(f"{where}: change to Huffman table {entry.value} of {len(self._lookups)}")
                lookup, width = self._lookups[entry.value - 1]
                continue
            raw_bits = entry.code_bits - entry.prefix_bits
            value = entry.value
            if raw_bits:
                raw = window >> bits & ((1 << raw_bits) - 1)
                value += raw - (1 << raw_bits) if raw >> (raw_bits - 1) else raw
            values.append(value)
        return np.array(values, dtype=np.int64)


def _lookup(table: tuple[CodeStructure, ...], number: int) -> tuple[list[CodeStructure | None], int]:
    """Every pattern of the longest prefix's width -> the structure it starts with."""
    where = f"section 2: Huffman table {number}"
    if not table:
        raise damaged(f"{where} is empty")
    width = max(line.prefix_bits for line in table)
    lookup: list[CodeStructure | None] = [None] * (1 << width)
    for line in table:
        first = line.prefix << (width - line.prefix_bits)
        for pattern in range(first, first + (1 << (width - line.prefix_bits))):
            if lookup[pattern] is not None:
                raise damaged(f"{where}: two codes begin with the same bits")
            lookup[pattern] = line
    return lookup, width


def read_tables(section: bytes) -> HuffmanCoder:
    """The coder section 2 describes.

    Raises:
        BadFrame: the section is cut or its tables are not usable.
    """
    if len(section) < 2:
        raise damaged("section 2: no count of tables")
    (count,) = struct.unpack_from("<H", section)
    if count == DEFAULT_TABLE_NUMBER:
        return HuffmanCoder()
    if not 1 <= count <= MAX_TABLES:
        raise damaged(f"section 2: {count} tables are outside 1..{MAX_TABLES}")
    tables: list[tuple[CodeStructure, ...]] = []
    at = 2
    for number in range(1, count + 1):
        if at + 2 > len(section):
            raise damaged(f"section 2: ends before table {number} of {count}")
        (lines,) = struct.unpack_from("<H", section, at)
        at += 2
        if at + lines * _STRUCTURE.size > len(section):
            raise damaged(f"section 2: table {number} says {lines} codes, the section ends before")
        tables.append(
            tuple(_structure(_STRUCTURE.unpack_from(section, at + i * _STRUCTURE.size), number) for i in range(lines))
        )
        at += lines * _STRUCTURE.size
    return HuffmanCoder(tuple(tables))


def _structure(fields: tuple[int, int, int, int, int], number: int) -> CodeStructure:
    prefix_bits, code_bits, mode, value, base = fields
    if not (1 <= prefix_bits <= MAX_PREFIX_BITS and prefix_bits <= code_bits <= MAX_CODE_BITS and mode in {0, 1}):
        raise damaged(
            f"section 2: table {number} has a code of {prefix_bits} prefix bits, {code_bits} bits, mode {mode}"
        )
    prefix = int(f"{base & ((1 << prefix_bits) - 1):0{prefix_bits}b}"[::-1], 2)
    return CodeStructure(prefix_bits, code_bits, prefix, value, switches_table=mode == 0)


def _bits_of(value: int) -> str:
    for line in DEFAULT_STRUCTURES:
        raw_bits = line.code_bits - line.prefix_bits
        prefix = f"{line.prefix:0{line.prefix_bits}b}"
        if not raw_bits and line.value == value:
            return prefix
        if raw_bits and -(1 << (raw_bits - 1)) <= value < 1 << (raw_bits - 1):
            return prefix + f"{value & ((1 << raw_bits) - 1):0{raw_bits}b}"
    raise ValueError(f"{value} needs more than 16 bits")


def encode_default(values: NDArray[np.int64]) -> bytes:
    """`values` (each in 16 bits, signed) in the default table, filled with zero bits to whole bytes."""
    codes = {value: _bits_of(value) for value in set(values.tolist())}
    bits = "".join(codes[value] for value in values.tolist())
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""
