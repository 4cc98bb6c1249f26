"""Records of a Bayer (Siemens) Clinitek 50 urine analyser.

Source: the description with sample packets in gnumed's device driver (ncqgm/gnumed, Clinitek50.py, revision 1.5). A
packet is STX CR LF, lines ended by CR LF, two checksum digits, ETX. Line 1: product number 6510, revision (2
characters), software (5), a blank, date and time YYMMDDHHMM, the date in the order set on the device. Line 2: `#`, the
device's number of the test, and colour. Then a field of the strip each; an asterisk marks what is abnormal. The names
are in the language set on the device; the table has English and German.

The checksum is the sum of all bytes after STX and before the digits, modulo 256; it was recomputed on both packets of
that description (the `#` of line 2 is needed for that).
"""

import re
from datetime import datetime
from typing import Final

from recordings.laboratory.text import bad, characters, moment
from recordings.laboratory.urine_strip import colour, strip_numeric
from recordings.signal import DecodedRecording

FORMAT: Final = "clinitek-50"
START: Final = b"\x02\r\n"
END: Final = b"\x03"
_DEVICE: Final = "Clinitek 50"
_PACKET: Final = re.compile(rb"\x02(\r\n[^\x02\x03]*\r\n)([0-9A-Fa-f]{2})\x03[\r\n]*")
_FIRST: Final = re.compile(r"(\d{4})(.{2})(.{5}).(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\s*", re.ASCII)
_SECOND: Final = re.compile(r"#\s*(\d{1,6})\s*(.*)", re.ASCII)
_FIELD: Final = re.compile(r"([A-Za-z]{2,3})([* ])\s*(.*)", re.ASCII)


def looks_like_clinitek50(raw: bytes) -> bool:
    """Whether the bytes begin as its packets do."""
    return re.match(rb"\x02\r\n65\d\d.{8}\d{10}\s*\r\n#", raw[:40], re.DOTALL) is not None


def checksum(body: bytes) -> bytes:
    """The two digits for `body`: everything between STX and the digits."""
    return b"%02X" % (sum(body) & 0xFF)


def lines_of(raw: bytes) -> list[str]:
    """The lines of a packet.

    Raises:
        BadFrame: cut, or its checksum is wrong.
    """
    text = characters(raw, _DEVICE)
    match = _PACKET.fullmatch(raw)
    if match is None:
        raise bad(_DEVICE, "packet cut or damaged")
    expected = checksum(match[1])
    if match[2].upper() != expected:
        raise bad(_DEVICE, f"checksum {expected!r}, it says {match[2]!r}")
    return [line for line in text[1:].split("\r\n")[1:-1] if line.strip()]


def time_of(first_line: str) -> datetime | None:
    """The date and time in a packet's first line, read as year, month, day; None where that is no date."""
    match = _FIRST.fullmatch(first_line)
    return moment(*match.group(4, 5, 6, 7, 8)) if match else None


def decode_clinitek50(raw: bytes) -> DecodedRecording:
    """One strip.

    Raises:
        BadFrame: damaged, or a line that is no field of a strip.
    """
    lines = lines_of(raw)
    second = _SECOND.fullmatch(lines[1]) if len(lines) > 2 else None
    if second is None:
        raise bad(_DEVICE, "the packet is not a strip's record")
    numerics = [colour(second[2].strip())] if second[2].strip() else []
    for line in lines[2:]:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise bad(_DEVICE, f"{line[:30]!r} is no field of a strip")
        numerics.append(strip_numeric(match[1], match[3], is_marked=match[2] == "*"))
    started = time_of(lines[0])
    return DecodedRecording(
        format=FORMAT,
        device={"manufacturer": "Bayer", "model": "Clinitek 50"} | ({"time_zone": "assumed"} if started else {}),
        start=started,
        numerics=tuple(numerics),
        notes=(f"the device's number {second[1]}", *(("the date is read as year, month, day",) if started else ())),
    )
