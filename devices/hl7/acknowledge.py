"""Our answer to a message: MSH, MSA and, where there is an error, ERR (HL7 v2.5.1 sections 2.9.2, 2.14.8 and 2.14.5).

It is written with the sender's own delimiters and character set and repeats its fields as they were written, so that
MSA-2 is its MSH-10 to the byte: a sender matches answers by it, and a wrong one would end another result's waiting.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from clinic_records.clock import CHINA
from recordings.hl7.message import Segment

_LONGEST: Final = 200
"""Characters of one repeated field; HL7 v2.7 allows 199 for the longest, MSH-10."""


class Verdict(NamedTuple):
    """What becomes of a message: letter of MSA-1, error code and its text (table 0357)."""

    letter: str
    code: str
    words: str


ACCEPTED: Final = Verdict("A", "0", "Message accepted")
NO_CONTROL_ID: Final = Verdict("E", "101", "Required field missing")
UNSUPPORTED_TYPE: Final = Verdict("R", "200", "Unsupported message type")
UNSUPPORTED_VERSION: Final = Verdict("R", "203", "Unsupported version id")
NO_HEADER: Final = Verdict("R", "100", "Segment sequence error")

_WANTED: Final[Mapping[str, frozenset[str]]] = {
    "AL": frozenset("AER"),
    "NE": frozenset(),
    "ER": frozenset("ER"),
    "SU": frozenset("A"),
}
"""MSH-15 and MSH-16 (table 0155) -> verdicts for which that acknowledgement is wanted."""


def modes(header: Segment, verdict: Verdict) -> list[str]:
    """First letters of the acknowledgements to send: `C` (accept) and `A` (application), in this order.

    Original mode, with neither MSH-15 nor MSH-16, wants the application acknowledgement alone (section 2.9.2). Values
    outside table 0155 (Mindray writes 0 to 2 into MSH-16) are none.
    """
    wishes = {letter: header.text(field) for letter, field in (("C", 15), ("A", 16))}
    if not any(wish in _WANTED for wish in wishes.values()):
        return ["A"]
    return [letter for letter, wish in wishes.items() if verdict.letter in _WANTED.get(wish, frozenset())]


def acknowledgement(header: Segment, mode: str, verdict: Verdict, own_id: str, now: datetime) -> bytes:
    """The data of one block, without its marks: the answer in `mode` to the message of this header."""

    def said(field: int) -> str:
        return header.raw(field)[:_LONGEST]

    marks = header.marks
    is_recent = _version(header) >= (2, 5)
    event = header.text(9, 2)
    kind = marks.component.join(
        ["ACK", event, "ACK"] if event and header.text(9, 3) else ["ACK", event][: 1 + bool(event)]
    )
    asks = ["NE", "NE"] if any(header.text(field) in _WANTED for field in (15, 16)) else ["", said(16)]
    msh = ["MSH", header.raw(2), said(5), said(6), said(3), said(4), _now(now), "", kind, own_id]
    msh += [said(11) or "P", said(12), "", "", *asks, "", said(18)]
    msa = ["MSA", mode + verdict.letter, said(10), verdict.words]
    lines = [msh, msa if is_recent else [*msa, "", "", verdict.code]]
    if is_recent and verdict is not ACCEPTED:
        error = marks.component.join([verdict.code, verdict.words, "HL70357"])
        lines.append(["ERR", "", "", error, "E"])
    text = "".join(marks.field.join(line).rstrip(marks.field) + "\r" for line in lines)
    return text.encode(header.codec)


def _version(header: Segment) -> tuple[int, ...]:
    parts = header.text(12).split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() and len(part) < 3 for part in parts) else (2,)


def _now(now: datetime) -> str:
    return now.astimezone(CHINA).strftime("%Y%m%d%H%M%S%z")
