"""TaiDoc (FORA) meters: we ask for model, clock and number of records, then for each record's time and value.

Order: 22 connect > 22, 24 or 54 · 24 > model · 23 > clock · 2B > number · 25 i, 26 i > time and value of record i, the
newest first. Source: protocols.glucometers.tech, TaiDoc TD-42xx. Glucose meters and thermometers speak alike; the
model in each delivered record tells which it is. We never send 52 (clear the memory) nor 33 (set the clock).
"""

from datetime import datetime
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.packets import WORD, PacketFraming, word
from devices.memory import DeviceMemory
from devices.packet_driver import PacketDriver
from recordings.meters.taidoc_layout import MEDIA_TYPE, MODEL, PACKET_SIZE, TIME, VALUE, is_packet, packet, read_time

CONNECT, CLOCK, COUNT = 0x22, 0x23, 0x2B
_CONNECTED: Final = frozenset({0x22, 0x24, 0x54})
_START: Final = b"\x51"
MOST_RECORDS: Final = 1000
"""The largest known memory; of more only so many are read."""


def cut(stream: bytes | bytearray) -> int:
    """See `PacketFraming`."""
    start = stream.find(_START)
    if start:
        return -start if start > 0 else -len(stream)
    if len(stream) < PACKET_SIZE:
        return 0
    return PACKET_SIZE if is_packet(stream[:PACKET_SIZE]) else -1


class TaiDoc(PacketDriver):
    """One connection: lists the memory, and again at each silence."""

    name = "taidoc"
    media_type = MEDIA_TYPE

    _asked = 0
    """The command whose answer is due; 0 between two listings."""
    _index = 0
    _count = 0
    _model = b""
    _time = b""
    _clock: datetime | None = None

    def framing(self) -> PacketFraming:
        """A fresh framing."""
        self._memory = DeviceMemory(MEDIA_TYPE)
        return self.packets(cut, self._memory.give_up)

    def greeting(self) -> bytes:
        """Connect."""
        return self._ask(CONNECT)

    def _ask(self, command: int, index: int = 0) -> bytes:
        self._asked = command
        return packet(command, index.to_bytes(2, "little") + bytes(2))

    def _hear(self, raw: bytes) -> list[Frame]:
        command, message = raw[1], raw[2:6]
        if self._asked == CONNECT and command in _CONNECTED:
            self._next = self._ask(MODEL)
        elif command != self._asked:
            return [word(raw)]
        elif command == MODEL:
            self._model = raw
            self._next = self._ask(CLOCK)
        elif command == CLOCK:
            self._next = self._ask(COUNT)
            return [self._clock_word(raw, message)]
        elif command == COUNT:
            self._count = min(int.from_bytes(message[:2], "little"), MOST_RECORDS)
            self._index = 0
            self._memory.begin(self._count)
            return self._go_on(raw)
        elif command == TIME:
            self._time = raw
            self._next = self._ask(VALUE, self._index)
        elif command == VALUE:
            return self._take(raw)
        return [word(raw)]

    def _clock_word(self, raw: bytes, message: bytes) -> Frame:
        try:
            self._clock = read_time(message)
        except BadFrame:  # a meter that was never set
            self._clock = None
        return Frame(raw, WORD, deliver=False, device_clock=self._clock)

    def _take(self, raw: bytes) -> list[Frame]:
        identity = self._time + raw
        is_told = self._memory.add(self._model + identity, identity, _taken(self._time))
        self._index = self._count if is_told else self._index + 1
        return self._go_on(raw)

    def _go_on(self, raw: bytes) -> list[Frame]:
        if self._index < self._count:
            self._next = self._ask(TIME, self._index)
            return [word(raw)]
        self._asked = 0
        return [*self._memory.end(self._clock), word(raw)]


def _taken(raw: bytes) -> datetime | None:
    try:
        return read_time(raw[2:6])
    except BadFrame:  # its decoder says so; here it is only not today's
        return None
