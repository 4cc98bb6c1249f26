"""Dialogues with meters, without any line: what is today's, what is from memory, and that nothing is deleted or set."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.laboratory import taidoc as taidoc_driver
from devices.laboratory.taidoc import TaiDoc
from devices.laboratory.ultraeasy import UltraEasy
from devices.laboratory.verio_iq import VerioIq
from devices.simulators.lifescan_meters import UltraEasyMeter, VerioIqMeter
from devices.simulators.meters import (
    Contec08aMeter,
    Meter,
    TaiDocMeter,
    glucose_record,
    temperature_record,
)
from devices.vitals.contec08a import PING, Contec08a
from recordings.decode import decode
from recordings.meters import contec08a_layout as contec08a
from recordings.meters import taidoc_layout as taidoc
from recordings.meters import verio_iq_layout as verio_iq

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Talk:
    """Driver and meter, wired together; `garble` may spoil what the meter says."""

    def __init__(self, kind: Callable[[Callable[[], datetime]], Driver], meter: Meter) -> None:
        self.now = NOW
        self.driver = kind(lambda: self.now)
        self.framing = self.driver.framing()
        self.meter = meter
        self.kept: list[Frame] = []
        self.refused: list[BadFrame] = []
        self.garble: Callable[[bytes], bytes] = lambda answer: answer

    def connect(self) -> "Talk":
        self._say(self.driver.greeting())
        return self

    def silence(self) -> "Talk":
        self._hear(self.framing.idle())
        self._say(self.driver.on_idle())
        return self

    @property
    def todays(self) -> list[bool]:
        return [not frame.from_memory for frame in self.kept]

    def _say(self, data: bytes) -> None:
        if data:
            self._hear(self.framing.feed(self.garble(self.meter.receive(data))))

    def _hear(self, items: list[Frame | BadFrame]) -> None:
        for item in items:
            if isinstance(item, BadFrame):
                self.refused.append(item)
                continue
            if item.device_clock is not None:
                self.driver.saw_clock(item.device_clock)
            if item.deliver:
                self.kept.append(item)
            self._say(self.driver.answer(item))


def glucose_talk(*ages: timedelta, clock: datetime = NOW) -> Talk:
    records = [glucose_record(clock - age, 100 + number) for number, age in enumerate(ages)]
    return Talk(TaiDoc, TaiDocMeter(0x4277, records, lambda: clock))


def ultraeasy_talk(*ages: timedelta, clock: datetime = NOW) -> Talk:
    records = [(clock - age, 100 + number) for number, age in enumerate(ages)]
    return Talk(UltraEasy, UltraEasyMeter(records, now=lambda: clock))


def verio_talk(*ages: timedelta, clock: datetime = NOW) -> Talk:
    records = [verio_iq.record_message(clock - age, 100 + number) for number, age in enumerate(ages)]
    return Talk(VerioIq, VerioIqMeter(records, now=lambda: clock))


def pressure(taken: datetime = NOW, systolic: int = 148) -> bytes:
    return contec08a.encode_record(taken, systolic=systolic, diastolic=85, mean=105, pulse=72)


TALKS = [glucose_talk, ultraeasy_talk, verio_talk]


@pytest.mark.parametrize("talk_of", TALKS)
class TestGlucoseMeters:
    def test_single_fresh_result_is_todays_and_older_ones_are_from_memory(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(2 * MINUTE, DAY, 2 * DAY).connect()
        assert talk.todays == [True, False, False]
        assert [decode(frame.raw).start for frame in talk.kept] == [NOW - 2 * MINUTE, NOW - DAY, NOW - 2 * DAY]
        assert talk.refused == []

    def test_order_of_the_list_does_not_matter(self, talk_of: Callable[..., Talk]) -> None:
        assert talk_of(2 * DAY, DAY, 2 * MINUTE).connect().todays == [False, False, True]

    def test_two_fresh_results_are_nobodys(self, talk_of: Callable[..., Talk]) -> None:
        assert talk_of(2 * MINUTE, 5 * MINUTE, DAY).connect().todays == [False, False, False]

    def test_dump_of_fifty_is_from_memory_to_the_last(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(*(day * DAY for day in range(1, 51))).connect()
        assert talk.todays == [False] * 50

    def test_meter_whose_clock_is_years_back_is_compared_with_its_own_clock(self, talk_of: Callable[..., Talk]) -> None:
        clock = datetime(2021, 1, 1, 0, 10, tzinfo=CHINA)
        talk = talk_of(3 * MINUTE, clock=clock).connect()
        assert talk.todays == [True]
        assert talk.driver.clock_offset_ms == round((NOW - clock).total_seconds() * 1000)

    def test_result_from_before_the_clock_was_reset_is_never_todays(self, talk_of: Callable[..., Talk]) -> None:
        clock = datetime(2021, 1, 1, 0, 10, tzinfo=CHINA)
        assert talk_of(-365 * DAY, clock=clock).connect().todays == [False]

    def test_each_record_is_told_once_and_a_new_one_is_todays(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(DAY, 2 * DAY).connect().silence().silence()
        assert talk.todays == [False, False]
        if isinstance(talk.meter, TaiDocMeter):
            talk.meter.records.insert(0, glucose_record(NOW, 150))
        elif isinstance(talk.meter, UltraEasyMeter):
            talk.meter.records.insert(0, (NOW, 150))
        elif isinstance(talk.meter, VerioIqMeter):
            talk.meter.records.insert(0, verio_iq.record_message(NOW, 150))
        assert talk.silence().todays == [False, False, True]

    def test_empty_meter_gives_nothing(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of().connect().silence()
        assert (talk.kept, talk.refused) == ([], [])

    def test_answer_lost_on_the_line_is_asked_again_at_the_next_silence(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(2 * MINUTE, DAY, 2 * DAY)
        answers = 0

        def lose_the_sixth(answer: bytes) -> bytes:
            nonlocal answers
            answers += 1
            return b"" if answers == 6 else answer

        talk.garble = lose_the_sixth
        talk.connect()
        assert len(talk.kept) < 3
        talk.silence()
        assert sorted(decode(frame.raw).start or NOW for frame in talk.kept) == [
            NOW - 2 * DAY,
            NOW - DAY,
            NOW - 2 * MINUTE,
        ]

    def test_spoilt_answer_gives_no_value_and_is_kept(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(2 * MINUTE)
        answers = 0

        def spoil_the_last(answer: bytes) -> bytes:
            nonlocal answers
            answers += 1
            return (
                answer[:-4] + bytes((answer[-4] ^ 0x10,)) + answer[-3:] if answers >= 4 and len(answer) > 7 else answer
            )

        talk.garble = spoil_the_last
        talk.connect()
        talk._hear(talk.framing.idle())
        assert talk.kept == []
        assert talk.refused

    def test_unplugged_meter_is_greeted_again(self, talk_of: Callable[..., Talk]) -> None:
        talk = talk_of(2 * MINUTE)
        talk.garble = lambda answer: b""
        talk.connect().silence()
        talk.garble = lambda answer: answer
        assert talk.silence().todays == [True]


def test_taidoc_is_never_told_to_clear_or_to_set_its_clock() -> None:
    talk = glucose_talk(MINUTE, DAY).connect().silence()
    assert isinstance(talk.meter, TaiDocMeter)
    asked = set(talk.meter.asked)
    assert asked == {
        taidoc_driver.CONNECT,
        taidoc.MODEL,
        taidoc_driver.CLOCK,
        taidoc_driver.COUNT,
        taidoc.TIME,
        taidoc.VALUE,
    }


def test_ultraeasy_is_never_told_to_delete_or_to_set_its_clock() -> None:
    talk = ultraeasy_talk(MINUTE, DAY).connect().silence()
    assert isinstance(talk.meter, UltraEasyMeter)
    assert not any(message[:2] == b"\x05\x1a" or message[:3] == b"\x05\x20\x01" for message in talk.meter.heard)


def test_verio_iq_is_never_told_to_erase_or_to_set_its_clock_and_gives_no_control_solution() -> None:
    records = [verio_iq.record_message(NOW - number * MINUTE, 100, is_control=number == 1) for number in range(2)]
    meter = VerioIqMeter(records, now=lambda: NOW)
    talk = Talk(VerioIq, meter).connect().silence()
    assert talk.todays == [True]
    assert not any(message[:2] == b"\x03\x1a" or message[:3] == b"\x03\x20\x01" for message in meter.heard)


def test_unchanged_list_is_not_read_again() -> None:
    talk = glucose_talk(*(day * DAY for day in range(1, 40))).connect()
    assert isinstance(talk.meter, TaiDocMeter)
    before = len(talk.meter.asked)
    talk.silence()
    assert len(talk.meter.asked) - before == 6


def test_taidoc_clock_that_was_never_set_makes_nothing_todays() -> None:
    talk = glucose_talk(MINUTE)
    talk.garble = lambda answer: taidoc.packet(0x23, bytes(4), taidoc.FROM_METER) if answer[1:2] == b"\x23" else answer
    assert talk.connect().todays == [False]
    assert talk.driver.clock_offset_ms is None


def test_thermometer_speaks_the_same_dialogue() -> None:
    meter = TaiDocMeter(
        0x1241, [temperature_record(NOW - MINUTE, 366), temperature_record(NOW - DAY, 381, site=0)], lambda: NOW
    )
    talk = Talk(TaiDoc, meter).connect()
    assert talk.todays == [True, False]
    assert [decode(frame.raw).modality for frame in talk.kept] == ["temperature"] * 2


def test_pressures_found_at_connection_are_from_memory_and_one_that_appears_is_todays() -> None:
    meter = Contec08aMeter({1: [pressure(NOW - DAY)], 2: [pressure(NOW - 2 * DAY), pressure(NOW)]})
    talk = Talk(Contec08a, meter).connect()
    assert talk.todays == [False, False, False]
    assert [decode(frame.raw).numerics[0].context["user"] for frame in talk.kept] == ["1", "2", "2"]
    meter.lists[1].append(pressure(NOW + MINUTE, 151))
    assert talk.silence().todays[3:] == [True]
    assert talk.silence().todays[4:] == []
    meter.lists[2] += [pressure(NOW + 2 * MINUTE, 152), pressure(NOW + 3 * MINUTE, 153)]
    assert talk.silence().todays[4:] == [False, False]
    assert set(meter.asked[:1]) == {PING}


def test_pressure_appearing_in_a_list_that_was_never_complete_is_from_memory() -> None:
    meter = Contec08aMeter({1: [pressure(NOW - DAY), pressure(NOW)]})
    talk = Talk(Contec08a, meter)
    talk.garble = lambda answer: answer[:-64] if len(answer) > 128 else answer
    talk.connect()
    assert talk.kept == []
    talk.garble = lambda answer: answer
    talk.silence()
    assert talk.todays == [False, False]


@pytest.mark.parametrize("kind", [TaiDoc, UltraEasy, VerioIq, Contec08a])
@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(data=st.data())
def test_every_byte_comes_out_once_between_the_words(kind: type[Driver], data: st.DataObject) -> None:
    packets = (
        taidoc.packet(0x22, end=taidoc.FROM_METER),
        bytes.fromhex("02060803c262"),
        contec08a.encode_head(1, 2),
        pressure(),
    )
    stream = b"".join(data.draw(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(packets)), max_size=8)))
    ways: list[list[Frame | BadFrame]] = []
    for size in (len(stream) or 1, 1, 7):
        framing = kind(lambda: NOW.astimezone(UTC)).framing()
        items = [item for at in range(0, len(stream), size) for item in framing.feed(stream[at : at + size])]
        items += framing.idle()
        assert framing.idle() == []
        ways.append(items)
    for items in ways:
        assert b"".join(item.raw for item in items if isinstance(item, BadFrame) or not item.deliver) == stream
        assert not any(item.deliver for item in items if isinstance(item, Frame))
