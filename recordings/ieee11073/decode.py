"""APDUs of a personal health device -> recordings, one for each measurement (IEEE 11073-20601)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_records.ids import sha256_hex
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import CHOICES, PRST, Apdu, is_head, looks_like_data, presentation, read_apdu, read_data
from recordings.ieee11073.apdu import split as split_apdus
from recordings.ieee11073.configuration import ConfigObject, Configuration
from recordings.ieee11073.floats import read_float
from recordings.ieee11073.grouping import averaged, together, values_of
from recordings.ieee11073.mder import read_absolute_time
from recordings.ieee11073.reports import NOBODY, Form, observe
from recordings.ieee11073.segments import observe_segment
from recordings.ieee11073.session import Report, Session
from recordings.ieee11073.standard import that_fit
from recordings.ieee11073.values import Measured, measure
from recordings.signal import DecodedRecording

FORMAT: Final = "ieee11073-20601"
MAX_BYTES: Final = 1 << 20
"""A delivery is an association, a configuration, attributes and a report, of 63 KiB at most each; a stream has less."""
MOST_VALUES: Final = 10_000
"""Values of one delivery; a full APDU of a memory has 6,500."""
_MOST_APDUS: Final = 10_000
_MOST_NOTES: Final = 20
"""Notes of what belongs to no measurement, for each measurement."""
_MOST_SAID: Final = 200
"""Sentences about APDUs in which nothing is measured."""
NEWNESS: Final = timedelta(minutes=10)
"""A measurement further from the device's own now is an old one (hazard H02)."""
_TOO_LONG: Final = Hint("文件太大，不是这种设备的数据。", "The file is too large to be of such a device.")
_ASSUMED: Final = "no configuration in the bytes: read as standard configuration {:04x}, which alone fits them"


def looks_like(raw: bytes) -> bool:
    """Whether `raw` begins with an APDU, or is one without its envelope."""
    return is_head(raw) or _has_wrong_length(raw) or looks_like_data(raw)


def decode(raw: bytes) -> tuple[DecodedRecording, ...]:
    """The measurements in the APDUs `raw`; where there are none, one recording that says what the APDUs are.

    Raises:
        BadFrame: an APDU is cut or damaged.
        RefusedInput: more bytes than any delivery has.
    """
    if len(raw) > MAX_BYTES:
        raise RefusedInput(f"IEEE 11073-20601: {len(raw)} bytes, at most {MAX_BYTES} are read", hint=_TOO_LONG)
    session = Session()
    notes: tuple[str, ...] = ()
    for apdu in _apdus(raw):
        session.hear(apdu)
    if _has_wrong_length(raw):
        notes = (f"the APDU's length says {int.from_bytes(raw[2:4])}, it has {len(raw) - 4} bytes",)
    moments, assumed = _moments(session)
    recordings = _recordings(session, moments, notes + assumed, is_assumed=bool(assumed))
    return recordings or (_description(session, moments, notes + assumed),)


def _has_wrong_length(raw: bytes) -> bool:
    """One presentation APDU, whole by its inner length, whose outer length is wrong."""
    inner = int.from_bytes(raw[4:6])
    return (
        int.from_bytes(raw[:2]) == PRST
        and len(raw) > 12
        and inner + 6 == len(raw)
        and inner + 2 != int.from_bytes(raw[2:4])
        and int.from_bytes(raw[8:10]) in CHOICES
    )


def _apdus(raw: bytes) -> Iterable[Apdu]:
    if looks_like_data(raw) and not is_head(raw):
        return (read_apdu(presentation(read_data(raw))),)
    if _has_wrong_length(raw):
        return (read_apdu(presentation(read_data(raw[6:]))),)
    apdus = split_apdus(raw)
    if len(apdus) > _MOST_APDUS:
        raise RefusedInput(f"IEEE 11073-20601: {len(apdus)} APDUs, at most {_MOST_APDUS} are read", hint=_TOO_LONG)
    return map(read_apdu, apdus)


