"""APDUs of one association put together: who speaks, what it measures, what it reported.

Delivered bytes are whole APDUs one after the other: the association request, the configuration (where it was sent),
the device's own attributes (where it was asked) and the report; so they can be read without any memory of the line.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from recordings.ieee11073 import apdu as apdus
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.apdu import Apdu, Data, read_event
from recordings.ieee11073.association import RESULTS, Association, read_request, read_response
from recordings.ieee11073.attributes import Attributes, read_attributes
from recordings.ieee11073.codes import name_of
from recordings.ieee11073.configuration import EXTENDED, Configuration, read_configuration
from recordings.ieee11073.mder import Reader, read_absolute_time, read_base_offset_time
from recordings.ieee11073.reports import FORMS, Scan, read_scans
from recordings.ieee11073.segments import Segment, SegmentEvent, read_segment_event, read_segments
from recordings.ieee11073.standard import STANDARD

_CONFIG_RESULTS: Final = {0: "accepted", 1: "not supported", 2: "unknown, to be sent"}
_ABORT_REASONS: Final = {0: "undefined", 1: "buffer overflow", 2: "response timeout", 3: "configuration timeout"}
_SERIAL_NUMBER: Final = 1
"""ProdSpecEntry: which specification is the serial number."""


@dataclass(frozen=True, slots=True)
class Report:
    """The scans of one event report and its bytes after them, or the entries of one segment event."""

    scans: tuple[Scan, ...] = ()
    stored: SegmentEvent | None = None
    is_confirmed: bool = True
    surplus: int = 0


@dataclass(slots=True)
class Session:
    """What several APDUs say together; `said` has one sentence for each of them."""

    association: Association | None = None
    configuration: Configuration | None = None
    attributes: dict[int, bytes] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def hear(self, apdu: Apdu) -> None:
        """Take in the next APDU.

        Raises:
            BadFrame: what it carries is damaged.
        """
        self.said.append(self._data(apdu.data) if apdu.data else self._control(apdu))

    @property
    def clock(self) -> datetime | None:
        """The device's own clock when it told its attributes."""
        told = self.attributes.get(mdc.ATTR_TIME_ABS)
        if told is not None:
            return read_absolute_time(told)
        told = self.attributes.get(mdc.ATTR_TIME_BO)
        return None if told is None else read_base_offset_time(told)

    @property
    def system_id(self) -> str:
        """The device's EUI-64 in hexadecimal; empty where nobody said it."""
        return self.association.system_id.hex() if self.association else ""

    def device(self) -> dict[str, str]:
        """What it says of itself, in the words of DecodedRecording.device."""
        told = {"system_id": self.system_id}
        if self.association:
            told["configuration"] = f"{self.association.configuration:04x}"
        model = self.attributes.get(mdc.ATTR_ID_MODEL)
        if model is not None:
            reader = Reader(model, "model")
            told["manufacturer"], told["model"] = _text(reader.octets()), _text(reader.octets())
        specification = self.attributes.get(mdc.ATTR_ID_PROD_SPECN)
        if specification is not None:
            for entry in Reader(specification, "production specification").entries("production specification"):
                kind, _, text = entry.u16(), entry.u16(), entry.octets()
                if kind == _SERIAL_NUMBER:
                    told["serial"] = _text(text)
        return {key: value for key, value in told.items() if value}

    def _control(self, apdu: Apdu) -> str:
        if apdu.kind == apdus.AARQ:
            self.association = read_request(apdu.body)
            if self.association is None:
                return "association request without protocol 20601"
            number = self.association.configuration
            self.configuration = STANDARD.get(number)
            kind = "extended" if number in EXTENDED else "standard"
            return f"association request of system {self.system_id}, {kind} configuration {number:04x}"
        if apdu.kind == apdus.AARE:
            result, who = read_response(apdu.body)
            word = RESULTS[result] if result < len(RESULTS) else f"result {result}"
            return f"association response of system {who.system_id.hex() if who else 'unknown'}: {word}"
        reason = Reader(apdu.body, "reason").u16()
        if apdu.kind == apdus.ABRT:
            return f"abort: {_ABORT_REASONS.get(reason, str(reason))}"
        return f"release {'request' if apdu.kind == apdus.RLRQ else 'response'}, reason {reason}"

    def _data(self, data: Data) -> str:
        word = apdus.CHOICES[data.choice]
        if data.choice in {apdus.EVENT_REPORT, apdus.CONFIRMED_EVENT_REPORT}:
            is_confirmed = data.choice == apdus.CONFIRMED_EVENT_REPORT
            return f"{word}: {self._event(read_event(data.body, has_time=True), is_confirmed=is_confirmed)}"
        if data.choice == apdus.GET_RESULT:
            reader = Reader(data.body, "attributes")
            handle = reader.u16()
            read = read_attributes(reader)
            if handle == 0:
                self.attributes = read
            return f"{len(read)} attributes of object {handle}"
        if data.choice == apdus.EVENT_REPORT_RESULT:
            event = read_event(data.body, has_time=True)
            if event.type == mdc.NOTI_CONFIG:
                reader = Reader(event.info, "configuration result")
                number, result = reader.u16(), reader.u16()
                return f"configuration {number:04x} {_CONFIG_RESULTS.get(result, str(result))}"
            return f"confirmation of notification {event.type}"
        if data.choice == apdus.ACTION_RESULT:
            return f"{word} {self._action_result(read_event(data.body, has_time=False))}"
        return word

    def _event(self, event: apdus.Event, *, is_confirmed: bool) -> str:
        if event.type == mdc.NOTI_CONFIG:
            self.configuration = read_configuration(event.info)
            named = "; ".join(map(name_of, self.configuration.objects.values()))
            return f"configuration {self.configuration.id:04x} of {named or 'nothing'}"
        if event.type == mdc.NOTI_SEGMENT_DATA:
            stored = read_segment_event(event.info)
            self.reports.append(Report(stored=stored, is_confirmed=is_confirmed))
            return f"{stored.count} entries of stored segment {stored.instance}"
        if event.type in FORMS:
            scans, surplus = read_scans(event)
            self.reports.append(Report(scans, is_confirmed=is_confirmed, surplus=surplus))
            return f"{FORMS[event.type][0].value} scan report of {len(scans)} objects"
        return f"notification {event.type}"

    def _action_result(self, action: apdus.Event) -> str:
        if action.type == mdc.ACT_SEG_GET_INFO:
            self.segments = read_segments(action.info)
            return f"with {len(self.segments)} stored segments"
        if action.type == mdc.ACT_DATA_REQUEST:
            # DataResponse: relative time, result, and the event a report would have carried
            reader = Reader(action.info, "data response")
            reader.u32()
            result, kind, info = reader.u16(), reader.u16(), reader.octets()
            told = self._event(apdus.Event(action.handle, kind, info), is_confirmed=True) if info else "nothing"
            return f"to a request for data: {told}" if result == 0 else f"to a request for data: refused, {result}"
        return f"{action.type}"


def _text(data: bytes) -> str:
    """A device's own text: UTF-8, without the padding some devices add."""
    return data.decode("utf-8", "replace").strip(" \0")


def clocks(attributes: Attributes) -> int:
    """MdsTimeCapState: which clocks the device has, and whether it wants its clock set; 0 where it does not say."""
    info = attributes.get(mdc.ATTR_MDS_TIME_INFO)
    return 0 if info is None else Reader(info, "time information").u16()
