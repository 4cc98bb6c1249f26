"""Manager and simulated agents without any line: whole dialogues, in pieces, twice, cut, spoilt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import DeviceId
from devices.delivery import Delivery
from devices.framing.base import Frame
from devices.ieee11073 import requests
from devices.ieee11073.driver import MEDIA_TYPE, Ieee11073
from devices.ieee11073.states import Heard, State
from devices.interpret import interpret
from devices.simulators import phd
from devices.simulators.phd_agent import Agent, AgentModel
from devices.simulators.phd_agent import State as AgentState
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Data, event, presentation, read_apdu, split
from recordings.ieee11073.association import request
from recordings.ieee11073.attributes import attribute_list
from recordings.ieee11073.configuration import ConfigObject, Configuration, numeric
from recordings.ieee11073.decode import decode
from recordings.ieee11073.mder import absolute_time, base_offset_time, octets, sequence, u16
from recordings.ieee11073.reports import fixed_report
from recordings.ieee11073.standard import BASIC
from recordings.signal import DecodedRecording
from tests.unit.devices.ieee11073_words import (
    MODELS,
    NOW,
    SAID,
    SYSTEM,
    choices,
    confirmed,
    in_state,
)


def test_scanners_are_told_to_report_and_their_groups_are_a_stream() -> None:
    pulse = numeric(10, mdc.PULS_OXIM_PULS_RATE, mdc.DIM_BEAT_PER_MIN, (BASIC,))
    mapped = sequence((u16(10) + sequence((u16(mdc.ATTR_NU_VAL_OBS_BASIC) + u16(2),)),))
    scanner = ConfigObject(mdc.MOC_SCAN_CFG_PERI, 40, {mdc.ATTR_SCAN_HANDLE_ATTR_VAL_MAP: mapped})
    talk = Talk(phd.OXIMETER)
    talk.mute()
    talk.say(request(SYSTEM, 0x4000))
    talk.say(confirmed(mdc.NOTI_CONFIG, Configuration(0x4000, {10: pulse, 40: scanner}).encode()))
    # set: handle 40, one modification: replace (0) operational state (0953) by enabled (1)
    told = Data(2, apdus.CONFIRMED_SET, bytes.fromhex("0028 0001 0008 0000 0953 0002 0001"))
    assert read_apdu(talk.sent[-1]).data == told
    for value in (70, 72, 74):
        info = u16(0xF000) + u16(0) + sequence((octets(u16(value)),))
        talk.say(presentation(Data(1, apdus.EVENT_REPORT, event(40, mdc.NOTI_BUF_SCAN_REPORT_GROUPED, info))))
    talk.silence()
    (one,) = talk.recordings()
    assert [str(n.quantity) for n in one.numerics] == ["72\N{NO-BREAK SPACE}/min"]


class Talk:
    """Driver and agent wired together; `wire` may spoil what the agent says, `durable` fails when told."""

    def __init__(self, model: AgentModel, *, device_clock: Callable[[], datetime] | None = None) -> None:
        self.clock = NOW
        self.driver = Ieee11073(lambda: self.clock)
        self.framing = self.driver.framing()
        self.agent = Agent(model, device_clock or (lambda: self.clock))
        self.kept: list[Frame] = []
        self.refused: list[BadFrame] = []
        self.sent: list[bytes] = []
        self.wire: Callable[[bytes], list[bytes]] = lambda data: [data]

    def mute(self) -> None:
        """The device answers nothing; what it says is played by hand."""
        self.agent.hear = lambda raw: b""  # type: ignore[method-assign]  # a device of one test

    def connect(self) -> None:
        self.say(self.agent.start())

    def silence(self, seconds: float = 2.0) -> None:
        self.clock += timedelta(seconds=seconds)
        self.hand_over(self.framing.idle())
        self.reply(self.driver.on_idle())

    def say(self, data: bytes) -> None:
        for piece in self.wire(data):
            self.hand_over(self.framing.feed(piece))

    def hand_over(self, items: list[Frame | BadFrame]) -> None:
        for item in items:
            if isinstance(item, BadFrame):
                self.refused.append(item)
                continue
            if item.device_clock:
                self.driver.saw_clock(item.device_clock)
            if item.deliver:
                self.kept.append(item)
            self.reply(self.driver.answer(item))

    def reply(self, said: bytes) -> None:
        for apdu in split(said):
            self.sent.append(apdu)
            answered = self.agent.hear(apdu)
            if answered:
                self.say(answered)

    def recordings(self) -> list[DecodedRecording]:
        return [one for frame in self.kept for one in decode(frame.raw)]


@pytest.mark.parametrize("modality", MODELS)
def test_each_device_is_heard_confirmed_and_released(modality: str) -> None:
    talk = Talk(MODELS[modality])
    talk.connect()
    talk.silence()
    (one,) = talk.recordings()
    assert (one.modality, one.from_memory, one.device["model"]) == (modality, False, MODELS[modality].name)
    assert (talk.refused, talk.agent.is_over, talk.agent.state) == ([], True, AgentState.UNASSOCIATED)
    assert len(talk.agent.saw) == (0 if MODELS[modality].is_stream else 1)
    assert talk.driver.clock_offset_ms == 0
    assert talk.kept[0].media_type == MEDIA_TYPE


def test_one_byte_at_a_time_says_the_same() -> None:
    for model in MODELS.values():
        whole, slow = Talk(model), Talk(model)
        slow.wire = lambda data: [bytes((byte,)) for byte in data]
        for talk in (whole, slow):
            talk.connect()
            talk.silence()
        assert [frame.raw for frame in slow.kept] == [frame.raw for frame in whole.kept]


def test_stream_is_one_delivery_with_the_median_of_ten() -> None:
    talk = Talk(phd.OXIMETER)
    talk.connect()
    (one,) = talk.recordings()
    assert {n.code.code: str(n.quantity) for n in one.numerics} == {
        "59408-5": "97\N{NO-BREAK SPACE}%",
        "8889-8": "72\N{NO-BREAK SPACE}/min",
    }
    assert one.numerics[0].context["samples"] == "10"


def sample(value: int) -> bytes:
    info = fixed_report(0, ((1, u16(value)), (10, b"\0\x48")))
    return presentation(Data(1, apdus.EVENT_REPORT, event(0, mdc.NOTI_SCAN_REPORT_FIXED, info)))


def test_long_stream_is_delivered_every_half_minute_and_at_its_end() -> None:
    talk = Talk(phd.OXIMETER)
    talk.mute()
    talk.say(request(SYSTEM, 0x0190))
    for _ in range(45):
        talk.say(sample(97))
        talk.clock += timedelta(seconds=1)
    assert len(talk.kept) == 1
    talk.silence()
    assert len(talk.kept) == 2
    assert [one.numerics[0].context["samples"] for one in talk.recordings()] == ["31", "14"]
    talk.silence()
    assert len(talk.kept) == 2


def test_report_waits_for_the_devices_clock_but_not_for_ever() -> None:
    talk = Talk(phd.BLOOD_PRESSURE)
    talk.mute()
    talk.say(request(SYSTEM, 0x02BC))
    talk.say(SAID[Heard.REPORT])
    assert talk.kept == []
    talk.silence()
    assert len(talk.kept) == 1
    (one,) = talk.recordings()
    assert one.from_memory, "without the device's clock its time proves nothing"


def test_cut_line_gives_the_waiting_report_and_no_false_one() -> None:
    driver = Ieee11073(lambda: NOW)
    framing = driver.framing()
    framing.feed(request(SYSTEM, 0x02BC) + SAID[Heard.REPORT] + SAID[Heard.REPORT][:40])
    whole, cut = framing.idle()
    assert isinstance(whole, BadFrame) != isinstance(cut, BadFrame)
    delivered = [item for item in (whole, cut) if isinstance(item, Frame)]
    assert len(decode(delivered[0].raw)) == 1


def test_clock_wrong_by_years_is_measured_and_the_value_is_not_old() -> None:
    wrong = NOW.replace(year=2021)
    talk = Talk(phd.BLOOD_PRESSURE, device_clock=lambda: wrong)
    talk.connect()
    (one,) = talk.recordings()
    assert (one.start, one.from_memory) == (wrong, False)
    assert talk.driver.clock_offset_ms == round((NOW - wrong).total_seconds() * 1000)


def test_clock_is_set_only_where_the_device_wants_it_and_after_its_report() -> None:
    plain, wanting = Talk(phd.BLOOD_PRESSURE), Talk(phd.GLUCOSE)
    for talk in (plain, wanting):
        talk.agent._release = lambda: b""  # type: ignore[method-assign]  # stays associated
        talk.connect()
        assert talk.agent.was_set == b""
        talk.silence()
    assert plain.agent.was_set == b""
    assert wanting.agent.was_set == absolute_time(wanting.clock)


def test_device_with_base_offset_times_gets_one() -> None:
    talk = Talk(phd.BLOOD_PRESSURE)
    talk.mute()
    talk.say(request(SYSTEM, 0x02BC))
    asked = read_apdu(talk.sent[-1]).data
    assert asked is not None
    told = attribute_list({mdc.ATTR_MDS_TIME_INFO: u16(0xC110) + bytes(16), mdc.ATTR_TIME_BO: base_offset_time(NOW)})
    talk.say(presentation(Data(asked.invoke_id, apdus.GET_RESULT, u16(0) + told)))
    assert talk.driver.clock_offset_ms == 0
    talk.silence()
    said = read_apdu(talk.sent[-1]).data
    assert said is not None
    assert said.body == u16(0) + u16(mdc.ACT_SET_BO_TIME) + octets(base_offset_time(talk.clock))


def test_memory_of_fifty_comes_as_fifty_values_of_nobody() -> None:
    talk = Talk(phd.glucose_with_memory(50, NOW))
    talk.connect()
    assert talk.kept == []
    talk.silence()
    (frame,) = talk.kept
    assert frame.from_memory
    found = talk.recordings()
    assert len(found) == 50
    assert all(one.from_memory and one.modality == "glucose" for one in found)
    assert (len(talk.agent.saw), talk.agent.is_over) == (1, True)
    actions = [
        data.body[2:4] for apdu in talk.sent if (data := read_apdu(apdu).data) and data.choice in {0x0106, 0x0107}
    ]
    assert actions == [u16(mdc.ACT_SEG_GET_INFO), u16(mdc.ACT_SEG_TRIG_XFER)], "and nothing that clears"


def test_reports_in_quick_succession_are_a_memory_being_emptied() -> None:
    reports = tuple(fixed_report(n, ((2, b"\0\x47" + absolute_time(NOW)),)) for n in range(3))
    talk = Talk(replace(phd.BLOOD_PRESSURE, reports=lambda now: reports))
    talk.connect()
    assert [frame.from_memory for frame in talk.kept] == [False, True, True]


def test_report_is_confirmed_only_by_the_answer_to_its_delivery() -> None:
    driver = Ieee11073(lambda: NOW)
    framing = driver.framing()
    for frame in framing.feed(request(SYSTEM, 0x02BC)):
        assert isinstance(frame, Frame)
        driver.answer(frame)
    framing.feed(SAID[Heard.REPORT])
    (delivered,) = [item for item in framing.idle() if isinstance(item, Frame)]
    assert delivered.deliver
    assert choices(driver.answer(delivered)) == [apdus.EVENT_REPORT_RESULT]
    assert driver.answer(delivered) == b""


def test_damaged_report_is_kept_refused_and_ends_the_association() -> None:
    talk = Talk(phd.BLOOD_PRESSURE)
    talk.mute()
    talk.say(request(SYSTEM, 0x02BC))
    broken = bytearray(SAID[Heard.REPORT])
    broken[9] ^= 0x40  # an unknown choice
    talk.say(bytes(broken))
    assert [each.raw for each in talk.refused] == [bytes(broken)]
    assert talk.driver.on_idle() == requests.abort()
    assert talk.driver.on_idle() == b""
    assert talk.driver._manager.state is State.UNASSOCIATED


def test_damage_in_a_stream_loses_none_of_it() -> None:
    talk = Talk(phd.OXIMETER)
    talk.mute()
    talk.say(request(SYSTEM, 0x0190))
    for _ in range(3):
        talk.say(sample(97))
    talk.say(sample(97)[:8] + b"\x0f\xff" + sample(97)[10:])
    (one,) = talk.recordings()
    assert (one.numerics[0].context["samples"], len(talk.refused)) == ("3", 1)


def test_device_without_attributes_is_waited_for_once() -> None:
    talk = Talk(phd.BLOOD_PRESSURE)
    talk.mute()
    talk.say(request(SYSTEM, 0x02BC))
    talk.say(SAID[Heard.REPORT])
    talk.silence()
    talk.say(SAID[Heard.REPORT])
    assert len(talk.kept) == 2


def test_agent_that_never_stops_fills_no_memory() -> None:
    talk = Talk(phd.OXIMETER)
    talk.mute()
    talk.say(request(SYSTEM, 0x0190))
    for _ in range(9):
        talk.say(SAID[Heard.REPORT])
    assert len(talk.kept) == 8, "four at a time; the ninth waits"
    talk.say(sample(97) * 7000)
    assert sum(len(frame.raw) for frame in talk.kept) > 1 << 18
    assert len(talk.framing._stream) < 1 << 18
    manager = in_state(State.OPERATING)
    for _ in range(100):
        manager._ask("attributes")
    assert len(manager._asked) <= 8


@pytest.mark.parametrize(
    "told",
    [
        {mdc.ATTR_TIME_ABS: b"short"},
        {mdc.ATTR_ID_MODEL: b"\0\x09cut"},
        {mdc.ATTR_MDS_TIME_INFO: b"\0"},
        {mdc.ATTR_ID_PROD_SPECN: b"\0\x01\0\0"},
    ],
    ids=lambda told: str(next(iter(told))),
)
def test_device_that_describes_itself_wrongly_still_measures(told: dict[int, bytes]) -> None:
    talk = Talk(phd.BLOOD_PRESSURE)
    talk.mute()
    talk.say(request(SYSTEM, 0x02BC))
    talk.say(SAID[Heard.REPORT])
    asked = read_apdu(talk.sent[-1]).data
    assert asked is not None
    talk.say(presentation(Data(asked.invoke_id, apdus.GET_RESULT, u16(0) + attribute_list(told))))
    (one,) = talk.recordings()
    assert (len(one.numerics), one.from_memory) == (1, True)


def test_sent_again_after_a_lost_confirmation_has_the_same_id() -> None:
    lost, again = Talk(phd.BLOOD_PRESSURE, device_clock=lambda: NOW), Talk(phd.BLOOD_PRESSURE, device_clock=lambda: NOW)
    lost.connect()
    again.connect()
    assert lost.recordings()[0].device["source_id"] == again.recordings()[0].device["source_id"]


@pytest.mark.parametrize("modality", MODELS)
def test_abort_at_any_word_leaves_the_next_association_whole(modality: str) -> None:
    model = MODELS[modality]
    reference = Talk(model)
    heard: list[bytes] = []
    reference.wire = lambda data: heard.append(data) or [data]  # type: ignore[func-returns-value]
    reference.connect()
    for words in range(len(heard) + 1):
        talk = Talk(model)
        for piece in heard[:words]:
            talk.say(piece)
        talk.say(SAID[Heard.ABORT])
        talk.agent = Agent(model, lambda: NOW)
        before = len(talk.kept)
        talk.connect()
        talk.silence()
        assert len(talk.kept) == before + 1
        assert decode(talk.kept[-1].raw)[0].modality == modality


def test_apdus_in_which_nothing_is_measured_become_no_reading(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(request(SYSTEM, 0x02BC))
    with pytest.raises(RefusedInput, match="nothing measured: association request of system 0264657669636531"):
        interpret(Delivery(DeviceId("d1"), "ieee-11073", Stamp(NOW), MEDIA_TYPE), raw)


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(list(SAID.values())), st.none()), max_size=25))
def test_no_stream_of_words_noise_and_silence_breaks_anything(pieces: list[bytes | None]) -> None:
    driver = Ieee11073(lambda: NOW)
    framing = driver.framing()
    fed, words, refused = b"", b"", b""
    for piece in [*pieces, None]:
        items = framing.idle() if piece is None else framing.feed(piece)
        fed += piece or b""
        for item in items:
            if isinstance(item, BadFrame):
                refused += item.raw
            elif item.deliver:
                assert decode(item.raw)[0].numerics
                driver.answer(item)
            else:
                words += item.raw
                driver.answer(item)
        if piece is None:
            driver.on_idle()
    assert not driver._replies
    assert len(words) + len(refused) <= len(fed)
