"""The manager's side of one association: APDUs in, what to say and what to keep out. Sans-I/O, no clock of its own.

A configuration an agent chose itself is asked for at every association, though the standard lets a manager remember it
by system id and configuration id: two devices that share both would be read by each other's units, and a delivery
must carry what it is read by.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from clinic_records.errors import BadFrame
from devices.ieee11073 import requests
from devices.ieee11073.hearing import classify
from devices.ieee11073.states import TRANSITIONS, Do, State
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Apdu, Data, Event, read_apdu, read_event
from recordings.ieee11073.association import (
    ACCEPTED,
    ACCEPTED_UNKNOWN_CONFIGURATION,
    NO_COMMON_PROTOCOL,
    read_request,
    response,
)
from recordings.ieee11073.configuration import Configuration, read_configuration
from recordings.ieee11073.mder import Reader, damaged
from recordings.ieee11073.segments import LAST_ENTRY, TRANSFER_STARTS, read_segment_event
from recordings.ieee11073.session import Session, clocks
from recordings.ieee11073.standard import STANDARD

WANTS_TIME_SET: Final = 0x0010
"""MdsTimeCapState: the manager shall set the clock."""
_BASE_OFFSET_TIME: Final = 0x0100
"""It keeps base offset times."""
_CONFIGURATION_TICKS: Final = 5
"""Silences of two seconds until a configuration is given up: TO_config is 10 s (20601, 8.8.5)."""
_MOST_SEGMENTS: Final = 64
_MOST_SCANNERS: Final = 4
_MOST_ASKED: Final = 8
_SCANNERS: Final = frozenset({mdc.MOC_SCAN_CFG_EPI, mdc.MOC_SCAN_CFG_PERI})


class Keep(Enum):
    """What an APDU is worth."""

    WORD = auto()
    """a word of the dialogue"""
    REPORT = auto()
    """a confirmed report: to be durable before it is answered"""
    STORED = auto()
    """the same, from the device's memory"""
    SAMPLE = auto()
    """one of a stream, which nobody answers"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from one APDU: `reply` is to be sent once what is to be kept is durable."""

    keep: Keep = Keep.WORD
    reply: bytes = b""
    clock: datetime | None = None


