"""A resident ID card reader, and a card that is laid on it; built from documentation, as the driver is."""

from threading import Event
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.sam import LEAST_COMMAND, SamFraming, content_of, sam_frame
from devices.identity.card_text import LONG_TERM, SIZE
from devices.identity.sam_status import DONE, FOUND, NO_CARD
from devices.transports.base import Transport

PHOTO_SIZE: Final = 1024
"""Bytes of the photo; ours are zeros, which no decoder takes for a face."""
RESIDENT: Final = "11010519491231002X"
"""The example number of GB 11643-1999."""
_FIND, _SELECT, _READ = b"\x20\x01", b"\x20\x02", b"\x30\x01"


def card_text(
    *,
    name: str = "王秀英",
    sex: str = "2",
    nation: str = "22",
    birth: str = "19491231",
    address: str = "浙江省景宁畲族自治县东坑镇桃源村2组",
    number: str = RESIDENT,
    issuer: str = "景宁畲族自治县公安局",
    valid_from: str = "20150301",
    valid_to: str = LONG_TERM,
    mark: str = "",
) -> bytes:
    """The 256 bytes of a card; nobody's: the number is the standard's own example."""
    fields = (
        (name, 30), (sex, 2), (nation, 4), (birth, 16), (address, 70), (number, 36), (issuer, 30), (valid_from, 16),
        (valid_to, 16), ("", 28), (mark, 2), ("", 6),
    )  # fmt: skip
    return b"".join(text.ljust(size // 2).encode("utf-16-le")[:size] for text, size in fields)


class CardReaderDevice:
    """Sans-I/O: commands in, answers out."""

    def __init__(self) -> None:
        """No card lies there."""
        self.troubles: dict[bytes, int] = {}
        """Command -> status to answer it with, instead of doing it."""
        self._text = b""
        self._is_selected = False
        self._was_read = False
        self._framing = SamFraming(least=LEAST_COMMAND)

    def lay(self, text: bytes) -> None:
        """Lay a card on the reader."""
        self._text = text
        self._is_selected = self._was_read = False

    def take_away(self) -> None:
        """Take the card away."""
        self.lay(b"")

    @property
    def is_done(self) -> bool:
        """Whether the card that lies there was read."""
        return self._was_read

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent; what is no command is not answered."""
        commands = [item for item in self._framing.feed(data) if not isinstance(item, BadFrame)]
        return b"".join(self._answer(content_of(frame.raw)) for frame in commands)

    def _answer(self, command: bytes) -> bytes:
        if command in self.troubles:
            return _says(self.troubles[command])
        if not self._text or self._was_read:
            return _says(NO_CARD)
        if command == _FIND:
            return _says(FOUND, bytes(4))
        if command == _SELECT:
            self._is_selected = True
            return _says(DONE, bytes(8))
        if command == _READ and self._is_selected:
            self._was_read = True
            lengths = SIZE.to_bytes(2, "big") + PHOTO_SIZE.to_bytes(2, "big")
            return _says(DONE, lengths + self._text + bytes(PHOTO_SIZE))
        return _says(0x21)


def _says(status: int, data: bytes = b"") -> bytes:
    return sam_frame(bytes((0, 0, status)) + data)


def simulate(wire: Transport, stop: Event) -> None:
    """One card is laid on the reader, read, and taken away."""
    device = CardReaderDevice()
    device.lay(card_text())
    while not stop.is_set() and not device.is_done:
        answers = device.receive(wire.read(0.1))
        if answers:
            wire.write(answers)
