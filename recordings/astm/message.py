"""Messages and records of ASTM E1394-97 / CLSI LIS2-A2, sections 5 and 6.

Records end in CR; the header (H) says the four delimiters; a terminator (L) ends the message. Fields are counted from
1, the record type being the first (section 5.4). In GB 18030 a second byte may be a delimiter, so bytes are decoded
before they are cut.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clinic_records.errors import BadFrame, Hint
from recordings.astm.frames import text_of
from recordings.hl7.charset import decode_text

MAX_BYTES: Final = 1 << 20
MOST_RECORDS: Final = 4_000
"""A haematology message with histograms has under a hundred."""
MOST_FIELDS: Final = 200
MOST_PARTS: Final = 100
"""Components or repetitions of a field; the tests of an order are some tens."""
LONGEST_TEXT: Final = 400
"""Characters of a field that are looked at; histograms and pictures are not."""
_CHECK = Hint("核对设备的通讯格式（ASTM E1394）。", "Check the device's host format (ASTM E1394).")
_HEADER: Final = re.compile(rb"[\x02\x04-\x06\r\n\s]*[0-7]?H([^\sA-Za-z0-9])([^\sA-Za-z0-9])([^\sA-Za-z0-9])\S")


@dataclass(frozen=True, slots=True)
class Marks:
    """The delimiters of one message (section 6.4)."""

    field: str
    repeat: str
    component: str
    escape: str

    def plain(self, text: str) -> str:
        """Without escapes (section 6.6): &F& &S& &R& &E& are the delimiters, &X41& bytes, others are left out."""
        if self.escape not in text:
            return text
        pieces = text.split(self.escape)
        last = len(pieces) - 1
        return "".join(self._escaped(piece) if at % 2 and at < last else piece for at, piece in enumerate(pieces))

    def _escaped(self, name: str) -> str:
        letters = {"F": self.field, "S": self.component, "R": self.repeat, "E": self.escape}
        if name in letters:
            return letters[name]
        digits = name[1:]
        if name[:1] == "X" and re.fullmatch(r"([2-7][0-9A-Fa-f])+", digits, re.ASCII):
            return bytes.fromhex(digits).decode("ascii")
        return ""


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `fields[0]` is its type."""

    fields: tuple[str, ...]
    marks: Marks

    @property
    def kind(self) -> str:
        """H, P, O, R, C, Q, M, S or L."""
        return self.fields[0][:1].upper()

    def raw(self, number: int) -> str:
        """Field `number` from 1 as it was sent; empty where the record ends before it."""
        return self.fields[number - 1] if number <= len(self.fields) else ""

    def text(self, number: int) -> str:
        """Field `number` without escapes and blanks around it."""
        return self.marks.plain(self.raw(number)[:LONGEST_TEXT]).strip()

    def parts(self, number: int) -> list[str]:
        """The components of the field's first repetition, without blanks around them."""
        first = self.raw(number)[:LONGEST_TEXT].split(self.marks.repeat, 1)[0]
        return [self.marks.plain(part).strip() for part in first.split(self.marks.component, MOST_PARTS)]


def looks_like_astm(raw: bytes) -> bool:
    """Whether the bytes begin with a header record, in a frame or without."""
    return _HEADER.match(raw[:64]) is not None


@dataclass(frozen=True, slots=True)
class Capture:
    """The messages in some bytes, each from its H record to its L record, and what is odd about the bytes."""

    messages: tuple[tuple[Record, ...], ...]
    notes: tuple[str, ...]


def read_capture(raw: bytes) -> Capture:
    """All messages in `raw`, framed or not.

    Raises:
        BadFrame: damaged frames, no header, no terminator, or beyond the limits.
    """
    if len(raw) > MAX_BYTES:
        raise _bad(f"{len(raw)} bytes are more than {MAX_BYTES}")
    joined, leaps = text_of(raw)
    text = decode_text(joined, "")[0]
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip("\0\x04 ")]
    if len(lines) > MOST_RECORDS:
        raise _bad(f"{len(lines)} records are more than {MOST_RECORDS}")
    notes = (f"the frame numbers do not follow on ({leaps} times): a part may be missing",) if leaps else ()
    return Capture(tuple(_messages(lines)), notes)


def _messages(lines: list[str]) -> Iterator[tuple[Record, ...]]:
    message: list[Record] = []
    for line in lines:
        if not message:
            message = [_header(line)]
            continue
        if line.count(message[0].marks.field) > MOST_FIELDS:
            raise _bad(f"a record of more than {MOST_FIELDS} fields")
        message.append(Record(tuple(line.split(message[0].marks.field)), message[0].marks))
        if message[-1].kind == "L":
            yield tuple(message)
            message = []
    if message:
        raise _bad("the message has no terminator record (L): it was cut")


def _header(line: str) -> Record:
    if line[:1] != "H" or len(line) < 5 or len(set(line[1:5])) < 4 or any(mark.isalnum() for mark in line[1:5]):
        raise _bad(f"a message begins with {line[:12]!r} and not with a header record")
    if line.count(line[1]) > MOST_FIELDS:
        raise _bad(f"a header of more than {MOST_FIELDS} fields")
    marks = Marks(*line[1:5])
    return Record(("H", line[2:5], *line[6:].split(line[1])), marks)


def _bad(message: str) -> BadFrame:
    return BadFrame(f"ASTM message: {message}", hint=_CHECK)
