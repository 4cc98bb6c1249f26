"""LifeScan OneTouch Verio IQ: unit, clock, number of records, then each record; question and answer, no link control.

Messages (protocols.glucometers.tech, OneTouch Verio IQ): 03 09 02 02 unit; 03 20 02 clock; 03 27 00 number of records;
03 21 and a record's number u16. We never send 03 1A (erase) nor 03 20 01 (set the clock). Tests with control solution
are nobody's and are not delivered.
"""

from datetime import datetime
from typing import Final

from devices.framing.base import Frame
from devices.framing.lifescan import cut
from devices.framing.packets import WORD, PacketFraming, word
from devices.memory import DeviceMemory
from devices.packet_driver import PacketDriver
from recordings.meters.lifescan import message_of, packet
from recordings.meters.lifescan_record import UNIT_SIZE
from recordings.meters.verio_iq_layout import LAYOUT, MEDIA_TYPE, is_control

UNIT: Final = b"\x03\x09\x02\x02"
CLOCK: Final = b"\x03\x20\x02"
COUNT: Final = b"\x03\x27\x00"
READ: Final = b"\x03\x21"
_SIZES: Final = {UNIT: UNIT_SIZE, CLOCK: 6, COUNT: 4}
"""Bytes of each answer's message."""
MOST_RECORDS: Final = 1000
"""The meter holds 750."""


class VerioIq(PacketDriver):
    """One connection: lists the memory, and again at each silence."""

    name = "verio-iq"
    media_type = MEDIA_TYPE

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
        """Which unit?"""
        return self._ask(UNIT)

    def _ask(self, message: bytes) -> bytes:
        self._asked = message
        return packet(message)

    def _hear(self, raw: bytes) -> list[Frame]:
        message = message_of(raw)
        if message[:2] != LAYOUT.ok or len(message) != _SIZES.get(self._asked, LAYOUT.record.size) or not self._asked:
            return [word(raw)]
        if self._asked == UNIT:
            self._unit = raw
            self._next = self._ask(CLOCK)
        elif self._asked == CLOCK:
            self._clock = LAYOUT.read_time(int.from_bytes(message[2:], "little"))
            self._next = self._ask(COUNT)
            return [Frame(raw, WORD, deliver=False, device_clock=self._clock)]
        elif self._asked == COUNT:
            self._count = min(int.from_bytes(message[2:], "little"), MOST_RECORDS)
            self._index = 0
            self._memory.begin(self._count)
            return self._go_on(raw)
        else:
            self._index = self._count if self._take(raw, message) else self._index + 1
            return self._go_on(raw)
        return [word(raw)]

    def _take(self, raw: bytes, message: bytes) -> bool:
        if is_control(message):
            return False
        return self._memory.add(self._unit + raw, message, LAYOUT.read_time(int.from_bytes(message[2:6], "little")))

    def _go_on(self, raw: bytes) -> list[Frame]:
        if self._index < self._count:
            self._next = self._ask(READ + self._index.to_bytes(2, "little"))
            return [word(raw)]
        self._asked = b""
        return [*self._memory.end(self._clock), word(raw)]
