"""A personal health device's own side of IEEE 11073-20601: the agent's states, sans-I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final

from clinic_records.ids import sha256_hex
from devices.simulators.saw import DeviceSaw
from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Apdu, Data, envelope, event, presentation, read_apdu, read_event
from recordings.ieee11073.association import (
    ACCEPTED,
    ACCEPTED_UNKNOWN_CONFIGURATION,
    read_response,
    request,
)
from recordings.ieee11073.attributes import attribute_list
from recordings.ieee11073.configuration import Configuration
from recordings.ieee11073.mder import Reader, absolute_time, octets, sequence, u16, u32
from recordings.ieee11073.segments import FIRST_ENTRY, LAST_ENTRY

_REAL_TIME_CLOCK, _SET_CLOCK = 0x8000, 0x4000
"""MdsTimeCapState: it has a clock, which can be set."""
_NO_TIME_SYNC: Final = 7936
_STORE_INSTANCE: Final = 1


class State(Enum):
    """Where the agent stands; names of 20601's state table."""

    UNASSOCIATED = auto()
    ASSOCIATING = auto()
    WAITING_APPROVAL = auto()
    OPERATING = auto()
    DISASSOCIATING = auto()


@dataclass(frozen=True)
class AgentModel:
    """A device.

    Attributes:
        profile: its specialization, MDC_DEV_SPEC_PROFILE...
        configuration: what it measures; an id from 4000 on is sent, a lower one is known.
        reports: infos of fixed reports to send, in their order, for a given time.
        is_stream: they are sent unconfirmed, one after the other.
        store: handle of a persistent store, its segment's map and its entries; 0 where it has none.
        wants_time: it asks the manager to set its clock.
    """

    maker: str
    name: str
    profile: int
    configuration: Configuration
    reports: Callable[[datetime], tuple[bytes, ...]]
    is_stream: bool = False
    store: int = 0
    store_map: bytes = b""
    store_entries: tuple[bytes, ...] = ()
    wants_time: bool = False

    @property
    def system_id(self) -> bytes:
        """Its EUI-64, locally administered: one for each model, since managers remember configurations by it."""
        return b"\x02SIM" + self.name.encode().rjust(4, b"\0")