class Manager:
    """One association after the other on one connection.

    Attributes:
        is_asking: attributes were asked for and have not come yet.
    """

    def __init__(self) -> None:
        """Nobody is associated."""
        self._invoke_id = 0
        self._clocks = 0
        self._begin(b"")
        self._reset()

    @property
    def state(self) -> State:
        """Where the association stands."""
        return self._state

    def context(self, keep: Keep) -> bytes:
        """The APDUs without which a report cannot be read: association, configuration, attributes, segments.

        They stay until the next association begins.
        """
        return self._request + self._told + self._attributes + (self._segments if keep is Keep.STORED else b"")

    def hear(self, raw: bytes) -> Turn:
        """What to do about one APDU.

        Raises:
            BadFrame: it is damaged; `lose` ends the association.
        """
        apdu = read_apdu(raw)
        action, following = TRANSITIONS[self._state, classify(apdu)]
        turn = self._act(action, raw, apdu)
        if following is not self._state:
            self._enter(following)
        self._ticks = 0
        return turn

    def lose(self) -> bytes:
        """The bytes can no longer be trusted: the abort to send, if anybody was associated."""
        was = self._state
        self._reset()
        return b"" if was is State.UNASSOCIATED else requests.abort()

    def stop_asking(self) -> None:
        """Attributes that have not come by now are not waited for."""
        self.is_asking = False

    def idle(self, now: datetime) -> bytes:
        """What to say after a silence: the clock is set and the memory asked for when nothing else goes on."""
        self._ticks += 1
        if self._state is State.WAITING_FOR_CONFIGURATION and self._ticks >= _CONFIGURATION_TICKS:
            self._reset()
            return requests.abort(requests.CONFIGURATION_TIMEOUT)
        if self._state is not State.OPERATING or self.is_asking:
            return b""
        if self._clocks & WANTS_TIME_SET:
            setting = requests.set_base_offset_time if self._clocks & _BASE_OFFSET_TIME else requests.set_time
            self._clocks = 0
            return setting(self._ask("time"), now)
        if self._stores and not self._waiting_segments:
            return requests.get_segments(self._ask("segments"), self._stores.popleft())
        return b""

    def _reset(self) -> None:
        self._state = State.UNASSOCIATED
        self._asked: dict[int, str] = {}
        self._stores: deque[int] = deque()
        self._waiting_segments: deque[tuple[int, int]] = deque()
        self._clocks = 0
        self.is_asking = False
        self._ticks = 0

    def _begin(self, request: bytes) -> None:
        self._request = request
        self._told = self._attributes = self._segments = b""

    def _enter(self, state: State) -> None:
        if state is State.UNASSOCIATED:
            self._reset()
        self._state = state

    def _act(self, action: Do, raw: bytes, apdu: Apdu) -> Turn:
        data = apdu.data
        if data is None:
            return self._act_on_control(action, raw, apdu)
        if action is Do.ABORT:
            return Turn(reply=requests.abort())
        if action in {Do.TAKE_CONFIGURATION, Do.REFUSE_CONFIGURATION}:
            return self._answer_configuration(raw, data, is_good=action is Do.TAKE_CONFIGURATION)
        if action is Do.TAKE_REPORT:
            return self._take_report(data)
        if action is Do.TAKE_ANSWER:
            return self._take_answer(raw, data)
        is_answered = data.choice in {
            apdus.CONFIRMED_EVENT_REPORT,
            apdus.GET,
            apdus.CONFIRMED_SET,
            apdus.CONFIRMED_ACTION,
        }
        return Turn(reply=requests.refused(data.invoke_id) if action is Do.REFUSE_OPERATION and is_answered else b"")

    def _act_on_control(self, action: Do, raw: bytes, apdu: Apdu) -> Turn:
        if action is Do.ABORT:
            return Turn(reply=requests.abort())
        if action is Do.RELEASE:
            return Turn(reply=requests.released())
        if action is Do.REFUSE:
            return Turn(reply=response(NO_COMMON_PROTOCOL, requests.SYSTEM_ID))
        asked = read_request(apdu.body) if apdu.kind == apdus.AARQ else None
        if asked is None:
            return Turn()
        self._begin(raw)
        if action is Do.ASK_CONFIGURATION:
            return Turn(reply=response(ACCEPTED_UNKNOWN_CONFIGURATION, requests.SYSTEM_ID))
        accepted = response(ACCEPTED, requests.SYSTEM_ID)
        return Turn(reply=accepted + self._operate(STANDARD[asked.configuration]))

    def _operate(self, configuration: Configuration) -> bytes:
        """The first requests of an association that operates: who the device is, and its scanners shall report."""
        self._stores.extend(h for h, each in configuration.objects.items() if each.object_class == mdc.MOC_PMSTORE)
        self.is_asking = True
        scanners = [h for h, each in configuration.objects.items() if each.object_class in _SCANNERS][:_MOST_SCANNERS]
        asked = requests.get_attributes(self._ask("attributes"))
        return asked + b"".join(requests.enable(self._ask("scanner"), handle) for handle in scanners)

    def _answer_configuration(self, raw: bytes, data: Data, *, is_good: bool) -> Turn:
        told = read_event(data.body, has_time=True)
        configuration = read_configuration(told.info)
        result = requests.CONFIGURATION_ACCEPTED if is_good else requests.CONFIGURATION_UNSUPPORTED
        reply = requests.configuration_answered(data.invoke_id, told, configuration.id, result)
        if not is_good:
            return Turn(reply=reply)
        self._told = raw
        return Turn(reply=reply + self._operate(configuration))

    def _take_report(self, data: Data) -> Turn:
        told = read_event(data.body, has_time=True)
        if data.choice == apdus.EVENT_REPORT:
            return Turn(Keep.SAMPLE)
        if told.type != mdc.NOTI_SEGMENT_DATA:
            return Turn(Keep.REPORT, requests.confirmed(data.invoke_id, told))
        segment = read_segment_event(told.info)
        reply = requests.segment_confirmed(data.invoke_id, told, segment)
        if segment.status & LAST_ENTRY:
            reply += self._next_segment()
        return Turn(Keep.STORED, reply)

    def _take_answer(self, raw: bytes, data: Data) -> Turn:
        asked = self._asked.pop(data.invoke_id, "")
        if asked == "attributes":
            self.is_asking = False
            if data.choice == apdus.GET_RESULT:
                return self._take_attributes(raw)
        elif data.choice != apdus.ACTION_RESULT:
            return Turn(reply=self._next_segment() if asked == "transfer" else b"")
        elif asked == "time":
            self.is_asking = True
            return Turn(reply=requests.get_attributes(self._ask("attributes")))
        elif asked == "segments":
            return self._take_segments(raw, read_event(data.body, has_time=False))
        elif asked == "transfer":
            answer = Reader(read_event(data.body, has_time=False).info, "transfer answer")
            answer.u16()
            return Turn(reply=b"" if answer.u16() == TRANSFER_STARTS else self._next_segment())
        return Turn()

    def _take_attributes(self, raw: bytes) -> Turn:
        session = Session()
        try:
            session.hear(read_apdu(raw))
            clock, told, _ = session.clock, clocks(session.attributes), session.device()
        except BadFrame:
            return Turn()  # a device that describes itself wrongly still measures: its reports go without it
        self._clocks = 0 if self._attributes else told
        self._attributes = raw
        return Turn(clock=clock)

    def _take_segments(self, raw: bytes, answer: Event) -> Turn:
        session = Session()
        session.hear(read_apdu(raw))
        if len(session.segments) > _MOST_SEGMENTS:
            raise damaged(f"{len(session.segments)} stored segments, at most {_MOST_SEGMENTS} are read")
        self._segments = raw
        self._waiting_segments.extend((answer.handle, instance) for instance in session.segments)
        return Turn(reply=self._next_segment())

    def _next_segment(self) -> bytes:
        if not self._waiting_segments:
            return b""
        store, instance = self._waiting_segments.popleft()
        return requests.transfer(self._ask("transfer"), store, instance)

    def _ask(self, what: str) -> int:
        self._invoke_id = self._invoke_id % 0xFFFF + 1
        if len(self._asked) >= _MOST_ASKED:
            self._asked.pop(next(iter(self._asked)))
        self._asked[self._invoke_id] = what
        return self._invoke_id
