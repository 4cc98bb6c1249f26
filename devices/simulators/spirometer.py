"""The SP80B's side of its dialogue, on a pty. Built from documentation only, as the driver is.

It counts a record as acknowledged when the host, after taking its wave, asks for the next one or ends the transfer.
"""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from clinic_records.clock import CHINA
from clinic_records.errors import DeviceTimeout
from clinic_records.ids import sha256_hex
from devices.framing import sp80b
from devices.simulators.pty_line import PtyLine
from devices.simulators.saw import DeviceSaw
from devices.transports.base import Transport
from recordings.spirometry.formula import FORMULA, ForcedExpiration
from recordings.spirometry.sp80b import Sp80bResult, encode_session
from recordings.spirometry.sp80b_layout import RESULT_SIZE, checksum7, put_u14

LABEL: Final = f"simulated curve by formula: {FORMULA}"
"""The protocol has no field for it: whoever shows such a device says it beside its name."""
_COMMAND_SIZES: Final = {0x80: 2, 0x83: 10, 0x82: 2, 0x94: 2, 0x90: 2, 0x91: 4, 0x92: 3, 0x93: 2}
_PLAIN_ANSWERS: Final = {
    0x80: sp80b.STARTED,
    0x83: sp80b.TIME_SET,
    0x82: sp80b.INFORMATION,
    0x94: sp80b.PREDICTED,
    0x93: sp80b.DELETED,
}
_MOST_PLACES: Final = 125
_KEEP, _DELETE, _NEXT, _FIRST = 0x7E, 0x7F, 0x01, 0x00


def _closed(*words: int, size: int) -> bytes:
    body = bytes(words).ljust(size - 1, b"\0")
    return body + bytes((checksum7(body),))


def blow_record(
    *,
    sex: str = "M",
    age: int = 68,
    height_cm: int = 165,
    fvc: float = 3.2,
    tau_s: float = 0.6,
    taken: datetime | None = None,
) -> bytes:
    """The record of one manoeuvre made by a published formula (`FORMULA`), never a person's; volumes L, tau s."""
    made = ForcedExpiration(fvc, tau_s)
    numbers: dict[str, Any] = dict(made.numbers())
    when = (taken or datetime.now(UTC)).astimezone(CHINA)
    result = Sp80bResult(taken=when, sex=sex, age=age, height_cm=height_cm, **numbers)
    return encode_session(result, made.curve())


class Sp80bDevice:
    """Sans-I/O: commands in, messages out."""

    def __init__(self) -> None:
        """An empty memory."""
        self.saw: list[DeviceSaw] = []
        self._memory: list[bytes] = []
        self._command = bytearray()
        self._at = -1
        self._is_captured = False

    def blow(self, session: bytes) -> None:
        """A manoeuvre was made: its record (`recordings.spirometry`) is in the memory from now on."""
        self._memory.append(session)

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""
        answers = bytearray()
        for byte in data:
            if byte & 0x80:
                self._command = bytearray()
            elif not self._command:
                continue
            self._command.append(byte)
            if len(self._command) == _COMMAND_SIZES.get(self._command[0], 1):
                answers += self._answer(bytes(self._command))
                self._command.clear()
        return bytes(answers)

    def _answer(self, command: bytes) -> bytes:
        kind = command[0]
        if kind in {0x80, 0x90}:  # a host that starts afresh acknowledges nothing of before
            self._at = -1
            self._is_captured = False
        if kind == 0x90:
            return _closed(sp80b.COUNT, *put_u14(len(self._memory)), size=sp80b.SIZES[sp80b.COUNT])
        if kind == 0x91:
            return self._transfer(command[1])
        if kind == 0x92 and 0 <= self._at < len(self._memory):
            self._is_captured = True
            return self._placed()[RESULT_SIZE:]
        message = _PLAIN_ANSWERS.get(kind)
        return b"" if message is None else _closed(message, size=sp80b.SIZES[message])

    def _transfer(self, step: int) -> bytes:
        self._acknowledge()
        if step in {_KEEP, _DELETE}:
            self._at = -1
            return _closed(sp80b.RESULT, step, size=RESULT_SIZE)
        self._at = 0 if step == _FIRST else self._at + 1
        if self._at >= len(self._memory):
            return _closed(sp80b.RESULT, _KEEP, size=RESULT_SIZE)
        return self._placed()[:RESULT_SIZE]

    def _placed(self) -> bytes:
        """The current record with its place in this transfer written into both messages."""
        result, wave = self._memory[self._at][:RESULT_SIZE], self._memory[self._at][RESULT_SIZE:]
        place = min(self._at + 1, _MOST_PLACES)
        result = result[:1] + bytes((place,)) + result[2:-1]
        return result + bytes((checksum7(result),)) + wave[:1] + put_u14(place) + wave[3:]

    def _acknowledge(self) -> None:
        if self._is_captured:
            record = self._placed()
            saw = DeviceSaw(str(self._at + 1), sha256_hex(record), acknowledged=True, detail="asked for what follows")
            if saw not in self.saw:
                self.saw.append(saw)
        self._is_captured = False


def simulate(wire: Transport, stop: Event) -> None:
    """One blow, told when the host asks; ends when the host has taken it."""
    device = Sp80bDevice()
    device.blow(blow_record())
    while not stop.is_set() and not device.saw:
        wire.write(device.receive(wire.read(0.05)))


class SpirometerSimulator:
    """The device on a pty, answering in a thread of its own until closed."""

    def __init__(self, link: Path | None = None) -> None:
        """Plugged in at once, with an empty memory; `link` is the lasting name of the port."""
        self.line = PtyLine(link)
        self.device = Sp80bDevice()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sp80b-simulator", daemon=True)
        self._thread.start()

    def blow(self, session: bytes) -> None:
        """A manoeuvre was made."""
        self.device.blow(session)

    @property
    def saw(self) -> tuple[DeviceSaw, ...]:
        """What the host took and acknowledged so far."""
        return tuple(self.device.saw)

    def close(self) -> None:
        """Unplug."""
        self._stop.set()
        self._thread.join(5.0)
        self.line.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            answers = self.device.receive(self.line.read(0.1))
            if answers:
                with suppress(DeviceTimeout):  # the host went away in the middle; it will start afresh
                    self.line.write(answers, timeout_s=2.0)
