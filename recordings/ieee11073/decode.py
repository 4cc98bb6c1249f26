"""APDUs of a personal health device -> recordings, one for each measurement (IEEE 11073-20601)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from statistics import median_low
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.reading import Code, Numeric
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import CHOICES, PRST, Apdu, is_head, looks_like_data, presentation, read_apdu, read_data
from recordings.ieee11073.apdu import split as split_apdus
from recordings.ieee11073.configuration import ConfigObject, Configuration
from recordings.ieee11073.floats import read_float
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
    return map(read_apdu, split_apdus(raw))


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
    for report in session.reports:
        found.extend(_of_report(report, session, objects))
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
            found.append(Measured(notes=(f"object {scan.handle} is in no configuration: {scan.data.hex()} not read",)))
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
    groups = [_averaged(moments)] if is_stream else _together(moments)
    groups = [group for group in groups if group.numerics]
    is_stored = any(report.stored for report in session.reports)
    clock = session.clock
    recordings: list[DecodedRecording] = []
    for group in groups:
        device = session.device()
        is_old = group.at is not None and (clock is None or abs(clock - group.at) > NEWNESS)
        if group.at is not None:
            device |= {"time_zone": "assumed", "source_id": _own_id(session, group)}
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
    said = (*session.said, *notes, *(note for each in moments for note in each.notes))
    return DecodedRecording(format=FORMAT, device=session.device(), notes=said)


def _own_id(session: Session, group: Measured) -> str:
    """The same for a measurement the device sends twice: its system, the time and the values."""
    values = ";".join(f"{each.code.code}={each.quantity or each.absent}" for each in group.numerics)
    return sha256_hex(f"{session.system_id} {group.at} {group.person} {values}".encode())[:32]


def _together(moments: list[Measured]) -> list[Measured]:
    """Objects of one person and one time as one measurement; the same number again begins another one."""
    only_time = {each.at for each in moments if each.at is not None}
    filled = next(iter(only_time)) if len(only_time) == 1 else None
    groups: list[Measured] = []
    for each in moments:
        at = each.at or filled
        group = next((i for i, g in enumerate(groups) if g.at == at and _fits(g, each)), None)
        if group is None:
            groups.append(replace(each, at=at))
        else:
            groups[group] = _united(groups[group], each)
    whole = [_with_context(group) for group in groups]
    return [each for i, each in enumerate(whole) if not any(_is_again(each, earlier) for earlier in whole[:i])]


def _is_again(one: Measured, earlier: Measured) -> bool:
    """The same numbers of the same moment: some devices put a measurement into a report twice."""
    return one.at is not None and (one.at, one.person, one.numerics) == (earlier.at, earlier.person, earlier.numerics)


def _fits(group: Measured, other: Measured) -> bool:
    if NOBODY not in {group.person, other.person} and group.person != other.person:
        return False
    if group.context.keys() & other.context.keys():
        return False
    keys = {_key(each) for each in group.numerics}
    return not any(_key(each) in keys for each in other.numerics)


def _key(numeric: Numeric) -> tuple[Code, str]:
    return numeric.code, numeric.context.get("averaging", "")


def _united(one: Measured, other: Measured) -> Measured:
    return replace(
        one,
        modality=one.modality or other.modality,
        person=other.person if one.person == NOBODY else one.person,
        numerics=one.numerics + other.numerics,
        context=one.context | other.context,
        notes=one.notes + tuple(note for note in other.notes if note not in one.notes),
    )


def _with_context(group: Measured) -> Measured:
    """The enumerations' words put beside each number; what was measured on control solution is nobody's value."""
    if not group.context:
        return group
    numerics = tuple(Numeric(n.code, n.quantity, n.absent, n.context | group.context) for n in group.numerics)
    if group.context.get("site") != "control solution":
        return replace(group, numerics=numerics)
    return replace(group, numerics=(), notes=(*group.notes, "measured on control solution, not on a person"))


def _averaged(moments: list[Measured]) -> Measured:
    """A stream as one measurement: the median of each number's good samples, with how many there were."""
    samples: dict[tuple[Code, str], list[Numeric]] = {}
    for each in moments:
        for numeric in each.numerics:
            samples.setdefault(_key(numeric), []).append(numeric)
    notes = tuple(dict.fromkeys(note for each in moments for note in each.notes))
    start = next((each.at for each in moments if each.at is not None), None)
    modality = next((each.modality for each in moments if each.modality), "")
    numerics = tuple(_median(each) for each in samples.values())
    return Measured(modality=modality, at=start, numerics=numerics, notes=notes)


def _median(samples: list[Numeric]) -> Numeric:
    good = [each for each in samples if each.quantity and each.context.get("quality") != "questionable"]
    count = {"samples": str(len(samples)), "good_samples": str(len(good))}
    if not good:
        doubtful = samples[-1]
        return Numeric(doubtful.code, doubtful.quantity, doubtful.absent, doubtful.context | count)
    middle = median_low([each.quantity.value for each in good if each.quantity])
    chosen = next(each for each in good if each.quantity and each.quantity.value == middle)
    return Numeric(chosen.code, chosen.quantity, None, chosen.context | count)
