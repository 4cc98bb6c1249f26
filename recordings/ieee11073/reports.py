"""Scan reports: the values of a configuration's objects (IEEE 11073-20601-2008, annex A, ScanReportInfo...).

Three forms: fixed (the object's value map says what lies where), variable (each attribute says its name) and grouped
(a scanner's map says it for several objects at once); each also for several persons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Event
from recordings.ieee11073.attributes import Attributes, read_attributes, read_mapped
from recordings.ieee11073.configuration import ConfigObject
from recordings.ieee11073.mder import Reader, damaged, octets, sequence, u16

NOBODY: Final = 0xFFFF
"""Person id where the device knows none."""
MOST_SCANS: Final = 10_000
AGENT_INITIATED: Final = 0xF000
"""Data request id of a report that nobody asked for."""


class Form(Enum):
    """How values are written."""

    FIXED = "fixed"
    VARIABLE = "variable"
    GROUPED = "grouped"


FORMS: Final[Mapping[int, tuple[Form, bool]]] = {
    mdc.NOTI_SCAN_REPORT_FIXED: (Form.FIXED, False),
    mdc.NOTI_SCAN_REPORT_VAR: (Form.VARIABLE, False),
    mdc.NOTI_SCAN_REPORT_MP_FIXED: (Form.FIXED, True),
    mdc.NOTI_SCAN_REPORT_MP_VAR: (Form.VARIABLE, True),
    mdc.NOTI_UNBUF_SCAN_REPORT_FIXED: (Form.FIXED, False),
    mdc.NOTI_UNBUF_SCAN_REPORT_VAR: (Form.VARIABLE, False),
    mdc.NOTI_UNBUF_SCAN_REPORT_GROUPED: (Form.GROUPED, False),
    mdc.NOTI_UNBUF_SCAN_REPORT_MP_FIXED: (Form.FIXED, True),
    mdc.NOTI_UNBUF_SCAN_REPORT_MP_VAR: (Form.VARIABLE, True),
    mdc.NOTI_UNBUF_SCAN_REPORT_MP_GROUPED: (Form.GROUPED, True),
    mdc.NOTI_BUF_SCAN_REPORT_FIXED: (Form.FIXED, False),
    mdc.NOTI_BUF_SCAN_REPORT_VAR: (Form.VARIABLE, False),
    mdc.NOTI_BUF_SCAN_REPORT_GROUPED: (Form.GROUPED, False),
    mdc.NOTI_BUF_SCAN_REPORT_MP_FIXED: (Form.FIXED, True),
    mdc.NOTI_BUF_SCAN_REPORT_MP_VAR: (Form.VARIABLE, True),
    mdc.NOTI_BUF_SCAN_REPORT_MP_GROUPED: (Form.GROUPED, True),
}
"""Event type -> (form, whether for several persons)."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a report says of one object, before its configuration gives it a meaning.

    Attributes:
        handle: of the object; of the scanner where the form is grouped.
        data: values without names (fixed, grouped).
        told: named attributes (variable).
        person: the device's own number of whoever it measured, or NOBODY.
    """

    form: Form
    handle: int
    person: int = NOBODY
    data: bytes = b""
    told: Attributes | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """Attributes of one object at one moment; `surplus` counts bytes that its configuration did not announce."""

    handle: int
    person: int
    attributes: Attributes
    surplus: int = 0


def read_scans(event: Event) -> tuple[tuple[Scan, ...], int]:
    """The scans in a report whose type is in FORMS, and how many bytes it has after the last.

    There should be none; agents are about that send some (signove/antidote's glucose meter).

    Raises:
        BadFrame: lengths do not fit.
    """
    form, is_multi_person = FORMS[event.type]
    reader = Reader(event.info, "scan report")
    reader.take(4)  # data request id, report number
    scans: list[Scan] = []
    for entry in reader.entries("scans", MOST_SCANS):
        if not is_multi_person:
            scans.append(_read_scan(entry, form, event.handle, NOBODY))
            continue
        person = entry.u16()
        if form is Form.GROUPED:
            scans.append(_read_scan(entry, form, event.handle, person))
        else:
            scans.extend(_read_scan(each, form, event.handle, person) for each in entry.entries("scans", MOST_SCANS))
    return tuple(scans), reader.left


def _read_scan(entry: Reader, form: Form, scanner: int, person: int) -> Scan:
    if form is Form.GROUPED:
        return Scan(form, scanner, person, data=entry.octets())
    handle = entry.u16()
    if form is Form.FIXED:
        return Scan(form, handle, person, data=entry.octets())
    return Scan(form, handle, person, told=read_attributes(entry))


def observe(scan: Scan, objects: Mapping[int, ConfigObject]) -> tuple[Observed, ...]:
    """The scan's attributes by name; empty where the configuration has no such object.

    Raises:
        BadFrame: there are fewer bytes than the configuration announces.
    """
    if scan.told is not None:
        return (Observed(scan.handle, scan.person, scan.told),)
    known = objects.get(scan.handle)
    if known is None:
        return ()
    reader = Reader(scan.data, f"report of object {scan.handle}")
    if scan.form is Form.FIXED:
        if not known.value_map:
            raise damaged(f"fixed report of object {scan.handle}, which has no value map")
        read = read_mapped(reader, known.value_map)
        return (Observed(scan.handle, scan.person, read, reader.left),)
    parts = [(handle, read_mapped(reader, entries)) for handle, entries in known.grouped_map]
    if not parts or reader.left:
        raise damaged(f"grouped report of scanner {scan.handle} does not fit its map")
    return tuple(Observed(handle, scan.person, read) for handle, read in _joined(parts))


def _joined(parts: list[tuple[int, dict[int, bytes]]]) -> list[tuple[int, dict[int, bytes]]]:
    """Attributes of one handle that a map lists in several entries, put together."""
    by_handle: dict[int, dict[int, bytes]] = {}
    for handle, read in parts:
        by_handle.setdefault(handle, {}).update(read)
    return list(by_handle.items())


def fixed_report(number: int, scans: tuple[tuple[int, bytes], ...]) -> bytes:
    """The info of a fixed report that an agent sends by itself: (handle, values) of each object."""
    return u16(AGENT_INITIATED) + u16(number) + sequence(tuple(u16(handle) + octets(data) for handle, data in scans))
