"""Annotations of a series: the device's measurements, and what it or a physician wrote.

A number of the whole series comes before one of the representative beat, that before one of the first beat: they are
rarely given together and then say the same.
"""

from collections.abc import Iterator
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from recordings.ecg_values import measured, statement
from recordings.scp_ecg import measurements as ecg
from recordings.xml_tree import Element

_MAX_STATEMENTS: Final = 100
_CODES: Final[dict[str, tuple[Code, str]]] = {
    "MDC_ECG_HEART_RATE": (ecg.HEART_RATE, "/min"),
    "MDC_ECG_TIME_PD_RR": (ecg.RR_INTERVAL, "ms"),
    "MDC_ECG_TIME_PD_P": (ecg.P_DURATION, "ms"),
    "MDC_ECG_TIME_PD_PR": (ecg.PR_INTERVAL, "ms"),
    "MDC_ECG_TIME_PD_QRS": (ecg.QRS_DURATION, "ms"),
    "MDC_ECG_TIME_PD_QT": (ecg.QT_INTERVAL, "ms"),
    "MDC_ECG_TIME_PD_QTC": (ecg.QTC_INTERVAL, "ms"),
    "MDC_ECG_ANGLE_P_FRONT": (ecg.P_AXIS, "deg"),
    "MDC_ECG_ANGLE_QRS_FRONT": (ecg.QRS_AXIS, "deg"),
    "MDC_ECG_ANGLE_T_FRONT": (ecg.T_AXIS, "deg"),
}
"""IEEE 11073-10102 term, in capitals (devices write QTc and QTC) -> our code and unit."""
_UNITS: Final = {"bpm": "/min", "{beats}/min": "/min", "1/min": "/min", "degree": "deg"}
"""Units as devices write them -> UCUM."""
_SENTENCES: Final = ("MDC_ECG_INTERPRETATION_STATEMENT", "MDC_ECG_INTERPRETATION_SUMMARY")


def numerics(series: Element) -> tuple[Numeric, ...]:
    """The measurements of a series, each code once."""
    found: dict[str, Numeric] = {}
    for annotation in _in_order(series):
        code = annotation.attribute("code", "code").upper()
        if code in _CODES and code not in found:
            number = _number(annotation, *_CODES[code])
            if number is not None:
                found[code] = number
    return tuple(found[code] for code in _CODES if code in found)


def statements(series: Element) -> tuple[str, ...]:
    """Interpretations as their author worded them, and coded rhythms by their display name."""
    words: list[str] = []
    for annotation in series.descend("annotation"):
        code, value = annotation.attribute("code", "code"), annotation.find("value")
        if value is None:
            continue
        text = " ".join(value.text.split()) if code in _SENTENCES else ""
        if code == "MDC_ECG_RHY":
            text = value.attributes.get("displayName", "")
        if text and statement(text[:256]) not in words:
            words.append(statement(text[:256]))
        if len(words) == _MAX_STATEMENTS:
            break
    return tuple(words)


def _in_order(series: Element) -> Iterator[Element]:
    """Annotations of the series' own sets but its beats', then of derived series, then all others."""
    for of_set in (found for subject in series.each("subjectOf") for found in subject.each("annotationSet")):
        for component in of_set.each("component"):
            for annotation in component.each("annotation"):
                if annotation.attribute("code", "code") != "MDC_ECG_BEAT":
                    yield annotation
                    yield from annotation.descend("annotation")
    for derived in series.descend("derivedSeries"):
        yield from derived.descend("annotation")
    yield from series.descend("annotation")


def _number(annotation: Element, code: Code, unit: str) -> Numeric | None:
    text, written = annotation.attribute("value", "value"), annotation.attribute("unit", "value")
    try:
        return measured(code, str(quantity(text, _UNITS.get(written, written)).to(unit).value), unit)
    except (RefusedInput, ArithmeticError):
        return None
