"""POCT1-A: messages in a stream, and the whole conversation of our driver with simulated devices."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.poct1a import MAX_MESSAGE, MEDIA_TYPE, WORD, Poct1aFraming
from devices.poct1a.dialogue import Poct1a, values
from devices.simulators.poct1a_devices import GLUCOSE, HBA1C, Poct1aDevice, service
from recordings.poct1a.decode import decode_poct1a
from recordings.poct1a.message import element, write_message
from tests.unit.devices.feeding import Item, delivered, fed_in

NOW = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)


def fed(data: bytes, *sizes: int) -> list[Item]:
    return fed_in(Poct1aFraming(lambda kind, raw: Frame(raw, kind)), data, *sizes)


HEL = write_message("HEL.R01", "1", NOW)
EOT = write_message("EOT.R01", "2", NOW)


def test_messages_one_after_the_other() -> None:
    items = fed(HEL + b"\x00\r\n" + b'<?xml version="1.0"?>\n' + EOT)
    assert delivered(items) == [HEL.strip(), b'<?xml version="1.0"?>\n' + EOT.strip()]
    assert [item.media_type for item in items if isinstance(item, Frame) and item.deliver] == ["HEL.R01", "EOT.R01"]
    assert not [item for item in items if isinstance(item, BadFrame)]


@pytest.mark.parametrize(
    ("data", "reason", "whole"),
    [
        (b"noise" + HEL, "no POCT1-A message", 1),
        (HEL[:40], "cut short", 0),
        (b"<html>" * 2000, "no POCT1-A message", 0),
        (b"<OBS.R01>" + b"x" * MAX_MESSAGE, "longer than", 0),
        (b"<!DOCTYPE x>" + HEL, "no POCT1-A message", 1),
    ],
)
def test_what_is_no_message_is_handed_over(data: bytes, reason: str, whole: int) -> None:
    items = fed(data)
    assert reason in str(next(item for item in items if isinstance(item, BadFrame)))
    assert len(delivered(items)) == whole
    assert b"".join(item.raw for item in items) == data


STREAM = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [HEL, EOT, b"<?xml version='1.0'?>", b"<HEL.R01", b">", b"</HEL.R01>", b"\r\n", b"<OBS.R01 a='b'>"]
        ),
    ),
    max_size=8,
).map(b"".join)


@settings(deadline=None)
@given(STREAM, st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_pieces_of_any_size_give_the_same_and_every_byte_comes_out_once(data: bytes, sizes: list[int]) -> None:
    whole, one_by_one, cut = fed(data), fed(data, 1), fed(data, *sizes)
    for items in (whole, one_by_one, cut):
        assert b"".join(item.raw for item in items) == data
    assert [(type(item), item.raw) for item in whole] == [(type(item), item.raw) for item in one_by_one]
    assert [(type(item), item.raw) for item in whole] == [(type(item), item.raw) for item in cut]


class Talk:
    """Driver and device wired together; what is delivered is durable at once."""

    def __init__(self, device: Poct1aDevice) -> None:
        self.driver = Poct1a(lambda: NOW)
        self.framing = self.driver.framing()
        self.device = device
        self.kept: list[Frame] = []
        self.said: list[str] = []

    def run(self, start: bytes | None = None) -> None:
        came = self.device.start() if start is None else start
        while came:
            came = self.device.receive(self.hear(came))

    def hear(self, data: bytes) -> bytes:
        answers = b""
        for item in self.framing.feed(data):
            assert isinstance(item, Frame), item
            if item.deliver:
                self.kept.append(item)
            answers += self.driver.answer(item)
        self.said += [item.media_type for item in fed(answers) if isinstance(item, Frame) and item.deliver]
        return answers


def results(talk: Talk) -> list[str]:
    return [str(n.quantity) for frame in talk.kept for one in decode_poct1a(frame.raw) for n in one.numerics]


def test_continuous_device() -> None:
    talk = Talk(Poct1aDevice([service(HBA1C, NOW)], is_continuous=True, now=NOW))
    talk.run()
    assert talk.said == ["ACK.R01", "ACK.R01", "DTV.R02", "DTV.R01", "ACK.R01"]
    assert results(talk) == ["6.8\N{NO-BREAK SPACE}%", "51\N{NO-BREAK SPACE}mmol/mol"]
    assert [(frame.from_memory, frame.media_type) for frame in talk.kept] == [(False, MEDIA_TYPE)]
    assert talk.device.is_done
    assert talk.device.refused == []
    assert talk.device.clock_set == "2026-11-23T09:41:07+08:00"


def test_device_that_is_asked() -> None:
    talk = Talk(Poct1aDevice([service(GLUCOSE, NOW)], is_continuous=False, now=NOW))
    talk.run()
    assert talk.said == ["ACK.R01", "ACK.R01", "REQ.R01", "ACK.R01", "ACK.R01", "END.R01"]
    assert results(talk) == ["7.2\N{NO-BREAK SPACE}mmol/L"]
    assert talk.kept[0].from_memory is False
    assert talk.device.is_done


def test_device_with_nothing_new_is_dismissed() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    talk.run()
    assert talk.said == ["ACK.R01", "ACK.R01", "END.R01"]
    assert talk.kept == []


@pytest.mark.parametrize("is_continuous", [True, False])
def test_dump_of_several_is_from_memory_to_the_last(is_continuous: bool) -> None:
    stored = [service(GLUCOSE, NOW - timedelta(seconds=number)) for number in range(5)]
    talk = Talk(Poct1aDevice(stored, is_continuous=is_continuous, now=NOW))
    talk.run()
    assert [frame.from_memory for frame in talk.kept] == [True] * 5


@pytest.mark.parametrize("age", [timedelta(minutes=11), timedelta(days=400), -timedelta(minutes=11)])
def test_result_of_another_time_is_from_memory(age: timedelta) -> None:
    talk = Talk(Poct1aDevice([service(GLUCOSE, NOW - age)], is_continuous=False, now=NOW))
    talk.run()
    assert [frame.from_memory for frame in talk.kept] == [True]


def test_device_whose_clock_is_years_behind_still_gives_a_live_result() -> None:
    then = NOW - timedelta(days=2000)
    talk = Talk(Poct1aDevice([service(GLUCOSE, then)], is_continuous=False, now=then))
    talk.run()
    assert [(frame.from_memory, frame.device_clock) for frame in talk.kept] == [(False, then)]


def test_same_result_again_is_acknowledged_and_kept_once() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    result = write_message("OBS.R01", "77", NOW, service(GLUCOSE, NOW))
    first, second = talk.hear(result), talk.hear(result)
    assert values(first, "ACK.ack_control_id") == values(second, "ACK.ack_control_id") == ["77"]
    assert len(talk.kept) == 1


def test_each_acknowledgement_names_its_message_to_the_letter() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    for named in ("00007", "A&B<C>\"D'", "号7"):
        assert values(talk.hear(write_message("KPA.R01", named, NOW)), "ACK.ack_control_id") == [named]


def test_unknown_message_is_not_said_to_be_accepted() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    assert values(talk.hear(write_message("XYZ.R01", "5", NOW)), "ACK.type_cd") == ["AE"]
    assert values(talk.hear(write_message("ESC.R01", "6", NOW)), "ACK.type_cd") == ["AA"]


def test_our_next_word_waits_for_their_answer_but_not_for_ever() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=True, now=NOW))
    hello = write_message(
        "HEL.R01",
        "1",
        NOW,
        element("DSC.directives_supported_cd", "SET_TIME") + element("DSC.directives_supported_cd", "START_CONTINUOUS"),
    )
    status = write_message("DST.R01", "2", NOW, element("DST.new_observations_qty", "0"))
    talk.hear(hello)
    talk.hear(status)
    assert talk.said[-1] == "DTV.R02"
    talk.hear(status)
    assert talk.said[-1] == "ACK.R01"  # a second status starts nothing while the first word is open
    assert b"START_CONTINUOUS" in talk.driver.on_idle()
    assert talk.driver.on_idle() == b""


def test_refused_clock_keeps_its_offset() -> None:
    then = NOW - timedelta(hours=5)
    talk = Talk(Poct1aDevice([], is_continuous=True, now=then))
    talk.hear(write_message("HEL.R01", "1", then, element("DSC.directives_supported_cd", "SET_TIME")))
    talk.hear(write_message("DST.R01", "2", then, element("DST.new_observations_qty", "0")))
    talk.hear(write_message("ACK.R01", "3", then, element("ACK.type_cd", "AE")))
    talk.hear(write_message("OBS.R01", "4", then, service(GLUCOSE, then)))
    assert (talk.kept[0].from_memory, talk.kept[0].device_clock) == (False, then)


def test_a_new_hello_starts_afresh() -> None:
    talk = Talk(Poct1aDevice([service(GLUCOSE, NOW)], is_continuous=False, now=NOW))
    hello = talk.device.start()
    talk.hear(hello)
    talk.hear(hello)
    assert talk.said == ["ACK.R01", "ACK.R01"]


def test_end_is_acknowledged_and_nothing_follows() -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    assert values(talk.hear(write_message("END.R01", "9", NOW)), "ACK.ack_control_id") == ["9"]
    assert talk.driver.on_idle() == b""


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(["HEL", "DST0", "DST1", "DST9", "OBS", "EOT", "END", "ESC", "ACK", "NAK", "idle"]), max_size=14
    )
)
def test_any_order_keeps_every_result_once_and_answers_each_message_once(words: list[str]) -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    results_sent = 0
    for number, word in enumerate(words):
        if word == "idle":
            talk.driver.on_idle()
            continue
        kind, body = {
            "HEL": ("HEL.R01", element("DSC.directives_supported_cd", "SET_TIME")),
            "DST0": ("DST.R01", element("DST.new_observations_qty", "0")),
            "DST1": ("DST.R01", element("DST.new_observations_qty", "1")),
            "DST9": ("DST.R01", element("DST.new_observations_qty", "x")),
            "OBS": ("OBS.R01", service(GLUCOSE, NOW)),
            "EOT": ("EOT.R01", ""),
            "END": ("END.R01", ""),
            "ESC": ("ESC.R01", ""),
            "ACK": ("ACK.R01", element("ACK.type_cd", "AA")),
            "NAK": ("ACK.R01", element("ACK.type_cd", "AE")),
        }[word]
        said = talk.hear(write_message(kind, str(number), NOW, body))
        results_sent += word == "OBS"
        named = values(said, "ACK.ack_control_id")
        assert named == ([] if word in {"ACK", "NAK"} else [str(number)])
    assert len(talk.kept) == results_sent


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_conversation(noise: bytes) -> None:
    talk = Talk(Poct1aDevice([], is_continuous=False, now=NOW))
    for raw in (
        b"<HEL.R01>" + noise + b"</HEL.R01>",
        b"<OBS.R01>" + noise + b"</OBS.R01>",
        b"<DST.R01>" + noise + b"</DST.R01>",
    ):
        for item in talk.framing.feed(raw):
            if isinstance(item, Frame):
                talk.driver.answer(item)
    talk.framing.idle()
    talk.hear(write_message("OBS.R01", "1", NOW, service(GLUCOSE, NOW)))
    assert talk.kept[-1].media_type == MEDIA_TYPE
    assert talk.driver.answer(Frame(b"", WORD, deliver=False)) != b""
