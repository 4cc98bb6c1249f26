"""HL7 v2 messages cut into segments, fields, repetitions and components (HL7 v2.5.1, chapter 2, sections 2.5 to 2.7).

Nothing here knows what a segment means. A field is cut only when it is asked for, and never into more pieces than
any standard field has, so that no input costs more memory than a few times its own size.
"""

import re
from dataclasses import dataclass
from typing import Final

from clinic_records.errors import BadFrame
from recordings.hl7.charset import decode_text

MAX_BYTES: Final = 4 << 20
"""Bytes of one file or block: the largest MLLP block is 1 MiB, a file may hold a day's messages."""
MAX_SEGMENTS: Final = 10_000
MAX_MESSAGES: Final = 1_000
_MAX_PIECES: Final = 80
"""No segment of the standard has more fields; what lies behind stays in the last piece."""
HEADERS: Final = ("MSH", "FHS", "BHS")
"""Segments that state the delimiters in their first two fields."""
_ENVELOPE: Final = frozenset({"FHS", "BHS", "FTS"})
_MOST_NOTES: Final = 20
_SEGMENT_ID: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")
_LAYOUT: Final = frozenset({"H", "N", ".nf", ".fi", ".ce"})
"""Escapes that only say how text looks: highlighting, wrapping, centring."""
_ESCAPE_LENGTH: Final = 80
"""Characters between two escape characters; longer is text with stray escape characters."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2; a character that the sender left out is empty and never found."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


def pieces(text: str, separator: str) -> list[str]:
    """`text` cut at `separator`; whole where there is no separator."""
    return text.split(separator, _MAX_PIECES) if separator else [text]


def piece(text: str, separator: str, number: int) -> str:
    """Piece `number` from 1; empty where there are fewer."""
    cut = pieces(text, separator)
    return cut[number - 1] if number <= len(cut) else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: `fields[n]` is field n as written, `fields[0]` the segment's name."""

    fields: tuple[str, ...]
    marks: Delimiters
    codec: str

    @property
    def name(self) -> str:
        """`MSH`, `OBX` ..."""
        return self.fields[0]

    def raw(self, field: int) -> str:
        """Field as written, all repetitions; empty where the segment is shorter."""
        return self.fields[field] if field < len(self.fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """Each repetition as written; none of an empty field."""
        raw = self.raw(field)
        return pieces(raw, self.marks.repetition) if raw else []

    def component(self, written: str, number: int, sub: int = 1) -> str:
        """Subcomponent `sub` of component `number` (both from 1) of one repetition, unescaped."""
        return self.plain(piece(piece(written, self.marks.component, number), self.marks.subcomponent, sub))

    def text(self, field: int, number: int = 1, sub: int = 1) -> str:
        """Like `component`, of the field's first repetition; HL7's explicit null, two quotation marks, is empty."""
        found = self.component(piece(self.raw(field), self.marks.repetition, 1), number, sub)
        return "" if found == '""' else found

    def plain(self, written: str) -> str:
        r"""Escapes resolved (section 2.7): \F\ \S\ \T\ \R\ \E\ \.br\ \Xhh..\; highlighting is left out."""
        mark = self.marks.escape
        if not mark or mark not in written:
            return written
        return re.sub(
            f"{re.escape(mark)}([^{re.escape(mark)}]{{1,{_ESCAPE_LENGTH}}}){re.escape(mark)}", self._resolve, written
        )

    def _resolve(self, match: re.Match[str]) -> str:
        code, marks = match[1], self.marks
        plain = {
            "F": marks.field,
            "S": marks.component,
            "T": marks.subcomponent,
            "R": marks.repetition,
            "E": marks.escape,
        }
        if code in plain:
            return plain[code]
        if code.startswith((".br", ".sp")):
            return "\n"
        if re.fullmatch(r"X([0-9A-Fa-f]{2})+", code):
            return bytes.fromhex(code[1:]).decode(self.codec, "replace")
        return "" if code in _LAYOUT else match[0]


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments from MSH on, and what its reader should know of the bytes."""

    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = ()

    @property
    def header(self) -> Segment:
        """MSH; its fields are counted as the standard does, MSH-1 being the field separator."""
        return self.segments[0]

    @property
    def kind(self) -> tuple[str, str]:
        """(message code, trigger event) of MSH-9: (`ORU`, `R01`)."""
        return self.header.text(9), self.header.text(9, 2)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one file or block holds."""

    messages: tuple[Message, ...]
    notes: tuple[str, ...] = ()


def looks_like_hl7(raw: bytes) -> bool:
    """Whether a message or batch header stands at the start, or at the start of a line near it (after comments)."""
    return (
        re.search(rb"(?:\A|[\r\n\x0b])[\x0b\s\xef\xbb\xbf]*(?:MSH|FHS|BHS)([^\w\s])[^\w\s]{2,5}\1", raw[:4096])
        is not None
    )


def read_header(raw: bytes) -> Segment:
    """The MSH of one message, without the rest.

    Raises:
        BadFrame: it does not begin with an MSH, or its delimiters are none.
        RefusedInput: a character set we do not read.
    """
    return _message([_LINE_ENDS.split(raw.strip(b"\x00\x0b\x1c\r\n "), 1)[0]]).header


def read_batch(raw: bytes) -> Batch:
    """Every message of a file or MLLP block; segments may end in CR, LF or both.

    Raises:
        BadFrame: too large, no message in it, or a header that is none.
        RefusedInput: a character set we do not read.
    """
    if len(raw) > MAX_BYTES:
        raise BadFrame(f"HL7 message: {len(raw)} bytes, more than {MAX_BYTES}")
    if raw.count(b"\r") + raw.count(b"\n") > 2 * MAX_SEGMENTS:
        raise BadFrame(f"HL7 message: more than {MAX_SEGMENTS} segments")
    lines = (line.strip(b"\x00\x0b\x1c ") for line in _LINE_ENDS.split(raw.removeprefix(b"\xef\xbb\xbf")))
    groups, notes = _gather(list(filter(None, lines)))
    if not groups:
        raise BadFrame("HL7 message: no MSH segment")
    if len(groups) > MAX_MESSAGES:
        raise BadFrame(f"HL7 message: {len(groups)} messages in one, more than {MAX_MESSAGES}")
    return Batch(tuple(_message(group) for group in groups), notes)


def _gather(lines: list[bytes]) -> tuple[list[list[bytes]], tuple[str, ...]]:
    """The lines of each message, and notes on what stands between messages."""
    groups: list[list[bytes]] = []
    notes: list[str] = []
    outside = 0
    for line in lines:
        name = line[:3].decode("latin-1")
        if name == "MSH":
            groups.append([line])
        elif name == "BTS":
            counted = line[4:].decode("latin-1").split(line[3:4].decode("latin-1") or "|")[0].strip()
            if counted.isdecimal() and counted != str(len(groups)):
                notes.append(f"the batch trailer counts {counted[:20]} messages, there are {len(groups)}")
        elif name not in _ENVELOPE and groups and _SEGMENT_ID.fullmatch(name):
            groups[-1].append(line)
        elif name not in _ENVELOPE:
            outside += 1
    if outside:
        notes.append(f"{outside} lines that are no segments were left out")
    return groups, tuple(notes[:_MOST_NOTES])


def _message(lines: list[bytes]) -> Message:
    marks = _delimiters(lines[0])
    stated = _segment(lines[0].decode("latin-1"), marks, "latin-1").text(18)
    text, codec, note = decode_text(b"\r".join(lines), stated)
    segments = tuple(_segment(line, marks, codec) for line in text.split("\r"))
    return Message(segments, (note,) if note else ())


def _segment(line: str, marks: Delimiters, codec: str) -> Segment:
    fields = pieces(line, marks.field)
    if fields[0] in HEADERS:
        fields.insert(1, marks.field)
    return Segment(tuple(fields), marks, codec)


def _delimiters(line: bytes) -> Delimiters:
    head = line[:16].decode("latin-1")
    if head[:3] != "MSH" or len(head) < 5:
        raise BadFrame(f"HL7 message: it begins with {head[:8]!r}, not with MSH and its delimiters")
    field = head[3]
    encoding = head[4:].split(field)[0]
    marks = field + encoding
    if (
        not 1 <= len(encoding) <= 5
        or len(set(marks)) != len(marks)
        or any(mark.isalnum() or mark.isspace() or ord(mark) > 126 for mark in marks)
    ):
        raise BadFrame(f"HL7 message: {marks[:8]!r} are no delimiters (MSH-1, MSH-2)")
    component, repetition, escape, subcomponent = (encoding[place : place + 1] for place in range(4))
    return Delimiters(field, component, repetition, escape, subcomponent)
