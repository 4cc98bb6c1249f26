"""LifeScan OneTouch UltraEasy (UltraMini): disconnect, then unit, clock, number of records and each record.

Messages (glucometerutils, otultraeasy.py): 05 09 02 09 and four zeros, unit; 05 20 02 and four zeros, clock; 05 1F and
a record's number u16, the record; with 501, which no meter has, 05 0F and the number of records u16. Each message of
the meter is acknowledged; the acknowledgement deletes nothing. We never send 05 1A (delete all) nor 05 20 01 (set the
clock).
"""

from datetime import datetime
from typing import Final

from devices.framing.base import Frame
from devices.framing.lifescan import cut
from devices.framing.packets import WORD, PacketFraming, word
from devices.memory import DeviceMemory
from devices.packet_driver import PacketDriver
from recordings.meters.lifescan import (
    ACKNOWLEDGE,
    DISCONNECT,
    SEQUENCE_EXPECTED,
    SEQUENCE_SENT,
    message_of,
    packet,
)
from recordings.meters.lifescan_record import UNIT_SIZE
from recordings.meters.ultraeasy_layout import LAYOUT, MEDIA_TYPE

UNIT: Final = b"\x05\x09\x02\x09" + bytes(4)
CLOCK: Final = b"\x05\x20\x02" + bytes(4)
RECORD: Final = b"\x05\x1f"
NO_RECORD: Final = 501
COUNT: Final = b"\x05\x0f"


class UltraEasy(PacketDriver):
    """One connection: lists the memory, and again at each silence."""

    name = "ultraeasy"
    media_type = MEDIA_TYPE

    _sent = 0
    _expected = 0
    """The two sequence bits of the link."""
    _asked = b""
    """The message whose answer is due."""
    _index = 0
    _count = 0
    _unit = b""
    _clock: datetime | None = None

    def framing(self) -> PacketFraming:
        """A fresh framing."""
        self._memory = DeviceMemory(MEDIA_TYPE)
        return self.packets(cut, self._memory.give_up)

    def greeting(self) -> bytes:
        """Disconnect, so that both sides count from the beginning."""
        self._asked = b""
        self._sent = self._expected = 0
        return packet(b"", DISCONNECT)

    def _ask(self, message: bytes) -> bytes:
        self._asked = message
        raw = packet(message, self._sent * SEQUENCE_SENT | self._expected * SEQUENCE_EXPECTED)
        self._sent ^= 1
        return raw

    def _acknowledge(self) -> bytes:
        return packet(b"", ACKNOWLEDGE | self._sent * SEQUENCE_SENT | self._expected * SEQUENCE_EXPECTED)

    def _hear(self, raw: bytes) -> list[Frame]:
        link = raw[2]
        if link & DISCONNECT:
            if not self._asked:
                self._next = self._ask(UNIT)
            return [word(raw)]
        if link & ACKNOWLEDGE or not self._asked:
            return [word(raw)]
        if (link & SEQUENCE_SENT) != self._expected:  # it did not hear our acknowledgement
            self._next = self._acknowledge()
            return [word(raw)]
        self._expected ^= 1
        self._next = self._acknowledge()
        return self._understand(raw, message_of(raw))

    def _understand(self, raw: bytes, message: bytes) -> list[Frame]:
        if self._asked == UNIT and message[:2] == LAYOUT.ok and len(message) == UNIT_SIZE:
            self._unit = raw
            self._next += self._ask(CLOCK)
        elif self._asked == CLOCK and message[:2] == LAYOUT.ok and len(message) == 6:
            self._clock = LAYOUT.read_time(int.from_bytes(message[2:], "little"))
            self._next += self._ask(_record(NO_RECORD))
            return [Frame(raw, WORD, deliver=False, device_clock=self._clock)]
        elif self._asked == _record(NO_RECORD) and message[:2] == COUNT and len(message) == 4:
            self._count = min(int.from_bytes(message[2:], "little"), NO_RECORD)
            self._index = 0
            self._memory.begin(self._count)
            return self._go_on(raw)
        elif self._asked == _record(self._index) and message[:2] == LAYOUT.ok and len(message) == 10:
            taken = LAYOUT.read_time(int.from_bytes(message[2:6], "little"))
            is_told = self._memory.add(self._unit + raw, message, taken)
            self._index = self._count if is_told else self._index + 1
            return self._go_on(raw)
        return [word(raw)]

    def _go_on(self, raw: bytes) -> list[Frame]:
        if self._index < self._count:
            self._next += self._ask(_record(self._index))
            return [word(raw)]
        return [*self._memory.end(self._clock), word(raw)]


def _record(number: int) -> bytes:
    return RECORD + number.to_bytes(2, "little")
