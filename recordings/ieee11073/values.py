"""From the attributes a device sent to numbers with code, unit and time, or to why there is none (hazard H07)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from clinic_records.quantity import quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.codes import CONTEXTS, METRICS, SUPPLEMENTS, UNITS, code_of
from recordings.ieee11073.configuration import ConfigObject
from recordings.ieee11073.floats import read_float
from recordings.ieee11073.mder import Reader, read_absolute_time, read_base_offset_time
from recordings.ieee11073.reports import Observed

INVALID, QUESTIONABLE, NOT_AVAILABLE, CALIBRATING, TEST_DATA, DEMO_DATA = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800, 0x0400
EARLY, ONGOING = 0x0040, 0x0020
"""Bits of MeasurementStatus (20601, annex A)."""
_NO_VALUE: Final = (
    (INVALID, AbsentReason.ERROR),
    (NOT_AVAILABLE, AbsentReason.NOT_PERFORMED),
    (CALIBRATING, AbsentReason.ERROR),
    (TEST_DATA, AbsentReason.ERROR),
    (DEMO_DATA, AbsentReason.ERROR),
)
_DOUBTS: Final = ((QUESTIONABLE, "quality", "questionable"), (EARLY, "status", "early"), (ONGOING, "status", "ongoing"))
_TIMES: Final = (
    (mdc.ATTR_TIME_STAMP_ABS, read_absolute_time),
    (mdc.ATTR_TIME_ABS, read_absolute_time),  # Nonin's 9560 in its own configuration (signove/antidote)
    (mdc.ATTR_TIME_STAMP_BO, read_base_offset_time),
)
_MOST_PARTS: Final = 16
_STATUS_NAMES: Final = {
    INVALID: "invalid",
    NOT_AVAILABLE: "not available",
    CALIBRATING: "being calibrated",
    TEST_DATA: "test data",
    DEMO_DATA: "demo data",
}


@dataclass(frozen=True)
class Measured:
    """What one object said at one moment.

    Attributes:
        modality: of its numbers; empty where it has none.
        at: by the device's own clock; None where it gave no time.
        context: what belongs to the numbers beside it (an enumeration's word).
        notes: what could not be read, or should be known.
    """

    modality: str = ""
    at: datetime | None = None
    person: int = 0xFFFF
    numerics: tuple[Numeric, ...] = ()
    context: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Value:
    metric: int
    dimension: int
    number: Decimal | AbsentReason
    status: int = 0


def measure(observed: Observed, known: ConfigObject) -> Measured:
    """What `observed` means for an object of the configuration.

    Raises:
        BadFrame: an attribute is damaged.
    """
    now = known.updated(observed.attributes)
    notes: list[str] = []
    at = _time(observed, notes)
    if observed.surplus:
        notes.append(f"object {observed.handle}: {observed.surplus} bytes more than its configuration says, not read")
    base = Measured(at=at, person=observed.person)
    if now.object_class == mdc.MOC_METRIC_ENUM:
        return replace(base, context=_word(observed, notes), notes=tuple(notes))
    status = observed.attributes.get(mdc.ATTR_MSMT_STAT)
    bits = 0 if status is None else Reader(status, "measurement status").u16()
    averaging = [SUPPLEMENTS[code] for _, code in now.supplements if code in SUPPLEMENTS]
    context = {"averaging": averaging[0]} if averaging else {}
    modality = ""
    numerics: list[Numeric] = []
    for value in _values(observed, now):
        meaning = METRICS.get(value.metric) if now.metric[0] == mdc.PART_SCADA else None
        code = code_of(meaning, value.dimension) if meaning else None
        unit = UNITS.get(value.dimension)
        if meaning is None or code is None or unit is None:
            notes.append(_unread(observed.handle, now, value))
            continue
        modality = meaning.modality
        absent, doubts = _judge(value.status | bits, value.number, notes)
        number = value.number if isinstance(value.number, Decimal) and absent is None else None
        numerics.append(
            Numeric(
                code,
                None if number is None else quantity(number, unit),
                absent,
                {**meaning.context, **context, **doubts},
            )
        )
    return replace(base, modality=modality, numerics=tuple(numerics), notes=tuple(notes))


def _time(observed: Observed, notes: list[str]) -> datetime | None:
    for attribute, read in _TIMES:
        stamp = observed.attributes.get(attribute)
        if stamp is not None:
            at = read(stamp)
            if at is None:
                notes.append(f"object {observed.handle}: its time {stamp.hex()} is none, the device's clock is not set")
            return at
    return None


def _word(observed: Observed, notes: list[str]) -> dict[str, str]:
    oid = observed.attributes.get(mdc.ATTR_ENUM_OBS_VAL_SIMP_OID)
    if oid is None:
        notes.append(f"object {observed.handle}: an enumeration that is not read")
        return {}
    code = Reader(oid, "enumeration").u16()
    if code not in CONTEXTS:
        notes.append(f"object {observed.handle}: enumeration value {code} is not known")
        return {}
    return dict((CONTEXTS[code],))


def _values(observed: Observed, known: ConfigObject) -> list[_Value]:
    metric, unit = known.metric[1], known.unit
    values: list[_Value] = []
    for attribute, data in observed.attributes.items():
        reader = Reader(data, f"value of object {observed.handle}")
        if attribute in {mdc.ATTR_NU_VAL_OBS_BASIC, mdc.ATTR_NU_VAL_OBS_SIMP}:
            values.append(_Value(metric, unit, read_float(data)))
        elif attribute == mdc.ATTR_NU_VAL_OBS:
            values.append(_full(reader))
        elif attribute == mdc.ATTR_NU_CMPD_VAL_OBS:
            values.extend(_full(entry) for entry in reader.entries("compound value", _MOST_PARTS))
        elif attribute in {mdc.ATTR_NU_CMPD_VAL_OBS_BASIC, mdc.ATTR_NU_CMPD_VAL_OBS_SIMP}:
            size = 2 if attribute == mdc.ATTR_NU_CMPD_VAL_OBS_BASIC else 4
            numbers = [read_float(entry.take(size)) for entry in reader.entries("compound value", _MOST_PARTS)]
            parts = known.parts or (metric,) * len(numbers)
            values.extend(_Value(part, unit, number) for part, number in zip(parts, numbers, strict=False))
    return values


def _full(reader: Reader) -> _Value:
    """NuObsValue: metric, status, unit, FLOAT."""
    metric, status, unit = reader.u16(), reader.u16(), reader.u16()
    return _Value(metric, unit, read_float(reader.take(4)), status)


def _judge(status: int, number: Decimal | AbsentReason, notes: list[str]) -> tuple[AbsentReason | None, dict[str, str]]:
    for bit, reason in _NO_VALUE:
        if status & bit:
            notes.append(f"the device calls its value {_STATUS_NAMES[bit]}")
            return reason, {}
    if isinstance(number, AbsentReason):
        return number, {}
    return None, {key: word for bit, key, word in _DOUBTS if status & bit}


def _unread(handle: int, known: ConfigObject, value: _Value) -> str:
    partition = known.metric[0]
    said = value.number.value if isinstance(value.number, AbsentReason) else value.number
    return f"object {handle}: metric {partition}::{value.metric}, dimension {value.dimension}, {said}: not known here"
