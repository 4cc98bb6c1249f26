"""Pulse oximeters that measure one finger: searching, twelve good seconds, then the finger is gone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import pi, sin
from threading import Event
from typing import Final

from devices.transports.base import Transport
from devices.vitals import cms50 as cms50_driver
from devices.vitals import cms50_9byte as nine_byte_driver
from devices.vitals.nonin import ACK, set_format
from recordings.oximetry import cms50, cms50_9byte, cms50_history, masimo, nellcor, nonin

PULSE: Final = 132
"""Above 127 on purpose: its top bit travels apart from the others in three of these protocols."""
SPO2: Final = 97
GOOD_S: Final = 12
AWAY_S: Final = 13
"""Long enough for a driver to find the moment quiet."""
_OUT_OF_TRACK, _ALARM = 0x10, 0x08
_LISTEN_S: Final = 0.05


def curve(second: float, full: int) -> int:
    """A pulse curve between 0 and `full`, `PULSE` beats a minute; its form is nobody's."""
    phase = second * PULSE / 60 * 2 * pi
    return round(full * (0.5 + 0.3 * sin(phase) + 0.15 * sin(2 * phase)))


def nonin_stream(form: int) -> bytes:
    """The packets of one measurement."""
    rate, stream = 3, b""
    for number in range(-rate, (GOOD_S + AWAY_S) * rate):
        pleth = tuple(
            curve((number * nonin.FRAMES + at) / nonin.PLETH_HZ, 255 if form == 2 else 65_535)
            for at in range(nonin.FRAMES)
        )
        is_there, is_found = number < GOOD_S * rate, number >= 0
        status = 0 if is_there and is_found else _OUT_OF_TRACK if is_there else _ALARM
        pulse, spo2 = (PULSE, SPO2) if is_there and is_found else (None, None)
        stream += nonin.encode_packet(pulse=pulse, spo2=spo2, pleth=pleth, status=status, form=form)
    return stream


def simulate_nonin(wire: Transport, stop: Event) -> None:
    """Takes format 7 when asked for it, else streams format 2."""
    del stop
    asked = wire.read(_LISTEN_S)
    is_taken = set_format(7) in asked
    wire.write((bytes((ACK,)) if is_taken else b"") + nonin_stream(7 if is_taken else 2))


def _at_60_hz(packet: Callable[[int, bool], bytes], seconds: int, *, is_there: bool) -> bytes:
    return b"".join(packet(curve(number / 60, 127), is_there) for number in range(seconds * 60))


def _cms50_packet(pleth: int, is_there: bool) -> bytes:
    pulse, spo2 = (PULSE, SPO2) if is_there else (0, 0)
    return cms50.encode_packet(pulse=pulse, spo2=spo2, pleth=pleth, is_finger_out=not is_there)


def simulate_cms50(wire: Transport, stop: Event) -> None:
    """Streams at once; gives a stored minute to whoever asks within a second after the measurement."""
    wire.write(_at_60_hz(_cms50_packet, GOOD_S, is_there=True) + _at_60_hz(_cms50_packet, AWAY_S, is_there=False))
    for _ in range(round(1 / _LISTEN_S)):
        if stop.is_set() or cms50_driver.ASK_HISTORY in wire.read(_LISTEN_S):
            break
    else:
        return
    wire.write(cms50_history.encode_history([(PULSE, SPO2)] * 55 + [(0, 0)] * 5))


def _nine_byte_packet(pleth: int, is_there: bool) -> bytes:
    return cms50_9byte.encode_packet(pulse=PULSE if is_there else 0, spo2=SPO2 if is_there else 0, pleth=pleth)


def simulate_cms50_9byte(wire: Transport, stop: Event) -> None:
    """Streams when asked to."""
    asked = b""
    while not stop.is_set() and nine_byte_driver.START not in asked:
        asked += wire.read(_LISTEN_S)
    answers = b"\x0c\x80" * 2
    wire.write(answers + _at_60_hz(_nine_byte_packet, GOOD_S, is_there=True))
    wire.write(_at_60_hz(_nine_byte_packet, AWAY_S, is_there=False))


def _lines(print_line: Callable[[datetime, bool], bytes], step_s: float) -> bytes:
    start = datetime.now(UTC) - timedelta(seconds=GOOD_S + AWAY_S)
    times = [step_s * number for number in range(round((GOOD_S + AWAY_S) / step_s))]
    return b"".join(print_line(start + timedelta(seconds=at), at < GOOD_S) for at in times)


def _nellcor_line(time: datetime, is_there: bool) -> bytes:
    if is_there:
        return nellcor.print_line(time, spo2=SPO2, pulse=PULSE)
    return nellcor.print_line(time, spo2=None, pulse=None, states="SO")


def simulate_nellcor(wire: Transport, stop: Event) -> None:
    """Prints its heading and its lines."""
    del stop
    wire.write(b"N-595 VERSION 1.0.0.0 CRC:0000 SpO2 Limit: 85-100% PR Limit: 40-170BPM\r\n")
    wire.write(b"TIME               %SpO2   BPM    PA     Status\r\n" + _lines(_nellcor_line, nellcor.SECONDS))


def _masimo_line(time: datetime, is_there: bool) -> bytes:
    if is_there:
        return masimo.print_line(time, spo2=SPO2, pulse=PULSE) + b"\r\n"
    return masimo.print_line(time, spo2=None, pulse=None, index="--.--", exceptions=0x820) + b"\r\n"


def simulate_masimo(wire: Transport, stop: Event) -> None:
    """Prints its lines, an empty one between two, as a Rad-8 does."""
    del stop
    wire.write(_lines(_masimo_line, masimo.SECONDS))
