"""The Contec08A blood pressure meter on USB HID: we ask for each user's list and take what is new in it.

Reports of 64 bytes. 40 8F FF FE FD FC > something; 42 and the same > 48 41 ...; 43 41 01 (03 + user) 02 > 4A 43 01,
then 46 41, the head of the list, and its records. Nothing is acknowledged, nothing deleted. Source: MarkMLl/contec08a,
consoleapp.pas (seen on the wire). It tells no clock, so a record is today's only when it appears, alone, while the
meter is connected.
"""

from typing import Final

from devices.framing.base import Frame
from devices.framing.packets import PacketFraming, word
from devices.memory import DeviceMemory
from devices.packet_driver import PacketDriver
from recordings.meters.contec08a_layout import (
    LIST_HEAD,
    MEDIA_TYPE,
    REPORT_SIZE,
    count_of,
    is_record,
    is_report,
    taken_at,
    user_of,
)

USERS: Final = (1, 2, 3)
_TAIL: Final = b"\x8f\xff\xfe\xfd\xfc"


def report(*words: int, tail: bytes = b"") -> bytes:
    """A report of ours."""
    return (bytes(words) + tail).ljust(REPORT_SIZE, b"\0")


PING: Final = report(0x40, tail=_TAIL)
IDENTIFY: Final = report(0x42, tail=_TAIL)
LISTS: Final = {user: report(0x43, 0x41, 0x01, 0x03 + user, 0x02) for user in USERS}


def cut(stream: bytes | bytearray) -> int:
    """See `PacketFraming`."""
    start = next((at for at, byte in enumerate(stream) if byte & 0xF0 == 0x40 or byte & 0x80), len(stream))
    if start:
        return -start
    if len(stream) < REPORT_SIZE:
        return 0
    return REPORT_SIZE if is_report(stream[:REPORT_SIZE]) else -1


class Contec08a(PacketDriver):
    """One connection: identifies the meter, then reads the three lists, again and again."""

    name = "contec08a"
    media_type = MEDIA_TYPE

    _asked = b""
    _head = b""
    """Head of the list being read."""
    _left = 0
    """Records of it still to come."""
    _is_identified = False

    def framing(self) -> PacketFraming:
        """A fresh framing."""
        self._memories = {user: DeviceMemory(MEDIA_TYPE) for user in USERS}
        return self.packets(cut, self._give_up)

    def greeting(self) -> bytes:
        """Are you there?"""
        return self._ask(PING)

    def on_idle(self) -> bytes:
        """Look for a new measurement, or for the meter itself."""
        return self._ask(LISTS[USERS[0]] if self._is_identified else PING)

    def _ask(self, question: bytes) -> bytes:
        self._asked = question
        self._left = 0
        return question

    def _hear(self, raw: bytes) -> list[Frame]:
        if self._asked == PING:
            self._next = self._ask(IDENTIFY)
        elif self._asked == IDENTIFY:
            self._is_identified = True
            self._next = self._ask(LISTS[USERS[0]])
        elif raw[:2] == LIST_HEAD and self._asked == LISTS.get(user_of(raw)):
            self._head, self._left = raw, count_of(raw)
            self._memories[user_of(raw)].begin(self._left)
            if not self._left:
                return self._end(raw)
        elif self._left and is_record(raw):
            self._memories[user_of(self._head)].add(self._head + raw, raw, taken_at(raw))
            self._left -= 1
            if not self._left:
                return self._end(raw)
        return [word(raw)]

    def _end(self, raw: bytes) -> list[Frame]:
        user = user_of(self._head)
        self._next = self._ask(LISTS[user + 1]) if user < USERS[-1] else b""
        return [*self._memories[user].end(None), word(raw)]

    def _give_up(self) -> list[Frame]:
        self._left = 0
        return [frame for memory in self._memories.values() for frame in memory.give_up()]
