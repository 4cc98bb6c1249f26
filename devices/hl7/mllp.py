"""A device that sends HL7 v2 result messages over MLLP: analysers, spirometers, monitors (IHE PCD-01).

The answer goes out only after the message is durable; what it says is decided by the header alone, because the rest is
somebody else's bytes and is read in a limited child. A message sent again (same sender, control id and bytes) is
answered again and not delivered twice; over another connection it is the recorder that knows its bytes.

No clock offset is taken from MSH-7: a message that waited in the device was made long ago, and an offset measured by it
would make an old result look new.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.ids import sha256_hex
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.mllp import CR, FS, MAX_BLOCK_TIME, MEDIA_TYPE, VT, MllpFraming
from devices.hl7.acknowledge import (
    ACCEPTED,
    NO_CONTROL_ID,
    NO_HEADER,
    UNSUPPORTED_TYPE,
    UNSUPPORTED_VERSION,
    Verdict,
    acknowledgement,
    modes,
)
from recordings.hl7.message import Delimiters, Segment, read_header
from recordings.hl7.results import RESULT_EVENTS

WORD: Final = "application/vnd.hl7.dialogue"
"""Media type of messages that are no results and are not kept: acknowledgements and queries."""
_ACKNOWLEDGEMENTS: Final = frozenset({"ACK", "MCF"})
"""MSH-9.1 of messages that are answers themselves and are never answered; every query begins with Q (table 0076)."""
_ORDER_QUERY: Final = re.compile(rb"[\r\n]ORC.RF")
"""ORC-1 = RF: an analyser asks for the order of a sample it has read (Mindray BC host interface, ORM^O01)."""
_MOST_KNOWN: Final = 4096
"""Messages of one connection remembered for recognising repetitions."""
_NO_MSH: Final = Segment(("MSH", "|", "^~\\&", *[""] * 16), Delimiters(), "ascii")
"""Header of the answer to a block that has none."""


class Hl7Mllp(Driver):
    """One connection."""

    name = "hl7-mllp"
    media_type = MEDIA_TYPE
    idle_s = MAX_BLOCK_TIME.total_seconds()

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._answers = 0

    def framing(self) -> MllpFraming:
        """A fresh framing that does not deliver what came before."""
        return MllpFraming(self._block_frame, self._now)

    def answer(self, frame: Frame) -> bytes:
        """The acknowledgements the sender asks for; asked once a delivered message is durable."""
        if frame.media_type not in {MEDIA_TYPE, WORD}:
            return b""
        header = _header(frame.raw)
        if header is None:
            return self._said(_NO_MSH, NO_HEADER)
        if header.text(9) in _ACKNOWLEDGEMENTS:
            return b""
        if frame.media_type == MEDIA_TYPE:
            self._remember(_identity(header, frame.raw))
        return self._said(header, _verdict(header))

    def _said(self, header: Segment, verdict: Verdict) -> bytes:
        said = b""
        for mode in modes(header, verdict):
            self._answers += 1
            own_id = f"{self._now():%Y%m%d%H%M%S}{self._answers % 10_000:04d}"
            said += VT + acknowledgement(header, mode, verdict, own_id, self._now()) + FS + CR
        return said

    def _block_frame(self, raw: bytes) -> Frame:
        header = _header(raw)
        if header is None:
            return Frame(raw, MEDIA_TYPE)
        code = header.text(9)
        if code in _ACKNOWLEDGEMENTS or code.startswith("Q") or _ORDER_QUERY.search(raw):
            return Frame(raw, WORD, deliver=False)
        return Frame(raw, MEDIA_TYPE, deliver=_identity(header, raw) not in self._known)

    def _remember(self, identity: tuple[str, str, str]) -> None:
        self._known[identity] = None
        self._known.move_to_end(identity)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def _header(raw: bytes) -> Segment | None:
    try:
        return read_header(raw)
    except RefusedInput:
        return None


def _identity(header: Segment, raw: bytes) -> tuple[str, str, str]:
    sender = f"{header.raw(3)[:100]}|{header.raw(4)[:100]}"
    return sender, header.raw(10)[:200], sha256_hex(raw)


def _verdict(header: Segment) -> Verdict:
    if header.text(9, 2) not in RESULT_EVENTS.get(header.text(9), ()):
        return UNSUPPORTED_TYPE
    if header.text(12) and not header.text(12).startswith("2"):
        return UNSUPPORTED_VERSION
    return ACCEPTED if header.text(10) else NO_CONTROL_ID