def _moments(session: Session) -> tuple[list[Measured], tuple[str, ...]]:
    """What each object said at each moment, and a note where the configuration had to be assumed."""
    objects: Mapping[int, ConfigObject] = session.configuration.objects if session.configuration else {}
    notes: tuple[str, ...] = ()
    if not objects:
        sizes = {s.handle: len(s.data) for r in session.reports for s in r.scans if s.form is Form.FIXED}
        fitting = that_fit(sizes) if sizes else ()
        if len(fitting) == 1:
            objects, notes = fitting[0].objects, (_ASSUMED.format(fitting[0].id),)
        elif session.reports:
            notes = ("values without their configuration: what they measure is not known", *_bare(session, fitting))
    found: list[Measured] = []
    count = 0
    for report in session.reports:
        measured = _of_report(report, session, objects)
        found += measured
        count += sum(max(1, len(each.numerics)) for each in measured)
        if count > MOST_VALUES:
            raise RefusedInput(f"IEEE 11073-20601: more than {MOST_VALUES} values in one delivery", hint=_TOO_LONG)
    return found, notes


def _bare(session: Session, fitting: tuple[Configuration, ...]) -> Iterator[str]:
    """The numbers of a report that several configurations fit, where all of them write it alike."""
    for scan in (scan for report in session.reports for scan in report.scans):
        known = [each.objects[scan.handle] for each in fitting if scan.handle in each.objects]
        if not known or any(each.value_map != known[0].value_map for each in known):
            continue
        for seen in observe(scan, {scan.handle: known[0]}):
            number = seen.attributes.get(mdc.ATTR_NU_VAL_OBS_BASIC, seen.attributes.get(mdc.ATTR_NU_VAL_OBS_SIMP))
            stamp = seen.attributes.get(mdc.ATTR_TIME_STAMP_ABS)
            if number is not None:
                at = f" at {read_absolute_time(stamp)}" if stamp else ""
                yield f"object {scan.handle}: {read_float(number)}{at}, unit and meaning not known"


def _of_report(report: Report, session: Session, objects: Mapping[int, ConfigObject]) -> list[Measured]:
    if report.stored is not None:
        if not session.segments:
            return []
        entries = observe_segment(report.stored, session.segments)
        return [_known(measure(each, objects[each.handle])) for e in entries for each in e if each.handle in objects]
    found: list[Measured] = []
    if report.surplus:
        found.append(Measured(notes=(f"{report.surplus} bytes after the report's last object, not read",)))
    for scan in report.scans:
        if objects and scan.handle not in objects:
            note = f"object {scan.handle} is in no configuration: {scan.data[:32].hex()} not read"
            found.append(Measured(person=scan.person, notes=(note,)))
            continue
        seen = observe(scan, objects)
        found.extend(_known(measure(each, objects[each.handle])) for each in seen if each.handle in objects)
    return found


def _known(measured: Measured) -> Measured:
    if measured.person == NOBODY:
        return measured
    return replace(measured, notes=(*measured.notes, f"user {measured.person} of the device"))


def _recordings(
    session: Session, moments: list[Measured], notes: tuple[str, ...], *, is_assumed: bool
) -> tuple[DecodedRecording, ...]:
    is_stream = len(session.reports) > 1 and not any(report.is_confirmed for report in session.reports)
    groups = [averaged(moments)] if is_stream else together(moments)
    notes += tuple(dict.fromkeys(note for group in groups if not group.numerics for note in group.notes))[:_MOST_NOTES]
    groups = [group for group in groups if group.numerics]
    is_stored = any(report.stored for report in session.reports)
    clock = session.clock
    recordings: list[DecodedRecording] = []
    for group in groups:
        device = session.device()
        is_old = group.at is not None and (clock is None or abs(clock - group.at) > NEWNESS)
        if group.at is not None:
            device["source_id"] = _own_id(session, group)
            if group.at.tzinfo is CHINA:
                device["time_zone"] = "assumed"
        recordings.append(
            DecodedRecording(
                format=FORMAT,
                modality=group.modality,
                device=device,
                start=None if group.at is None else group.at.astimezone(UTC),
                numerics=group.numerics,
                notes=(*notes, *group.notes),
                from_memory=len(groups) > 1 or is_stored or is_assumed or is_old,
            )
        )
    return tuple(recordings)


def _description(session: Session, moments: list[Measured], notes: tuple[str, ...]) -> DecodedRecording:
    said = (*session.said, *notes, *(note for each in moments for note in each.notes))[:_MOST_SAID]
    return DecodedRecording(format=FORMAT, device=session.device(), notes=said)


def _own_id(session: Session, group: Measured) -> str:
    """The same for a measurement the device sends twice: its system, the time and the values."""
    return sha256_hex(f"{session.system_id} {values_of(group)}".encode())[:32]
