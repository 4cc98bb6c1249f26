"""The manager's table, event by event in every state, and the simulated agents' own states."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from devices.ieee11073 import requests
from devices.ieee11073.manager import Keep, Manager
from devices.ieee11073.states import TRANSITIONS, Heard, State
from devices.simulators import phd
from devices.simulators.phd_agent import Agent, AgentModel
from devices.simulators.phd_agent import State as AgentState
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Data, Event, envelope, event, presentation, read_apdu, split
from recordings.ieee11073.association import NO_COMMON_PROTOCOL, read_response, request, response
from recordings.ieee11073.attributes import attribute_list
from recordings.ieee11073.mder import octets, sequence, u16, u32
from tests.unit.devices.ieee11073_words import MODELS, NOW, SAID, SYSTEM, confirmed, in_state, kinds


def test_the_table_is_complete() -> None:
    assert set(TRANSITIONS) == set(product(State, Heard))


@pytest.mark.parametrize(("state", "heard"), list(product(State, Heard)), ids=lambda each: each.name)
def test_each_event_in_each_state(state: State, heard: Heard) -> None:
    manager = in_state(state)
    reply = manager.hear(SAID[heard]).reply
    action, following = TRANSITIONS[state, heard]
    assert manager.state is following
    expected = {
        "NOTHING": [],
        "ACCEPT": [apdus.AARE, apdus.PRST],
        "ASK_CONFIGURATION": [apdus.AARE],
        "REFUSE": [apdus.AARE],
        "ABORT": [apdus.ABRT],
        "RELEASE": [apdus.RLRE],
        "TAKE_CONFIGURATION": [apdus.PRST, apdus.PRST],
        "REFUSE_CONFIGURATION": [apdus.PRST],
        "TAKE_REPORT": [apdus.PRST],
        "REFUSE_OPERATION": [apdus.PRST],
        "TAKE_ANSWER": [],
    }
    assert kinds(reply) == expected[action.name]


def test_answers_have_the_standards_words() -> None:
    manager = Manager()
    refusal = manager.hear(SAID[Heard.REQUEST_UNACCEPTABLE]).reply
    assert read_response(read_apdu(refusal).body) == (NO_COMMON_PROTOCOL, None)
    accepted, asked = split(manager.hear(SAID[Heard.REQUEST_KNOWN]).reply)
    assert read_response(read_apdu(accepted).body)[0] == 0
    assert read_apdu(asked).data == Data(1, apdus.GET, u16(0) + u16(0) + u16(0))
    # confirmed event report result: handle, time 0, type, no information
    assert manager.hear(SAID[Heard.REPORT]).reply == bytes.fromhex(
        "e7000012 0010 0009 0201 000a 0000 00000000 0d1d 0000"
    )
    manager.hear(SAID[Heard.ABORT])
    manager.hear(SAID[Heard.REQUEST_UNKNOWN])
    answer = split(manager.hear(SAID[Heard.BAD_CONFIGURATION]).reply)[0]
    assert answer == bytes.fromhex("e7000016 0014 0009 0201 000e 0000 00000000 0d1c 0004 4000 0001")
    answer = split(manager.hear(SAID[Heard.GOOD_CONFIGURATION]).reply)[0]
    assert answer == bytes.fromhex("e7000016 0014 0009 0201 000e 0000 00000000 0d1c 0004 02bc 0000")


def test_configuration_that_never_comes_ends_the_association_after_ten_seconds() -> None:
    manager = in_state(State.WAITING_FOR_CONFIGURATION)
    assert [manager.idle(NOW) for _ in range(4)] == [b""] * 4
    assert manager.idle(NOW) == requests.abort(3)
    assert manager.state is State.UNASSOCIATED
    assert manager.idle(NOW) == b""


def test_anything_heard_starts_the_wait_afresh() -> None:
    manager = in_state(State.WAITING_FOR_CONFIGURATION)
    for _ in range(4):
        manager.idle(NOW)
    manager.hear(SAID[Heard.BAD_CONFIGURATION])
    assert manager.idle(NOW) == b""
    assert manager.state is State.WAITING_FOR_CONFIGURATION


@given(st.lists(st.sampled_from(list(Heard)), max_size=30))
def test_any_order_of_events_follows_the_table(order: list[Heard]) -> None:
    manager = Manager()
    state = State.UNASSOCIATED
    for heard in order:
        turn = manager.hear(SAID[heard])
        assert (turn.keep is Keep.REPORT) == (state is State.OPERATING and heard is Heard.REPORT)
        state = TRANSITIONS[state, heard][1]
        assert manager.state is state


def test_each_stored_segment_is_asked_for_after_the_last_entry_of_the_one_before() -> None:
    manager = Manager()
    manager.hear(request(SYSTEM, 0x4000))
    asked = split(
        manager.hear(confirmed(mdc.NOTI_CONFIG, phd.glucose_with_memory(1, NOW).configuration.encode())).reply
    )
    manager.hear(presentation(Data(1, apdus.GET_RESULT, u16(0) + attribute_list({}))))
    assert len(asked) == 2
    assert manager.idle(NOW) == requests.get_segments(2, 9)
    listed = attribute_list({mdc.ATTR_PM_SEG_MAP: phd.glucose_with_memory(1, NOW).store_map})
    two = event(9, mdc.ACT_SEG_GET_INFO, sequence((u16(4) + listed, u16(7) + listed)), time=None)
    assert manager.hear(presentation(Data(2, apdus.ACTION_RESULT, two))).reply == requests.transfer(3, 9, 4)
    starts = event(9, mdc.ACT_SEG_TRIG_XFER, u16(4) + u16(0), time=None)
    assert manager.hear(presentation(Data(3, apdus.ACTION_RESULT, starts))).reply == b""

    def entries(index: int, status: int) -> bytes:
        head = u16(4) + u32(index) + u32(1) + u16(status)
        return confirmed(mdc.NOTI_SEGMENT_DATA, head + octets(bytes(10)), handle=9)

    first = manager.hear(entries(0, 0x8000))
    # the event's own description with the manager's confirmation among its bits
    assert first.reply == requests.confirmed(
        9, Event(9, mdc.NOTI_SEGMENT_DATA, b""), u16(4) + u32(0) + u32(1) + u16(0x8080)
    )
    last = manager.hear(entries(1, 0x4000))
    assert split(last.reply)[1:] == (requests.transfer(4, 9, 7),)
    assert (first.keep, last.keep) == (Keep.STORED, Keep.STORED)
    empty = event(9, mdc.ACT_SEG_TRIG_XFER, u16(7) + u16(3), time=None)
    assert manager.hear(presentation(Data(4, apdus.ACTION_RESULT, empty))).reply == b""
    assert manager.idle(NOW) == b""


def test_more_segments_than_any_device_keeps_are_damage() -> None:
    manager = Manager()
    manager.hear(request(SYSTEM, 0x4000))
    manager.hear(confirmed(mdc.NOTI_CONFIG, phd.glucose_with_memory(1, NOW).configuration.encode()))
    manager.hear(presentation(Data(1, apdus.GET_RESULT, u16(0) + attribute_list({}))))
    manager.idle(NOW)
    listed = attribute_list({mdc.ATTR_PM_SEG_MAP: phd.glucose_with_memory(1, NOW).store_map})
    many = event(9, mdc.ACT_SEG_GET_INFO, sequence(tuple(u16(n) + listed for n in range(65))), time=None)
    with pytest.raises(BadFrame, match="65 stored segments"):
        manager.hear(presentation(Data(2, apdus.ACTION_RESULT, many)))


MANAGER_SAYS = [
    response(0, SYSTEM),
    response(3, SYSTEM),
    response(NO_COMMON_PROTOCOL, SYSTEM),
    requests.abort(),
    requests.released(),
    envelope(apdus.RLRQ, u16(0)),
    requests.get_attributes(1),
    requests.set_time(2, NOW),
    requests.get_segments(3, 9),
    requests.transfer(4, 9, 1),
    *(requests.confirmed(number, Event(0, mdc.NOTI_SCAN_REPORT_FIXED, b"")) for number in (1, 2)),
    requests.configuration_answered(1, Event(0, mdc.NOTI_CONFIG, b""), 0x4000, 0),
    requests.configuration_answered(1, Event(0, mdc.NOTI_CONFIG, b""), 0x4000, 1),
    requests.enable(5, 40),
    requests.refused(1),
]


@given(st.sampled_from([*MODELS.values(), phd.glucose_with_memory(3, NOW)]), st.lists(st.sampled_from(MANAGER_SAYS)))
def test_simulated_agent_answers_any_order_of_words(model: AgentModel, words: list[bytes]) -> None:
    agent = Agent(model, lambda: NOW)
    agent.start()
    sent: list[bytes] = []
    for word in words:
        sent += split(agent.hear(word))
    reports = [raw for raw in sent if (data := read_apdu(raw).data) and data.choice == apdus.CONFIRMED_EVENT_REPORT]
    assert len(agent.saw) <= len(reports), "nothing is confirmed that was not sent"
    assert len(set(reports)) == len(reports), "nothing is sent twice"


def test_agent_refused_by_the_manager_stops() -> None:
    agent = Agent(phd.GLUCOSE, lambda: NOW)
    agent.start()
    assert agent.hear(response(NO_COMMON_PROTOCOL, SYSTEM)) == b""
    assert (agent.is_over, agent.saw) == (True, [])
    again = Agent(phd.GLUCOSE, lambda: NOW)
    again.start()
    again.hear(response(3, SYSTEM))
    unsupported = requests.configuration_answered(1, Event(0, mdc.NOTI_CONFIG, b""), 0x4000, 1)
    assert kinds(again.hear(unsupported)) == [apdus.RLRQ]
    assert again.state is AgentState.DISASSOCIATING
    assert again.hear(requests.get_attributes(7)) == b""
    assert again.hear(requests.released()) == b""
    assert again.is_over
