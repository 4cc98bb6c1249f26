"""Masimo Radical-7, Rad-8 and Rad-87 set to "ASCII 1": a line of text every second, 9600 8N1.

`11/23/26 09:30:15 SN=0000012345 SPO2=097% BPM=072 PI=03.60% SPCO=--.-% ... ALARM=0000 EXC=000800`. Dashes or zeros
mean that there is no value. Fields have a fixed width, so a digit lost on the line gives no value instead of another.
EXC, hexadecimal: 001 no sensor, 002 defective sensor, 004 low perfusion, 008 pulse search, 010 interference, 020 sensor
off, 040 ambient light, 080 unrecognised sensor, 400 low signal IQ.

Sources: Rad-8 operator's manual, p. 4-24 (exceptions), Rad-87 operator's manual, p. 7-4 (line settings); lines recorded
from a Rad-8, published with yahnatan/pulseox; mdpnp/mdpnp, masimo-radical-7.spec.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from recordings.oximetry.lines import cut_lines
from recordings.oximetry.packet import (
    INTERFERENCE,
    LOW_PERFUSION,
    LOW_SIGNAL,
    SEARCHING,
    Packet,
    are_values,
    begins,
)

FORMAT: Final = "masimo-lines"
MEDIA_TYPE: Final = "text/vnd.masimo.span"
SECONDS: Final = 1.0
_LINE: Final = re.compile(
    rb"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)[ \t]+SN=\S{1,16}[ \t]+SPO2=(\d{3}|---)%[ \t]+BPM=(\d{3}|---)"
    rb"[ \t]+PI=(\d\d\.\d\d|--\.--)%"
    rb"((?:[ \t]+[A-Z]+=\S{1,10})*)[ \t]+EXC=([0-9A-Fa-f]{1,8})"
)
_BETWEEN: Final = re.compile(rb"")
_NO_SENSOR: Final = 0x001 | 0x002 | 0x020 | 0x080
_MARKS: Final = {0x004: LOW_PERFUSION, 0x008: SEARCHING, 0x010 | 0x040: INTERFERENCE, 0x400: LOW_SIGNAL}
_SPOILS: Final = frozenset({SEARCHING, INTERFERENCE, LOW_SIGNAL})
"""With these the shown value is not taken; with low perfusion it is, and the note says so."""
_SET: Final = 0x800


def cut(stream: bytes | bytearray, is_over: bool) -> tuple[int, Packet | None]:
    """The next line of values; see `packet.Cut`."""
    return cut_lines(stream, is_over=is_over, read=read_line, between=_BETWEEN)


def looks_like_masimo(raw: bytes) -> bool:
    """Whether the first line is one of such an oximeter."""
    return b"SPO2=" in raw[:256] and begins(raw[:4096], cut, 1)


def read_line(line: bytes) -> Packet | None:
    """The values of one line; None where it is no line of values."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    try:
        time = datetime.strptime(found[1].decode(), "%m/%d/%y %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
    spo2, pulse, exceptions = _value(found[2]), _value(found[3]), int(found[6], 16)
    marks = frozenset(mark for bits, mark in _MARKS.items() if exceptions & bits)
    is_finger_in = not exceptions & _NO_SENSOR and (are_values(spo2, pulse) or bool(marks))
    return Packet(
        seconds=SECONDS,
        is_finger_in=is_finger_in,
        is_good=is_finger_in and are_values(spo2, pulse) and not marks & _SPOILS,
        spo2=spo2,
        pulse=pulse,
        perfusion_index=_index(found[4]),
        marks=marks,
        time=time,
    )


def _value(text: bytes) -> int | None:
    return int(text) if text.isdigit() else None


def _index(text: bytes) -> Decimal | None:
    return Decimal(text.decode()) if text.strip(b"0.-") else None


def print_line(
    time: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA),
    *,
    spo2: int | None = 97,
    pulse: int | None = 72,
    index: str = "03.60",
    exceptions: int = _SET,
) -> bytes:
    """A line as the device prints it, for the simulator and the tests."""
    values = [f"{value:03d}" if value is not None else "---" for value in (spo2, pulse)]
    local = time.astimezone(CHINA)
    return (
        f"{local:%m/%d/%y %H:%M:%S} SN=0000012345 SPO2={values[0]}% BPM={values[1]} PI={index}% SPCO=--.-% SPMET=--.-% "
        f"DESAT=-- PIDELTA=+-- ALARM=0000 EXC={exceptions:06X}\r\n"
    ).encode()
