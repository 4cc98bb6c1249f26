"""LifeScan meters that are asked for their memory: OneTouch UltraEasy and Verio IQ. Sans-I/O but for `simulate_...`."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from threading import Event
from typing import Generic, TypeVar

from devices.laboratory import ultraeasy as ultraeasy_driver
from devices.laboratory import verio_iq as verio_iq_driver
from devices.simulators.meters import Now, now_utc, play
from devices.transports.base import Transport
from recordings.meters import lifescan
from recordings.meters import ultraeasy_layout as ultraeasy
from recordings.meters import verio_iq_layout as verio_iq

Record = TypeVar("Record")


class _LifescanMeter(ABC, Generic[Record]):
    """What both are: packets in, packets out."""

    def __init__(self, records: list[Record], *, unit: int = 1, now: Now = now_utc) -> None:
        """`records` newest first; `unit` it displays: 0 mg/dL, 1 mmol/L; `now` is its clock."""
        self.records = records
        self.has_told_all = False
        self.heard: list[bytes] = []
        self._unit = unit
        self._now = now
        self._buffer = b""

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""
        self._buffer += data
        answers = b""
        while len(self._buffer) >= 2 and len(self._buffer) >= self._buffer[1]:
            size = max(self._buffer[1], 1)
            question, self._buffer = self._buffer[:size], self._buffer[size:]
            if lifescan.is_packet(question):
                answers += self._take(question[2], lifescan.message_of(question))
        return answers

    @abstractmethod
    def _take(self, link: int, message: bytes) -> bytes:
        """The packets that answer one with this link control."""


class UltraEasyMeter(_LifescanMeter[tuple[datetime, int]]):
    """A OneTouch UltraEasy; `records` of (when by its clock, mg/dL)."""

    _sent = 0
    _expected = 0
    _is_last = False

    def _take(self, link: int, message: bytes) -> bytes:
        if link & lifescan.DISCONNECT:
            self._sent = self._expected = 0
            return lifescan.packet(b"", lifescan.DISCONNECT | lifescan.ACKNOWLEDGE)
        if link & lifescan.ACKNOWLEDGE:
            self._sent ^= 1
            self.has_told_all = self._is_last
            return b""
        if link & lifescan.SEQUENCE_SENT != self._expected:
            return b""
        self._expected ^= 1
        self.heard.append(message)
        bits = self._sent | self._expected << 1
        return lifescan.packet(b"", lifescan.ACKNOWLEDGE | bits) + lifescan.packet(self._answer(message), bits)

    def _answer(self, message: bytes) -> bytes:
        if message == ultraeasy_driver.UNIT:
            return ultraeasy.LAYOUT.ok + bytes((self._unit, 0, 0, 0))
        if message == ultraeasy_driver.CLOCK:
            return ultraeasy.LAYOUT.ok + ultraeasy.LAYOUT.write_time(self._now()).to_bytes(4, "little")
        number = int.from_bytes(message[2:4], "little")
        if number == ultraeasy_driver.NO_RECORD:
            return ultraeasy_driver.COUNT + len(self.records).to_bytes(2, "little")
        self._is_last = number == len(self.records) - 1
        return ultraeasy.record_message(*self.records[number])


class VerioIqMeter(_LifescanMeter[bytes]):
    """A OneTouch Verio IQ; `records` are messages of `recordings.meters.verio_iq_layout.record_message`."""

    def _take(self, link: int, message: bytes) -> bytes:
        del link
        self.heard.append(message)
        return lifescan.packet(self._answer(message))

    def _answer(self, message: bytes) -> bytes:
        if message == verio_iq_driver.UNIT:
            return verio_iq.LAYOUT.ok + bytes((self._unit, 0, 0, 0))
        if message == verio_iq_driver.CLOCK:
            return verio_iq.LAYOUT.ok + verio_iq.LAYOUT.write_time(self._now()).to_bytes(4, "little")
        if message == verio_iq_driver.COUNT:
            return verio_iq.LAYOUT.ok + len(self.records).to_bytes(2, "little")
        number = int.from_bytes(message[2:4], "little")
        self.has_told_all = number == len(self.records) - 1
        return self.records[number]


def simulate_ultraeasy(wire: Transport, stop: Event) -> None:
    """Two minutes ago, and an older one."""
    now = now_utc()
    play(UltraEasyMeter([(now - timedelta(minutes=2), 101), (now - timedelta(days=1), 188)]), wire, stop)


def simulate_verio_iq(wire: Transport, stop: Event) -> None:
    """Two minutes ago, a control solution before it, and an older one."""
    now: datetime = now_utc()
    ages = ((timedelta(minutes=2), 101, False), (timedelta(minutes=5), 110, True), (timedelta(days=1), 188, False))
    records = [verio_iq.record_message(now - age, mg_dl, is_control=control) for age, mg_dl, control in ages]
    play(VerioIqMeter(records), wire, stop)
