"""Attribute lists and maps (IEEE 11073-20601-2008, annex A): how an object says what it is and what it will send."""

from collections.abc import Mapping
from typing import NamedTuple

from recordings.ieee11073.mder import Reader, damaged, octets, sequence, u16

Attributes = Mapping[int, bytes]
"""Attribute id -> its encoded value."""


class Entry(NamedTuple):
    """One entry of an AttrValMap: which attribute comes, and its size in bytes."""

    attribute: int
    size: int


def read_attributes(reader: Reader) -> dict[int, bytes]:
    """AttributeList; of an attribute said twice the last counts.

    Raises:
        BadFrame: lengths do not fit.
    """
    return {entry.u16(): entry.octets() for entry in reader.entries("attribute list")}


def attribute_list(attributes: Attributes) -> bytes:
    """AttributeList."""
    return sequence(tuple(u16(key) + octets(value) for key, value in attributes.items()))


def read_value_map(reader: Reader) -> tuple[Entry, ...]:
    """AttrValMap.

    Raises:
        BadFrame: lengths do not fit, or an attribute would have no byte.
    """
    mapped = tuple(Entry(entry.u16(), entry.u16()) for entry in reader.entries("attribute value map"))
    if not all(entry.size for entry in mapped):
        raise damaged("attribute value map: an attribute of no byte")
    return mapped


def value_map(entries: tuple[Entry, ...]) -> bytes:
    """AttrValMap."""
    return sequence(tuple(u16(entry.attribute) + u16(entry.size) for entry in entries))


def read_mapped(reader: Reader, entries: tuple[Entry, ...]) -> dict[int, bytes]:
    """The attributes that lie one after the other as `entries` say.

    Raises:
        BadFrame: the bytes end before the map does.
    """
    return {entry.attribute: reader.take(entry.size) for entry in entries}
