"""Results of Chinese 11-parameter urine analysers, as the text they print: Dirui H-100 and its like, URIT-50.

From documentation only. Dirui H-100 operation manual, appendix B (interface for communicating with a computer): STX,
lines ended by CR LF, ETX; `Date:YYYY-MM-DD HH:MM`, `No.` and the device's number, `ID:` with a full-width colon, one
line a field (UBG BIL KET BLD PRO NIT LEU GLU SG PH VC), byte 0xAB between columns. URIT-50: the same with `ID:`,
`NO.` number and date on one line, the time on the next, fields as ` LEU -  0 CELL/uL`. An asterisk marks what is
abnormal. Neither has a checksum.
"""

import re
from datetime import datetime
from typing import Final

from recordings.laboratory.text import bad, characters, moment
from recordings.laboratory.urine_strip import is_field, strip_numeric
from recordings.signal import DecodedRecording

FORMAT: Final = "urine-text"
_DEVICE: Final = "urine analyser"
_COLUMN: Final = b"\xab"
"""Dirui's SP1, a space between columns; no character of any charset the text is in."""
_BEGINS: Final = re.compile(rb"\x02[\r\n ]*(?:ID\s*(?::|\xa3\xba|\xef\xbc\x9a)|N[Oo]\.|Date\s*:)")
_ID: Final = re.compile(r"\s*ID\s*[:\uff1a]\s*(\S.{0,39})?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\s*NO\.\s*(\w{1,12})(?:\s+(.*))?", re.IGNORECASE | re.ASCII)
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME: Final = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_FIELD: Final = re.compile(r"(\s*\*)?\s*([A-Za-z][A-Za-z:.]{1,4})(\s*\*)?(?:\s+(.*))?", re.ASCII)
_LEAST_FIELDS: Final = 3
"""Fewer and it is some other text."""


def looks_like_urine_text(raw: bytes) -> bool:
    """Whether the bytes begin as these texts do and name fields of a strip."""
    if _BEGINS.match(raw[:40]) is None:
        return False
    names = re.findall(rb"[\r\n][ *]*([A-Za-z.]{2,4})\b", raw[:1024])
    return sum(is_field(name.decode("ascii")) for name in names) >= _LEAST_FIELDS


def decode_urine_text(raw: bytes) -> DecodedRecording:
    """One strip.

    Raises:
        BadFrame: cut, or a line that is no field of a strip.
    """
    if not raw.rstrip(b"\r\n").endswith(b"\x03"):
        raise bad(_DEVICE, "the text is cut")
    text = characters(raw.replace(_COLUMN, b" "), _DEVICE).strip("\x02\x03\r\n ")
    fields: list[tuple[str, str, bool]] = []
    sample = number = ""
    date, time = None, None
    for line in re.split(r"[\r\n]+", text):
        if match := _ID.fullmatch(line):
            sample = (match[1] or "").strip()
        elif match := _NUMBER.fullmatch(line):
            number = match[1]
            date = _DATE.search(match[2] or "") or date
        elif re.fullmatch(r"\s*(Date\s*:)?\s*[-\d: ]+", line, re.ASCII) and line.strip():
            date, time = _DATE.search(line) or date, _TIME.search(line) or time
        elif (match := _FIELD.fullmatch(line)) is not None:
            fields.append((match[2], match[4] or "", bool(match[1] or match[3])))
        elif line.strip():
            raise bad(_DEVICE, f"{line[:30]!r} is no line of a strip")
    if sum(is_field(name) for name, _, _ in fields) < _LEAST_FIELDS:
        raise bad(_DEVICE, "fewer than three fields of a strip")
    started = _start(date, time)
    return DecodedRecording(
        format=FORMAT,
        patient={"accession": sample} if sample else {},
        device={"time_zone": "assumed"} if started else {},
        start=started,
        numerics=tuple(strip_numeric(name, value, is_marked=marked) for name, value, marked in fields),
        notes=(f"the device's number {number}",) if number else (),
    )


def _start(date: "re.Match[str] | None", time: "re.Match[str] | None") -> datetime | None:
    if date is None or time is None:
        return None
    return moment(date[1], date[2], date[3], time[1], time[2], time[3] or "0")
