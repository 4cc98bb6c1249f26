"""A whole aECG -> a decoded recording: the rhythm as it was taken, not the representative beat derived from it."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from recordings.aecg import times
from recordings.aecg.annotations import numerics, statements
from recordings.aecg.sequences import Timeline, read_set
from recordings.ecg_values import MAX_SAMPLES, filled
from recordings.leads import add_derived_leads, derived_note
from recordings.signal import DecodedRecording, Signal
from recordings.xml_tree import Element, parse, root_name

FORMAT: Final = "aecg"
_SUBJECT: Final = ("componentOf", "timepointEvent", "componentOf", "subjectAssignment", "subject", "trialSubject")
_REPORTED_AGE: Final = "21612-7"
_SEX: Final = {"M": "M", "F": "F"}
"""AdministrativeGender of HL7 v3 -> ours; UN (undifferentiated) is what carts write where nobody entered any."""
_EMPTY = Hint("文件里没有心电波形，请在设备上重新导出。", "There is no ECG curve in the file; export it again.")


def looks_like_aecg(raw: bytes) -> bool:
    """Whether it is XML whose root is AnnotatedECG, with or without an XML declaration."""
    return root_name(raw) == "AnnotatedECG"


def decode_aecg(raw: bytes) -> DecodedRecording:
    """The recording of the first rhythm series.

    Raises:
        BadFrame: the XML or a sequence is damaged.
        RefusedInput: there is no series with a curve in it.
    """
    root = parse(raw)
    series = _rhythm(root)
    sets: list[tuple[Timeline, list[Signal]]] = []
    room = MAX_SAMPLES
    for sequence_set in _sets(series):
        sets.append(read_set(sequence_set, room))
        room -= sum(len(lead.samples) for lead in sets[-1][1])
    start, is_assumed = _start(root, series, sets)
    stored = _signals(sets)
    signals = add_derived_leads(stored)
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(root),
        device=_device(root, series) | ({"time_zone": "assumed"} if is_assumed else {}),
        start=start,
        signals=signals,
        numerics=numerics(series),
        notes=derived_note(stored, signals) + statements(series),
    )


def _rhythm(root: Element) -> Element:
    """The series to show: the first rhythm, else the first with a curve."""
    found = [s for component in root.each("component") for s in component.each("series") if _sets(s)]
    if not found:
        raise RefusedInput("aECG: no series with a curve in it", hint=_EMPTY)
    return next((s for s in found if s.attribute("code", "code") == "RHYTHM"), found[0])


def _sets(series: Element) -> list[Element]:
    return [s for component in series.each("component") for s in component.each("sequenceSet")]


def _signals(sets: list[tuple[Timeline, list[Signal]]]) -> tuple[Signal, ...]:
    """The leads of all sets; sets with absolute times start where these say, counted from the earliest."""
    heads = [timeline.head for timeline, _ in sets if timeline.head is not None]
    return tuple(
        replace(lead, start_s=(timeline.head - min(heads)).total_seconds()) if timeline.head is not None else lead
        for timeline, leads in sets
        for lead in leads
    )


def _start(root: Element, series: Element, sets: list[tuple[Timeline, list[Signal]]]) -> tuple[datetime | None, bool]:
    """The first sample's instant, else the series', else the document's; and whether its zone was assumed."""
    heads = [(timeline.head, timeline.is_assumed) for timeline, _ in sets if timeline.head is not None]
    if heads:
        return min(heads)
    for element in (series, root):
        for part in ("low", "center", "high"):
            found = times.point(element.attribute("value", "effectiveTime", part))
            if found is not None:
                return found
    return None, False


def _patient(root: Element) -> dict[str, str]:
    """The subject; Mindray carts write the hospital's number as a PatientID of their own, and no id."""
    subject = root.find(*_SUBJECT) or Element("", {})
    person = subject.find("subjectDemographicPerson") or Element("", {})
    name = person.words("name") or " ".join(filter(None, (person.words("name", n) for n in ("family", "given"))))
    return filled(
        patient_id=person.words("PatientID") or subject.attribute("extension", "id"),
        name=name,
        sex=_SEX.get(person.attribute("code", "administrativeGenderCode"), ""),
        birth_date=times.day(person.attribute("value", "birthTime")),
        age=_age(root),
    )


def _age(root: Element) -> str:
    for observation in (o for c in root.each("controlVariable") for o in c.each("relatedObservation")):
        value = observation.attribute("value", "value")
        if observation.attribute("code", "code") == _REPORTED_AGE and value:
            return f"{value} {observation.attribute('unit', 'value')}"
    return ""


def _device(root: Element, series: Element) -> dict[str, str]:
    author = series.find("author", "seriesAuthor") or Element("", {})
    identity = (root.attribute("root", "id"), root.attribute("extension", "id"))
    return filled(
        manufacturer=author.words("manufacturerOrganization", "name"),
        model=author.words("manufacturedSeriesDevice", "manufacturerModelName"),
        serial=author.attribute("extension", "manufacturedSeriesDevice", "id")
        or author.words("manufacturedSeriesDevice", "SerialNumber")
        or author.attribute("extension", "id"),
        source_id="^".join(filter(None, identity)),
    )
