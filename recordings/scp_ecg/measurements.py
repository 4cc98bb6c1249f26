"""Section 7, global measurements: intervals and axes as numbers with LOINC codes (SCP 5.10).

Body: number of beats measured u8, number of pacemaker spikes u8, mean RR u16 ms, mean PP u16 ms; for each beat P onset,
P offset, QRS onset, QRS offset, T offset (u16 ms), P, QRS and T axis (i16 degrees); the spikes (4 bytes and 6 bytes
each); count of QRS types u16 and a byte each; from version 1.3 then ventricular rate u16, atrial rate u16, QTc u16 ms
and its formula u8. 29999 = not computed, 29998 = rejected, 19999 = not found (axes: 999).
"""

import struct
from typing import Final

from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from recordings.scp_ecg.record import damaged

HEART_RATE: Final = Code("loinc", "8867-4", "Heart rate")
RR_INTERVAL: Final = Code("loinc", "8637-1", "R-R interval")
P_DURATION: Final = Code("local", "ecg-p-duration", "P wave duration")
PR_INTERVAL: Final = Code("loinc", "8625-6", "P-R interval")
QRS_DURATION: Final = Code("loinc", "8633-0", "QRS duration")
QT_INTERVAL: Final = Code("loinc", "8634-8", "Q-T interval")
QTC_INTERVAL: Final = Code("loinc", "8636-3", "Q-T interval corrected")
P_AXIS: Final = Code("loinc", "8626-4", "P wave axis")
QRS_AXIS: Final = Code("loinc", "8632-2", "QRS axis")
T_AXIS: Final = Code("loinc", "8638-9", "T wave axis")

_NO_VALUE: Final = 19999
"""Times from here up are the standard's codes for "no value"; the longest real interval is far below."""
_HEAD = struct.Struct("<BBHH")
_BEAT = struct.Struct("<5H3h")
_RATES = struct.Struct("<HHH")


def read_measurements(section: bytes) -> tuple[Numeric, ...]:
    """What section 7 says of the first beat (the reference beat) and of the whole record.

    Raises:
        BadFrame: it is cut.
    """
    if len(section) < _HEAD.size:
        raise damaged("section 7: no header")
    beats, spikes, rr_ms, _ = _HEAD.unpack_from(section)
    at = _HEAD.size + beats * _BEAT.size
    if at > len(section):
        raise damaged(f"section 7: {beats} beats in {len(section)} bytes")
    numbers: list[tuple[Code, int, str]] = [(RR_INTERVAL, rr_ms, "ms")]
    if beats:
        p_on, p_off, qrs_on, qrs_off, t_off, p_axis, qrs_axis, t_axis = _BEAT.unpack_from(section, _HEAD.size)
        numbers += [
            (P_DURATION, _span(p_on, p_off), "ms"),
            (PR_INTERVAL, _span(p_on, qrs_on), "ms"),
            (QRS_DURATION, _span(qrs_on, qrs_off), "ms"),
            (QT_INTERVAL, _span(qrs_on, t_off), "ms"),
        ]
        axes = ((P_AXIS, p_axis), (QRS_AXIS, qrs_axis), (T_AXIS, t_axis))
        numbers += [(code, axis, "deg") for code, axis in axes if -180 <= axis <= 180]
    at += spikes * 10
    if at + 2 <= len(section):
        at += 2 + struct.unpack_from("<H", section, at)[0]
        if at + _RATES.size <= len(section):
            ventricular, _, qtc_ms = _RATES.unpack_from(section, at)
            numbers += [(HEART_RATE, ventricular, "/min"), (QTC_INTERVAL, qtc_ms, "ms")]
    return tuple(
        Numeric(code, quantity(value, unit))
        for code, value, unit in numbers
        if value < _NO_VALUE and (value > 0 or unit == "deg")
    )


def _span(start_ms: int, end_ms: int) -> int:
    """Milliseconds between two points, or "no value" where either has none."""
    return end_ms - start_ms if start_ms < end_ms < _NO_VALUE else _NO_VALUE


def write_measurements(*, rr_ms: int, heart_rate: int, qtc_ms: int) -> bytes:
    """Section 7 with the record's mean RR, ventricular rate and QTc; 29999 stands for what was not computed."""
    none = 29999
    return _HEAD.pack(0, 0, rr_ms, none) + struct.pack("<H", 0) + _RATES.pack(heart_rate, none, qtc_ms) + bytes(3)