@dataclass
class Agent:
    """One device with its manager.

    Attributes:
        now: the device's own clock.
        saw: the reports the manager confirmed.
        is_over: it was released, refused or aborted.
        was_set: the clock the manager set, if it did.
    """

    model: AgentModel
    now: Callable[[], datetime]
    saw: list[DeviceSaw] = field(default_factory=list)
    state: State = State.UNASSOCIATED
    is_over: bool = False
    was_set: bytes = b""
    _invoke_id: int = 0
    _waiting: list[bytes] = field(default_factory=list)
    _sent: dict[int, bytes] = field(default_factory=dict)
    _stored_is_taken: bool = False

    def start(self) -> bytes:
        """Ask for an association."""
        self.state = State.ASSOCIATING
        self._waiting = list(self.model.reports(self.now()))
        return request(self.model.system_id, self.model.configuration.id)

    def hear(self, raw: bytes) -> bytes:
        """What to answer.

        Raises:
            BadFrame: the manager said something damaged.
        """
        apdu = read_apdu(raw)
        data = apdu.data
        if data is None:
            return self._control(apdu)
        if self.state in {State.UNASSOCIATED, State.DISASSOCIATING}:
            return b""
        if self.state is State.ASSOCIATING:
            return self._abort()
        if data.choice == apdus.EVENT_REPORT_RESULT:
            return self._confirmed(data)
        if data.choice == apdus.GET:
            return self._attributes(data)
        return self._action(data) if data.choice == apdus.CONFIRMED_ACTION else b""

    def _control(self, apdu: Apdu) -> bytes:
        if apdu.kind == apdus.AARE and self.state is State.ASSOCIATING:
            return self._associated(read_response(apdu.body)[0])
        if apdu.kind == apdus.RLRQ:
            self._end()
            return envelope(apdus.RLRE, u16(0))
        if apdu.kind == apdus.ABRT or (apdu.kind == apdus.RLRE and self.state is State.DISASSOCIATING):
            self._end()
            return b""
        return self._abort()

    def _associated(self, result: int) -> bytes:
        if result == ACCEPTED:
            return self._operate()
        if result == ACCEPTED_UNKNOWN_CONFIGURATION:
            self.state = State.WAITING_APPROVAL
            return self._report(mdc.NOTI_CONFIG, self.model.configuration.encode())
        self._end()
        return b""

    def _end(self) -> None:
        self.state = State.UNASSOCIATED
        self.is_over = True

    def _abort(self) -> bytes:
        self._end()
        return envelope(apdus.ABRT, u16(0))

    def _operate(self) -> bytes:
        self.state = State.OPERATING
        return b"" if self.model.is_stream else self._go_on()  # a stream begins once the manager asked who we are

    def _go_on(self) -> bytes:
        """The next report; a release after the last, unless the memory is still to be fetched."""
        if self._waiting:
            return self._report(mdc.NOTI_SCAN_REPORT_FIXED, self._waiting.pop(0))
        return b"" if self.model.store and not self._stored_is_taken else self._release()

    def _stream(self) -> bytes:
        streamed = b"".join(self._event(apdus.EVENT_REPORT, mdc.NOTI_SCAN_REPORT_FIXED, i) for i in self._waiting)
        self._waiting.clear()
        return streamed + self._release()

    def _release(self) -> bytes:
        self.state = State.DISASSOCIATING
        return envelope(apdus.RLRQ, u16(0))

    def _report(self, kind: int, info: bytes, *, handle: int = 0) -> bytes:
        return self._event(apdus.CONFIRMED_EVENT_REPORT, kind, info, handle=handle)

    def _event(self, choice: int, kind: int, info: bytes, *, handle: int = 0) -> bytes:
        self._invoke_id = self._invoke_id % 0xFFFF + 1
        raw = presentation(Data(self._invoke_id, choice, event(handle, kind, info)))
        if choice == apdus.CONFIRMED_EVENT_REPORT:
            self._sent[self._invoke_id] = raw
        return raw

    def _confirmed(self, data: Data) -> bytes:
        sent = self._sent.pop(data.invoke_id, b"")
        if not sent:
            return b""
        told = read_event(data.body, has_time=True)
        if told.type == mdc.NOTI_CONFIG:
            reader = Reader(told.info, "configuration result")
            reader.u16()
            return self._operate() if reader.u16() == 0 else self._release()
        self.saw.append(DeviceSaw(str(data.invoke_id), sha256_hex(sent), acknowledged=True, detail="confirmed"))
        if told.type == mdc.NOTI_SEGMENT_DATA:
            self._stored_is_taken = True
        return self._go_on()

    def _attributes(self, data: Data) -> bytes:
        model = self.model
        clock = _REAL_TIME_CLOCK | _SET_CLOCK | (0x0010 if model.wants_time else 0)
        told = {
            mdc.ATTR_SYS_TYPE_SPEC_LIST: sequence((u16(model.profile) + u16(1),)),
            mdc.ATTR_ID_MODEL: octets(model.maker.encode()) + octets(model.name.encode()),
            mdc.ATTR_SYS_ID: octets(model.system_id),
            mdc.ATTR_DEV_CONFIG_ID: u16(model.configuration.id),
            mdc.ATTR_ID_PROD_SPECN: sequence((u16(1) + u16(0) + octets(b"SIM-1"),)),
            mdc.ATTR_MDS_TIME_INFO: u16(clock) + u16(_NO_TIME_SYNC) + u32(0) + u16(0) + u16(0) + u32(0),
            mdc.ATTR_TIME_ABS: absolute_time(self.now()),
        }
        answer = presentation(Data(data.invoke_id, apdus.GET_RESULT, u16(0) + attribute_list(told)))
        return answer + (self._stream() if model.is_stream else b"")

    def _action(self, data: Data) -> bytes:
        told = read_event(data.body, has_time=False)
        if told.type == mdc.ACT_SET_TIME:
            self.was_set = told.info[:8]
            return self._acted(data, told.handle, told.type, b"")
        if told.type == mdc.ACT_SEG_GET_INFO and told.handle == self.model.store:
            listed = {mdc.ATTR_PM_SEG_MAP: self.model.store_map}
            described = sequence((u16(_STORE_INSTANCE) + attribute_list(listed),))
            return self._acted(data, told.handle, told.type, described)
        if told.type == mdc.ACT_SEG_TRIG_XFER and told.handle == self.model.store:
            entries = self.model.store_entries
            answer = self._acted(data, told.handle, told.type, told.info + u16(0))
            status = FIRST_ENTRY | LAST_ENTRY
            head = u16(_STORE_INSTANCE) + u32(0) + u32(len(entries)) + u16(status)
            return answer + self._report(mdc.NOTI_SEGMENT_DATA, head + octets(b"".join(entries)), handle=told.handle)
        return presentation(Data(data.invoke_id, apdus.REMOTE_ERROR, u16(9) + octets(b"")))  # no such action

    def _acted(self, data: Data, handle: int, kind: int, info: bytes) -> bytes:
        return presentation(Data(data.invoke_id, apdus.ACTION_RESULT, event(handle, kind, info, time=None)))
