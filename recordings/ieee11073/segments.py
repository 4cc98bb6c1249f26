"""The persistent metric store: what a device measured before it was connected (IEEE 11073-20601-2008, 8.9.3.4).

The manager asks for the segments' descriptions, then for one segment after the other; the agent sends each as
confirmed events of whole entries. An entry is the times its header names and then attributes as the map lists them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.attributes import Entry, read_attributes, read_mapped, read_value_map
from recordings.ieee11073.mder import Reader, damaged, octets, sequence, u16, u32
from recordings.ieee11073.reports import NOBODY, Observed

FIRST_ENTRY, LAST_ENTRY, AGENT_ABORT, MANAGER_CONFIRM = 0x8000, 0x4000, 0x0800, 0x0080
"""Bits of a segment event's status (20601, annex A, SegmEvtStatus)."""
TRANSFER_STARTS: Final = 0
"""Answer to the request for a segment: it follows."""
ALL_SEGMENTS: Final = u16(1) + octets(u16(0))
"""SegmSelection: all of them."""
_HEADER_TIMES: Final = (
    (0x8000, Entry(mdc.ATTR_TIME_STAMP_ABS, 8)),
    (0x4000, Entry(mdc.ATTR_TIME_STAMP_REL, 4)),
    (0x2000, Entry(mdc.ATTR_TIME_STAMP_REL_HI_RES, 8)),
    (0x1000, Entry(mdc.ATTR_TIME_STAMP_BO, 8)),
)
"""SegmEntryHeader bit -> the time before each entry."""
_MOST_ENTRIES: Final = 10_000


class Element(NamedTuple):
    """What a segment keeps of one object."""

    object_class: int
    partition: int
    metric: int
    handle: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment's description: `times` come first in each entry, then what `elements` list."""

    instance: int
    times: tuple[Entry, ...]
    elements: tuple[Element, ...]
    person: int = NOBODY

    @property
    def entry_size(self) -> int:
        """Bytes of one entry."""
        mapped = [entry.size for element in self.elements for entry in element.entries]
        return sum(mapped) + sum(entry.size for entry in self.times)


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """SegmentDataEvent: `count` entries of segment `instance`, from entry `index` on."""

    instance: int
    index: int
    count: int
    status: int
    entries: bytes = b""

    def description(self, status: int) -> bytes:
        """Its SegmDataEventDescr with another status."""
        return u16(self.instance) + u32(self.index) + u32(self.count) + u16(status)


def read_segments(info: bytes) -> dict[int, Segment]:
    """The SegmentInfoList by instance; segments without a map are left out.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(info, "segment list")
    found: dict[int, Segment] = {}
    for entry in reader.entries("segments"):
        instance, told = entry.u16(), read_attributes(entry)
        mapped = told.get(mdc.ATTR_PM_SEG_MAP)
        if mapped is None:
            continue
        person = told.get(mdc.ATTR_PM_SEG_PERSON_ID)
        whose = NOBODY if person is None else Reader(person, "person id").u16()
        found[instance] = _read_map(instance, Reader(mapped, "segment map"), whose)
    reader.end()
    return found


def read_segment_event(info: bytes) -> SegmentEvent:
    """The SegmentDataEvent.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(info, "segment data")
    event = SegmentEvent(reader.u16(), reader.u32(), reader.u32(), reader.u16(), reader.octets())
    reader.end()
    return event


def observe_segment(event: SegmentEvent, segments: Mapping[int, Segment]) -> tuple[tuple[Observed, ...], ...]:
    """The entries of a segment event; each is what lay together at one moment.

    Raises:
        BadFrame: the segment was not described, or its entries do not fill the event.
    """
    segment = segments.get(event.instance)
    if segment is None:
        raise damaged(f"data of segment {event.instance}, which was not described")
    if not segment.entry_size or event.count > _MOST_ENTRIES or event.count * segment.entry_size != len(event.entries):
        raise damaged(f"{event.count} entries of {segment.entry_size} bytes in {len(event.entries)} bytes")
    reader = Reader(event.entries, "segment entry")
    return tuple(_read_entry(reader, segment) for _ in range(event.count))


def _read_entry(reader: Reader, segment: Segment) -> tuple[Observed, ...]:
    times = read_mapped(reader, segment.times)
    return tuple(
        Observed(element.handle, segment.person, {**times, **read_mapped(reader, element.entries)})
        for element in segment.elements
    )


def _read_map(instance: int, reader: Reader, person: int) -> Segment:
    header = reader.u16()
    elements = tuple(
        Element(entry.u16(), entry.u16(), entry.u16(), entry.u16(), read_value_map(entry))
        for entry in reader.entries("segment elements")
    )
    reader.end()
    return Segment(instance, tuple(entry for bit, entry in _HEADER_TIMES if header & bit), elements, person)


def segment_map(elements: tuple[Element, ...]) -> bytes:
    """A PmSegmentEntryMap whose entries begin with an absolute time."""
    return u16(0x8000) + sequence(
        tuple(
            u16(each.object_class)
            + u16(each.partition)
            + u16(each.metric)
            + u16(each.handle)
            + sequence(tuple(u16(entry.attribute) + u16(entry.size) for entry in each.entries))
            for each in elements
        )
    )
