"""Nellcor N-595 and its family (N-395, NPB-295): a line of text every two seconds, 9600 8N1.

`23-NOV-26 09:30:15   97    72    50   MO PS`: time, saturation, pulse rate, pulse amplitude, states. `---` means that
there is none, `*` behind a value that its alarm limit is passed. Headings repeat every page.

Sources: N-395 and NPB-295 operator's manuals, appendix "Data Port Protocol"; mdpnp/mdpnp, nellcor-n595.spec, whose
expression and table of states these lines keep. That a line comes every two seconds is from memory.
"""

import re
from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from recordings.oximetry.lines import cut_lines
from recordings.oximetry.packet import ARTIFACT, INTERFERENCE, SEARCHING, Packet, are_values, begins

FORMAT: Final = "nellcor-lines"
MEDIA_TYPE: Final = "text/vnd.nellcor.span"
SECONDS: Final = 2.0
_LINE: Final = re.compile(
    rb"(\d\d)-([A-Z]{3})-(\d\d) +(\d\d):(\d\d):(\d\d)[ \t]+([0-9*-]{1,4})[ \t]+([0-9*-]{1,4})[ \t]+([0-9*-]{1,4})"
    rb"((?:[ \t]+[A-Z]{2})*)"
)
_BETWEEN: Final = re.compile(
    rb"|\S+[ \t]+VERSION .*|[ \t]*\w+[ \t]+\d+SAT-S[ \t].*|TIME[ \t]+%S[Pp]O2[ \t]+BPM[ \t]+PA[ \t]+Status"
)
_MONTHS: Final = (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC")
_NO_SENSOR: Final = frozenset({b"SD", b"SO"})
_MARKS: Final = {b"MO": ARTIFACT, b"LM": INTERFERENCE, b"LP": SEARCHING, b"PS": SEARCHING}
"""State -> what it does to the values: motion, loss of pulse with interference, loss of pulse, pulse search."""


def cut(stream: bytes | bytearray, is_over: bool) -> tuple[int, Packet | None]:
    """The next line of values; see `packet.Cut`."""
    return cut_lines(stream, is_over=is_over, read=read_line, between=_BETWEEN)


def looks_like_nellcor(raw: bytes) -> bool:
    """Whether the first lines are headings and values of such an oximeter."""
    return (raw[:1].isalnum() or raw[:1].isspace()) and begins(raw[:4096], cut, 1)


def read_line(line: bytes) -> Packet | None:
    """The values of one line; None where it is no line of values."""
    found = _LINE.fullmatch(line)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    try:
        time = datetime(2000 + year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=CHINA)
    except ValueError:
        return None
    spo2, pulse = _value(found[7]), _value(found[8])
    states = frozenset(found[10].split())
    marks = frozenset(mark for state, mark in _MARKS.items() if state in states)
    is_finger_in = not states & _NO_SENSOR and (are_values(spo2, pulse) or bool(marks))
    return Packet(
        seconds=SECONDS,
        is_finger_in=is_finger_in,
        is_good=is_finger_in and are_values(spo2, pulse) and not marks,
        spo2=spo2,
        pulse=pulse,
        marks=marks,
        time=time,
    )


def _value(text: bytes) -> int | None:
    digits = text.rstrip(b"*")
    return int(digits) if digits.isdigit() else None


def print_line(
    time: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA),
    *,
    spo2: int | None = 97,
    pulse: int | None = 72,
    states: str = "",
) -> bytes:
    """A line as the device prints it, for the simulator and the tests."""
    local = time.astimezone(CHINA)
    month = _MONTHS[local.month - 1].decode()
    values = [f"{value:5d} " if value is not None else "  --- " for value in (spo2, pulse, pulse and 50)]
    return f"{local:%d}-{month}-{local:%y %H:%M:%S} {''.join(values)} {states}".rstrip().encode() + b"\r\n"
