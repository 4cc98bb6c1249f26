"""A OneTouch Verio IQ that is asked for its memory. Sans-I/O; `simulate` puts it on a wire."""

from datetime import datetime, timedelta
from threading import Event

from devices.laboratory import verio_iq as driver
from devices.simulators.meters import Now, now_utc, play
from devices.transports.base import Transport
from recordings.meters import lifescan
from recordings.meters import verio_iq_layout as verio_iq


class VerioIqMeter:
    """`records` are messages of `recordings.meters.verio_iq.record_message`, newest first."""

    def __init__(self, records: list[bytes], *, unit: int = 1, now: Now = now_utc) -> None:
        """`unit` it displays: 0 mg/dL, 1 mmol/L; `now` is its clock."""
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
                self.heard.append(lifescan.message_of(question))
                answers += lifescan.packet(self._answer(self.heard[-1]))
        return answers

    def _answer(self, message: bytes) -> bytes:
        if message == driver.UNIT:
            return verio_iq.LAYOUT.ok + bytes((self._unit, 0, 0, 0))
        if message == driver.CLOCK:
            return verio_iq.LAYOUT.ok + verio_iq.LAYOUT.write_time(self._now()).to_bytes(4, "little")
        if message == driver.COUNT:
            return verio_iq.LAYOUT.ok + len(self.records).to_bytes(2, "little")
        number = int.from_bytes(message[2:4], "little")
        self.has_told_all = number == len(self.records) - 1
        return self.records[number]


def simulate(wire: Transport, stop: Event) -> None:
    """Two minutes ago, a control solution before it, and an older one."""
    now: datetime = now_utc()
    ages = ((timedelta(minutes=2), 101, False), (timedelta(minutes=5), 110, True), (timedelta(days=1), 188, False))
    records = [verio_iq.record_message(now - age, mg_dl, is_control=control) for age, mg_dl, control in ages]
    play(VerioIqMeter(records), wire, stop)
