"""The resident ID card reader: find, select, read, then wait until the card is taken away.

Commands (softs.im 身份证阅读器通信协议; eastcoms.com SAM_V 通讯协议): 20 01 find, 20 02 select, 30 01 text and photo.
After a card was read it must be taken away before it can be found again (waitingsong/node-idcard-reader, README); where
a reader finds it all the same, the same text is told once. The photo needs a licensed decoder and is neither decoded
nor kept. From documentation only, never tried with a reader.

Nothing is acknowledged to a card or a reader, so a card read is an event in memory and never a durable delivery.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.sam import WORD, SamFraming, content_of, is_whole_answer, sam_frame
from devices.identity.card_text import SIZE, CardText, read_card_text
from devices.identity.sam_status import DONE, FOUND, NO_CARD, TROUBLES, trouble_of

MEDIA_TYPE: Final = "application/vnd.sam-v.card"
FIND: Final = sam_frame(b"\x20\x01")
SELECT: Final = sam_frame(b"\x20\x02")
READ: Final = sam_frame(b"\x30\x01")
_STATUS: Final = 3
"""Bytes of SW1, SW2, SW3."""
_LENGTHS: Final = 4
"""Bytes of the two lengths, of text and of photo, big-endian."""
_LONGEST_WAIT: Final = 6
"""Silences after which a command counts as lost: reading a card takes a second or two."""
_STEPS: Final[Mapping[tuple[bytes, int], bytes]] = {(FIND, FOUND): SELECT, (FIND, DONE): SELECT, (SELECT, DONE): READ}
"""(command, status of its answer) -> the next command; after every other answer a round is over."""


def read_card(raw: bytes) -> CardText:
    """The card in a whole answer to READ.

    Raises:
        RefusedInput: a status other than success, with the words of the table; or a card of another kind.
        BadFrame: the answer is not text and photo.
    """
    if not is_whole_answer(raw):
        raise BadFrame(f"card reader: {len(raw)} bytes are no whole answer")
    content = content_of(raw)
    if content[2] != DONE:
        reason, hint = trouble_of(content[2])
        raise RefusedInput(f"card reader: {reason}", hint=hint)
    data = content[_STATUS:]
    if len(data) < _LENGTHS + SIZE or int.from_bytes(data[:2], "big") != SIZE:
        raise BadFrame("card reader: the answer holds no card's text")
    return read_card_text(data[_LENGTHS : _LENGTHS + SIZE])


class ResidentCard(Driver):
    """One connection: asks for a card at each silence, and tells each card once while it lies there."""

    name = "resident-card"
    media_type = MEDIA_TYPE
    idle_s = 0.5

    _asked = b""
    """The command whose answer is due; empty between two rounds."""
    _silences = 0
    _lying = b""
    """Text of the card that was told and not yet taken away."""
    _trouble = DONE
    """The trouble that was told last: a reader that repeats it tells nothing new."""

    def framing(self) -> SamFraming:
        """A fresh framing that tells a card from a word of the dialogue."""
        return SamFraming(self._frame)

    def greeting(self) -> bytes:
        """Is a card there?"""
        return self._ask(FIND)

    def answer(self, frame: Frame) -> bytes:
        """The next step towards the card's text, or nothing until the next silence."""
        step = _STEPS.get((self._asked, content_of(frame.raw)[2]), b"")
        if self._asked == FIND and not step:
            self._lying = b""
        return self._ask(step)

    def on_idle(self) -> bytes:
        """Ask again; while an answer is due, only after several silences."""
        self._silences += 1
        if self._asked and self._silences < _LONGEST_WAIT:
            return b""
        return self._ask(FIND)

    def _ask(self, command: bytes) -> bytes:
        self._asked = command
        self._silences = 0
        return command

    def _frame(self, raw: bytes) -> Frame:
        """A card that was read, or a trouble, is told once; everything else is dialogue."""
        content = content_of(raw)
        status = content[2]
        is_new_trouble = status in TROUBLES and status != self._trouble
        if status in TROUBLES:
            self._trouble = status
        elif status == NO_CARD:
            self._trouble = DONE
        if self._asked != READ or status != DONE:
            return Frame(raw, MEDIA_TYPE if is_new_trouble else WORD, deliver=is_new_trouble)
        text = content[_STATUS:]
        is_new = text != self._lying
        self._lying = text
        self._trouble = DONE
        return Frame(raw, MEDIA_TYPE, deliver=is_new)
