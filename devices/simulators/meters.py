"""Meters that are asked for their memory: TaiDoc glucose meter and thermometer, Contec08A. Sans-I/O."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final, NamedTuple, Protocol

from devices.laboratory import taidoc as taidoc_driver
from devices.transports.base import Transport
from devices.vitals import contec08a as contec_driver
from recordings.meters import contec08a_layout as contec08a
from recordings.meters import taidoc_layout as taidoc

_LISTEN_S: Final = 0.05
Now = Callable[[], datetime]


def now_utc() -> datetime:
    """A clock that is right."""
    return datetime.now(UTC)


class Meter(Protocol):
    """A device of questions and answers."""

    has_told_all: bool

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""


class TaiDocRecord(NamedTuple):
    """When, by the meter's clock; marks are added to minute and hour; four bytes of value."""

    taken: datetime
    value: bytes
    minute_marks: int = 0
    hour_marks: int = 0


def glucose_record(taken: datetime, mg_dl: int, meal: int = 0) -> TaiDocRecord:
    """What a TD-4277 holds; `meal` 00, 40 before or 80 after."""
    return TaiDocRecord(taken, mg_dl.to_bytes(2, "little") + bytes((6, meal)))


def temperature_record(taken: datetime, tenths: int, *, site: int = 1, around: int = 220) -> TaiDocRecord:
    """What a TD-1241 holds: tenths of a degree Celsius, site 0 ear, 1 forehead ..."""
    value = tenths.to_bytes(2, "little") + around.to_bytes(2, "little")
    return TaiDocRecord(taken, value, (site & 3) << 6, (site >> 2) << 5)


class TaiDocMeter:
    """A TaiDoc meter; `records` newest first."""

    def __init__(self, model: int, records: list[TaiDocRecord], now: Now = now_utc) -> None:
        """`model` as it is printed, 0x4277; `now` is the meter's clock."""
        self.records = records
        self.has_told_all = False
        self.asked: list[int] = []
        self._model = model
        self._now = now
        self._buffer = b""

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""
        self._buffer += data
        answers = b""
        while len(self._buffer) >= taidoc.PACKET_SIZE:
            question, self._buffer = self._buffer[: taidoc.PACKET_SIZE], self._buffer[taidoc.PACKET_SIZE :]
            if question == taidoc.packet(question[1], question[2:6]):
                self.asked.append(question[1])
                answers += self._answer(question[1], int.from_bytes(question[2:4], "little"))
        return answers

    def _answer(self, command: int, index: int) -> bytes:
        message = bytes(4)
        if command == taidoc.MODEL:
            message = self._model.to_bytes(2, "little") + bytes(2)
        elif command == taidoc_driver.CLOCK:
            message = taidoc.write_time(self._now())
        elif command == taidoc_driver.COUNT:
            message = len(self.records).to_bytes(2, "little") + bytes(2)
        elif command == taidoc.TIME:
            record = self.records[index]
            day, minute, hour = taidoc.write_time(record.taken)[:2], *taidoc.write_time(record.taken)[2:]
            message = day + bytes((minute | record.minute_marks, hour | record.hour_marks))
        elif command == taidoc.VALUE:
            message = self.records[index].value
            self.has_told_all = index == len(self.records) - 1
        return taidoc.packet(command, message, taidoc.FROM_METER)


class Contec08aMeter:
    """A Contec08A; `lists` of 64-byte records for its users 1 to 3, oldest first."""

    def __init__(self, lists: dict[int, list[bytes]]) -> None:
        """Switched on."""
        self.lists = lists
        self.has_told_all = False
        self.asked: list[bytes] = []
        self._buffer = b""

    def receive(self, data: bytes) -> bytes:
        """The reports it sends."""
        self._buffer += data
        answers = b""
        while len(self._buffer) >= contec08a.REPORT_SIZE:
            question, self._buffer = self._buffer[: contec08a.REPORT_SIZE], self._buffer[contec08a.REPORT_SIZE :]
            self.asked.append(question)
            answers += self._answer(question)
        return answers

    def _answer(self, question: bytes) -> bytes:
        user = next((user for user, asked in contec_driver.LISTS.items() if asked == question), 0)
        if not user:
            return contec_driver.report(0x48, 0x41, 0x02, 0x13, 0x01, 0x02)
        self.has_told_all = user == contec_driver.USERS[-1]
        records = self.lists.get(user, [])
        head = contec08a.encode_head(user, len(records))
        return contec_driver.report(0x4A, 0x43, 0x01) + head + b"".join(records)


def play(meter: Meter, wire: Transport, stop: Event) -> None:
    """Answer until everything was told."""
    while not stop.is_set() and not meter.has_told_all:
        answers = meter.receive(wire.read(_LISTEN_S))
        if answers:
            wire.write(answers)


def simulate_glucose_taidoc(wire: Transport, stop: Event) -> None:
    """Two minutes ago before a meal, and two older ones."""
    now = now_utc()
    ages = ((timedelta(minutes=2), 101, 0x40), (timedelta(days=1), 188, 0x80), (timedelta(days=2), 601, 0))
    play(TaiDocMeter(0x4277, [glucose_record(now - age, value, meal) for age, value, meal in ages]), wire, stop)


def simulate_thermometer(wire: Transport, stop: Event) -> None:
    """One forehead, a minute ago."""
    play(TaiDocMeter(0x1241, [temperature_record(now_utc() - timedelta(minutes=1), 366)]), wire, stop)


def simulate_contec08a(wire: Transport, stop: Event) -> None:
    """One measurement in the list of user 1, told from memory."""
    record = contec08a.encode_record(now_utc(), systolic=148, diastolic=85, mean=105, pulse=72)
    play(Contec08aMeter({1: [record]}), wire, stop)
