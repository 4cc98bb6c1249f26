"""Sequence sets of a series: one sequence of times and one of values for each lead -> signals in microvolts.

Times are a GLIST (head and increment); values an SLIST_PQ: physical = origin + scale x digit (HL7 v3 data types; aECG
implementation guide 2005-03-21, "Sequence set").
"""

import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from recordings.aecg import times
from recordings.arrays import FloatArray
from recordings.ecg_values import MAX_HZ, MAX_LEADS, MAX_SAMPLES, lead_name
from recordings.signal import Signal
from recordings.xml_tree import Element

_LEAD: Final = "MDC_ECG_LEAD_"
"""Codes of IEEE 11073-10102 for the electrocardiogram's leads."""
_MICROVOLTS: Final = {"nV": 1e-3, "uV": 1.0, "mV": 1e3, "V": 1e6}
_DIGITS: Final = re.compile(r"[-+0-9.eE\s]*")
_MOST_UV: Final = 1e8
_SEND_AGAIN = Hint("心电文件不完整或已损坏，请重发。", "The ECG file is cut or damaged; send it again.")


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a set's samples were taken: the first one's instant (or seconds after the series began), and the rate."""

    head: datetime | None
    is_assumed: bool
    offset_s: float
    sampling_hz: float


def damaged(message: str) -> BadFrame:
    """The error of an aECG that cannot be read; `message` names the element."""
    return BadFrame(f"aECG: {message}", hint=_SEND_AGAIN)


def read_set(sequence_set: Element, room: int) -> tuple[Timeline, list[Signal]]:
    """The time line and the leads of one sequence set; `room` is how many samples may still come.

    Raises:
        BadFrame: no times, an unknown unit, a digit that is none, or more than `room`.
    """
    timeline: Timeline | None = None
    values: list[tuple[str, Element]] = []
    for sequence in (found for component in sequence_set.each("component") for found in component.each("sequence")):
        code, value = sequence.attribute("code", "code"), sequence.find("value")
        if value is None:
            raise damaged(f"sequence {code!r} has no value")
        if code in {"TIME_ABSOLUTE", "TIME_RELATIVE"}:
            timeline = _timeline(value, is_absolute=code == "TIME_ABSOLUTE")
        elif code.startswith(_LEAD):
            values.append((lead_name(code.removeprefix(_LEAD)), value))
    if timeline is None:
        raise damaged("sequenceSet without a sequence of times")
    if not 1 <= len(values) <= MAX_LEADS:
        raise damaged(f"sequenceSet with {len(values)} leads")
    signals: list[Signal] = []
    for name, value in values:
        samples = _samples(value, name, room)
        room -= len(samples)
        signals.append(Signal(name, "uV", timeline.sampling_hz, samples, timeline.offset_s))
    return timeline, signals


def _timeline(value: Element, *, is_absolute: bool) -> Timeline:
    step = times.seconds(value.attribute("value", "increment"), value.attribute("unit", "increment"))
    if step is None or not 1 / MAX_HZ <= step <= 10:
        raise damaged(f"time increment {value.attribute('value', 'increment')[:40]!r}")
    head = value.attribute("value", "head")
    moment = times.point(head) if is_absolute else None
    offset = None if is_absolute else times.seconds(head, value.attribute("unit", "head") or "s")
    if offset is not None and not 0 <= offset <= 7 * 86400:
        raise damaged(f"time head {head[:40]!r}")
    # 0.002 s is 500 Hz, not 500.00000000000006
    hz = round(1 / step, 6)
    return Timeline(moment[0] if moment else None, bool(moment and moment[1]), offset or 0.0, hz)


def _samples(value: Element, name: str, room: int) -> FloatArray:
    scale, origin = _volts(value, "scale", name, 1.0), _volts(value, "origin", name, 0.0)
    digits = value.find("digits")
    text = digits.text if digits is not None else ""
    if value.attributes.get("type", "SLIST_PQ") != "SLIST_PQ":
        raise damaged(f"lead {name}: values of type {value.attributes['type'][:40]!r}")
    if not _DIGITS.fullmatch(text) or not text.strip():
        raise damaged(f"lead {name}: digits that are no numbers")
    if len(text) // 2 > room and len(text.split()) > room:
        raise damaged(f"more than {MAX_SAMPLES} samples")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            stored = np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            raise damaged(f"lead {name}: digits that are no numbers") from None
    if len(stored) > room:
        raise damaged(f"more than {MAX_SAMPLES} samples")
    with np.errstate(over="ignore", invalid="ignore"):
        samples: FloatArray = origin + scale * stored
    if not np.all(np.abs(samples) <= _MOST_UV):
        raise damaged(f"lead {name}: a sample beyond {_MOST_UV:g} uV")
    return samples


def _volts(value: Element, part: str, name: str, default: float) -> float:
    """`origin` or `scale` in microvolts."""
    text, unit = value.attribute("value", part), value.attribute("unit", part)
    if not text:
        return default
    try:
        number = float(text) * _MICROVOLTS[unit]
    except (ValueError, KeyError):
        raise damaged(f"lead {name}: {part} {text[:20]!r} {unit[:20]!r}") from None
    if not isfinite(number):
        raise damaged(f"lead {name}: {part} {text[:20]!r}")
    return number
