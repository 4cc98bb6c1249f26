"""The SP80B: its byte stream, and the whole dialogue of our driver with the simulated device, without any line."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.sp80b import Sp80bFraming
from devices.respiratory.contec_sp80b import CAPTURE, END_KEEP, FIRST, LIST, NEXT, START, ContecSp80b, command, set_time
from devices.simulators.spirometer import Sp80bDevice, blow_record
from recordings.spirometry.sp80b import decode_session
from recordings.spirometry.sp80b_layout import MAX_SESSION_SIZE, RESULT_SIZE

NOW = datetime(2026, 11, 23, 9, 30, 15, 345_000, tzinfo=CHINA)
SESSION = blow_record(taken=NOW)


class Conversation:
    """Driver and device, wired together; `garble` may spoil what the device says."""

    def __init__(self) -> None:
        self.clock = NOW
        self.driver = ContecSp80b(lambda: self.clock)
        self.device = Sp80bDevice()
        self.framing = self.driver.framing()
        self.kept: list[Frame] = []
        self.refused: list[BadFrame] = []
        self.sent: list[bytes] = []

    def connect(self) -> None:
        self._say(self.driver.greeting())

    def silence(self) -> None:
        self._hear(self.framing.idle())
        self._say(self.driver.on_idle())

    def garble(self, answer: bytes) -> bytes:
        return answer

    def _say(self, data: bytes) -> None:
        if data:
            self.sent.append(data)
            self._hear(self.framing.feed(self.garble(self.device.receive(data))))

    def _hear(self, items: list[Frame | BadFrame]) -> None:
        for item in items:
            if isinstance(item, BadFrame):
                self.refused.append(item)
                continue
            if item.deliver:
                self.kept.append(item)
            self._say(self.driver.answer(item))


def times(talk: Conversation) -> list[datetime | None]:
    return [decode_session(frame.raw).start for frame in talk.kept]


def test_commands_carry_the_sum_of_their_bytes() -> None:
    assert command(0x82) == b"\x82\x02"
    assert END_KEEP == b"\x91\x7e\x01\x10"
    # 83, 26-11-23 09:30:15, 345 ms = 2 * 128 + 89, sum of all of them & 7F
    assert set_time(NOW) == bytes(
        (0x83, 26, 11, 23, 9, 30, 15, 89, 2, (0x83 + 26 + 11 + 23 + 9 + 30 + 15 + 89 + 2) & 0x7F)
    )


def test_empty_device_is_asked_politely_and_gives_nothing() -> None:
    talk = Conversation()
    talk.connect()
    assert talk.sent == [START, set_time(NOW), b"\x82\x02", b"\x94\x14", LIST]
    assert (talk.kept, talk.refused) == ([], [])


def test_blow_made_while_connected_is_live() -> None:
    talk = Conversation()
    talk.connect()
    talk.clock = NOW + timedelta(minutes=30)
    talk.device.blow(blow_record(taken=talk.clock))
    talk.silence()
    assert [frame.from_memory for frame in talk.kept] == [False]
    assert times(talk) == [talk.clock.replace(microsecond=0).astimezone(UTC)]
    assert [saw.acknowledged for saw in talk.device.saw] == [True]


def test_several_blows_one_after_the_other_are_all_live_and_come_once() -> None:
    talk = Conversation()
    talk.connect()
    for minute in range(3):
        talk.clock = NOW + timedelta(minutes=minute)
        talk.device.blow(blow_record(taken=talk.clock))
        talk.silence()
        talk.silence()
    assert [frame.from_memory for frame in talk.kept] == [False] * 3
    assert len(set(times(talk))) == 3


def test_single_fresh_result_found_at_connection_is_live() -> None:
    talk = Conversation()
    talk.device.blow(blow_record(taken=NOW - timedelta(minutes=9)))
    talk.connect()
    assert [frame.from_memory for frame in talk.kept] == [False]


@pytest.mark.parametrize(
    "age", [timedelta(minutes=11), timedelta(days=1800), timedelta(minutes=-11), -timedelta(days=400)]
)
def test_result_of_another_time_is_from_memory(age: timedelta) -> None:
    talk = Conversation()
    talk.device.blow(blow_record(taken=NOW - age))
    talk.connect()
    assert [frame.from_memory for frame in talk.kept] == [True]


def test_dump_of_fifty_is_from_memory_to_the_last() -> None:
    talk = Conversation()
    for number in range(50):
        talk.device.blow(blow_record(taken=NOW - timedelta(seconds=number)))
    talk.connect()
    assert [frame.from_memory for frame in talk.kept] == [True] * 50
    assert talk.sent.count(NEXT) == 49
    assert talk.sent[-1] == END_KEEP


def test_nothing_is_ever_deleted() -> None:
    talk = Conversation()
    talk.device.blow(SESSION)
    talk.connect()
    talk.silence()
    assert not any(data[0] == 0x93 or data[:2] == b"\x91\x7f" for data in talk.sent)


def test_emptied_device_gives_its_next_blow() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.device.blow(SESSION)
    talk.connect()
    talk.device._memory.clear()
    talk.silence()
    talk.device.blow(blow_record(taken=NOW + timedelta(minutes=1)))
    talk.clock = NOW + timedelta(minutes=1)
    talk.silence()
    assert talk.kept[-1].from_memory is False


def test_wave_spoilt_on_the_line_is_refused_and_asked_again() -> None:
    talk = Conversation()
    talk.device.blow(SESSION)
    spoilt: list[bytes] = []

    def garble(answer: bytes) -> bytes:
        if answer[:1] == b"\xe2" and not spoilt:
            spoilt.append(answer)
            return answer[:500] + b"\xff" + answer[501:]
        return answer

    talk.garble = garble  # type: ignore[method-assign]  # a wire with one fault
    talk.connect()
    assert talk.kept == []
    talk.silence()
    talk.silence()
    assert len(talk.kept) == 1
    assert sum(len(bad.raw) for bad in talk.refused) == len(SESSION)
    assert talk.kept[0].from_memory is False


def test_host_killed_after_the_wave_has_acknowledged_nothing() -> None:
    device = Sp80bDevice()
    for minute in range(2):
        device.blow(blow_record(taken=NOW + timedelta(minutes=minute)))
    for word in (START, LIST, FIRST, CAPTURE):
        device.receive(word)
    device.receive(START)
    device.receive(LIST)
    device.receive(FIRST)
    assert device.saw == []
    device.receive(CAPTURE)
    device.receive(NEXT)
    assert [saw.source_id for saw in device.saw] == ["1"]


def test_device_that_does_not_answer_is_greeted_again() -> None:
    talk = Conversation()
    talk.garble = lambda answer: b""  # type: ignore[method-assign]  # unplugged
    talk.connect()
    talk.silence()
    assert talk.sent == [START, START]


def test_session_is_found_one_byte_at_a_time_between_padding() -> None:
    framing = Sp80bFraming()
    stream = b"\0\0" + SESSION[:RESULT_SIZE] + b"\0\0\0" + SESSION[RESULT_SIZE:] + bytes(15)
    items = [item for byte in stream for item in framing.feed(bytes((byte,)))]
    assert [item.raw for item in items if isinstance(item, Frame) and item.deliver] == [SESSION]
    assert not any(isinstance(item, BadFrame) for item in items)
    assert framing.idle() == []


def test_result_with_wrong_checksum_is_refused() -> None:
    broken = bytearray(SESSION[:RESULT_SIZE])
    broken[17] ^= 1
    (item,) = Sp80bFraming().feed(bytes(broken))
    assert isinstance(item, BadFrame)
    assert item.raw == bytes(broken)


def test_result_whose_wave_never_comes_is_kept_as_refused() -> None:
    framing = Sp80bFraming()
    framing.feed(SESSION[:RESULT_SIZE])
    (item,) = framing.idle()
    assert isinstance(item, BadFrame)
    assert item.raw == SESSION[:RESULT_SIZE]


@given(st.lists(st.one_of(st.binary(max_size=200), st.just(SESSION), st.just(SESSION[:300]))))
def test_any_bytes_neither_crash_nor_pile_up(pieces: list[bytes]) -> None:
    framing = Sp80bFraming()
    for piece in pieces:
        framing.feed(piece)
        assert len(framing._message) + len(framing._garbage) + len(framing._result) <= MAX_SESSION_SIZE + 4096
    framing.idle()
    assert framing.idle() == []


@given(st.binary(max_size=300))
def test_session_after_any_garbage_is_found(garbage: bytes) -> None:
    framing = Sp80bFraming()
    framing.feed(garbage)
    framing.idle()
    items = framing.feed(SESSION)
    assert [item.raw for item in items if isinstance(item, Frame) and item.deliver] == [SESSION]
