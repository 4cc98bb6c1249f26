"""ASTM messages -> recordings: one for each order of a patient (E1394-97, section 5.2).

Records nest: header, patient, order, result; a comment (C) belongs to the record before it. Manufacturer records (M:
histograms, raw signals, reagent lots) stay in the raw message.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.reading import Numeric
from recordings.astm.analyser import Analyser, analyser_of
from recordings.astm.message import Record, read_capture
from recordings.astm.result import name_of, read_result
from recordings.astm.subject import patient_of, sample_of
from recordings.hl7.moments import moment
from recordings.signal import DecodedRecording

FORMAT: Final = "astm-e1394"
MOST_RESULTS: Final = 500
"""Results of one order; a haematology analyser sends some forty."""
_MOST_NOTES: Final = 60
_LONGEST_NOTE: Final = 200
_PURPOSES: Final[Mapping[str, str]] = {"T": "a training run", "D": "a debugging run", "Q": "a quality control run"}
"""H-12 (section 6.12) that is not production: nobody's result."""
_ENDS: Final[Mapping[str, str]] = {
    "T": "the sender broke the message off",
    "R": "the sender says that the receiver broke the message off",
    "E": "the sender reports an error",
}
"""L-3 (section 13.3) that is not a normal end."""
_NO_RESULTS = Hint(
    "这条消息里没有检查结果。若设备在问医嘱（主机查询），请在设备上关闭此功能。",
    "This message carries no results. If the device asks for orders (host query), switch that off on the device.",
)


@dataclass(slots=True)
class _Order:
    """The records of one order while they are gathered."""

    patient: Record | None
    order: Record | None
    results: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def decode_astm(raw: bytes) -> tuple[DecodedRecording, ...]:
    """The results of every message in `raw`, framed or not.

    Raises:
        BadFrame: damaged frames, a message without its end, or beyond the limits of `recordings.astm.message`.
        RefusedInput: no result in it.
    """
    found: list[DecodedRecording] = []
    kinds: set[str] = set()
    capture = read_capture(raw)
    for message in capture.messages:
        kinds |= {record.kind for record in message}
        recordings = (_recording(message, one, capture.notes) for one in _orders(message) if one.results)
        found += [recording for recording in recordings if recording.numerics]
    if not found:
        asks = "it asks for orders (Q), which we do not answer" if "Q" in kinds else "no result in it"
        raise RefusedInput(f"ASTM message: {asks}", hint=_NO_RESULTS)
    return tuple(found)


def _orders(message: tuple[Record, ...]) -> Iterator[_Order]:
    one = _Order(None, None)
    before = "the message"
    for record in message[1:]:
        if record.kind == "P":
            yield one
            one, before = _Order(record, None), "the patient"
        elif record.kind == "O":
            yield one
            one, before = _Order(one.patient, record), "the order"
        elif record.kind == "R":
            if len(one.results) == MOST_RESULTS:
                raise BadFrame(f"ASTM message: more than {MOST_RESULTS} results of one order")
            one.results.append(record)
            before = name_of(record)
        elif record.kind == "C" and (words := " ".join(part for part in record.parts(4) if part)):
            one.notes.append(f"comment on {before}: {words}"[:_LONGEST_NOTE])
    yield one


def _recording(message: tuple[Record, ...], one: _Order, odd: tuple[str, ...]) -> DecodedRecording:
    header, end = message[0], message[-1]
    analyser = analyser_of(header.parts(5))
    numerics: list[Numeric] = []
    notes = list(odd)
    for record in one.results:
        numeric, note = read_result(record, analyser)
        numerics += [numeric] if numeric else []
        notes += [note] if note and note not in notes else []
    purpose = _purpose(header, one.order)
    if purpose:
        notes.insert(0, f"{purpose}, nobody's result")
    if ended := _ENDS.get(end.text(3).upper(), ""):
        notes.insert(0, ended)
    started = _start(header, one)
    sample = sample_of(one.order, analyser)
    return DecodedRecording(
        format=FORMAT,
        modality=analyser.modality,
        patient=patient_of(one.patient) | ({"accession": sample} if sample else {}),
        device=_device(header, analyser, zone_is_assumed=started is not None and not started[1]),
        start=started[0] if started else None,
        numerics=tuple(numerics),
        notes=(*notes, *one.notes)[:_MOST_NOTES],
        from_memory=bool(purpose),
    )


def _purpose(header: Record, order: Record | None) -> str:
    """Why the results are nobody's; O-12 (section 8.12) marks a quality control specimen too."""
    if order is not None and order.text(12).upper() == "Q":
        return _PURPOSES["Q"]
    return _PURPOSES.get(header.text(12).upper(), "")


def _start(header: Record, one: _Order) -> tuple[datetime, bool] | None:
    """When the first test was completed (R-13), else reported (O-23), else the message's own time (H-14)."""
    completed = [when for record in one.results if (when := moment(record.text(13)))]
    if completed:
        return min(completed)
    reported = moment(one.order.text(23)) if one.order else None
    return reported or moment(header.text(14))


def _device(header: Record, analyser: Analyser, *, zone_is_assumed: bool) -> dict[str, str]:
    sender = header.parts(5)
    model = next((part for part in sender if part.startswith(analyser.senders)), sender[0])
    told = {
        "manufacturer": analyser.maker,
        "model": model,
        "serial": (sender[analyser.serial_component - 1 :] or [""])[0] if analyser.serial_component else "",
        "time_zone": "assumed" if zone_is_assumed else "",
    }
    return {key: words for key, words in told.items() if words}
