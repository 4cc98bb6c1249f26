"""APDUs and what is in them (IEEE 11073-20601-2008, annex A): the envelope of every word of the dialogue."""

from dataclasses import dataclass
from typing import Final

from clinic_records.errors import BadFrame
from recordings.ieee11073.mder import Reader, damaged, octets, u16, u32

AARQ, AARE, RLRQ, RLRE, ABRT, PRST = 0xE200, 0xE300, 0xE400, 0xE500, 0xE600, 0xE700
"""Association request and response, release request and response, abort, presentation."""
HEAD_SIZE: Final = 4
MAX_APDU: Final = 64_512
"""Bytes of the longest APDU an agent may send to a manager: 63 KiB (11073-20601)."""
_MIN_PRST: Final = 8
"""Octet string length, invoke id, choice and length of the data APDU."""
MAX_ASSOCIATION: Final = 1024
"""Bytes of an association's APDU; they have some fifty."""

EVENT_REPORT, CONFIRMED_EVENT_REPORT = 0x0100, 0x0101
GET, SET, CONFIRMED_SET, ACTION, CONFIRMED_ACTION = 0x0103, 0x0104, 0x0105, 0x0106, 0x0107
EVENT_REPORT_RESULT, GET_RESULT, SET_RESULT, ACTION_RESULT = 0x0201, 0x0203, 0x0205, 0x0207
REMOTE_ERROR, REMOTE_REJECT = 0x0300, 0x0400
CHOICES: Final = {
    EVENT_REPORT: "event report",
    CONFIRMED_EVENT_REPORT: "confirmed event report",
    GET: "request for attributes",
    SET: "setting",
    CONFIRMED_SET: "confirmed setting",
    ACTION: "action",
    CONFIRMED_ACTION: "confirmed action",
    EVENT_REPORT_RESULT: "answer to an event report",
    GET_RESULT: "attributes",
    SET_RESULT: "answer to a setting",
    ACTION_RESULT: "answer to an action",
    REMOTE_ERROR: "error",
    REMOTE_REJECT: "rejection",
}


@dataclass(frozen=True, slots=True)
class Data:
    """A data APDU: `choice` is a key of CHOICES, `body` what follows its length."""

    invoke_id: int
    choice: int
    body: bytes

    def encode(self) -> bytes:
        """Its bytes without an envelope."""
        return u16(self.invoke_id) + u16(self.choice) + octets(self.body)


@dataclass(frozen=True, slots=True)
class Apdu:
    """One APDU: `kind` is AARQ ... PRST; `data` is there for PRST and only there."""

    kind: int
    body: bytes
    data: Data | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event report's or an event or action answer's argument: `info` is defined by `type`."""

    handle: int
    type: int
    info: bytes


def is_head(data: bytes | bytearray, at: int = 0) -> bool:
    """Whether the bytes at `at` begin an APDU; of eight bytes that are no APDU hardly any look so."""
    if len(data) - at < HEAD_SIZE + 2:
        return False
    kind, length, inner = (int.from_bytes(data[at + i : at + i + 2]) for i in (0, 2, 4))
    match kind:
        case 0xE700:  # PRST
            return _MIN_PRST <= length <= MAX_APDU - HEAD_SIZE and inner + 2 == length
        case 0xE400 | 0xE500 | 0xE600:  # RLRQ, RLRE, ABRT: a reason
            return length == 2 and inner < 0x0100
        case 0xE200:  # AARQ: one bit of association version
            return 8 <= length <= MAX_ASSOCIATION and inner in {0x8000, 0x4000}
        case 0xE300:  # AARE: results 0 to 8
            return 6 <= length <= MAX_ASSOCIATION and inner <= 8
    return False


def looks_like_data(raw: bytes) -> bool:
    """Whether `raw` is exactly one data APDU without its envelope."""
    if len(raw) < 6:
        return False
    choice, length = int.from_bytes(raw[2:4]), int.from_bytes(raw[4:6])
    return choice in CHOICES and length == len(raw) - 6


def read_data(raw: bytes) -> Data:
    """The data APDU `raw` is.

    Raises:
        BadFrame: lengths do not fit, or its choice is none of the standard's.
    """
    reader = Reader(raw, "data APDU")
    invoke_id, choice = reader.u16(), reader.u16()
    if choice not in CHOICES:
        raise damaged(f"data APDU of unknown choice {choice:04X}")
    body = reader.octets()
    reader.end()
    return Data(invoke_id, choice, body)


def read_apdu(raw: bytes) -> Apdu:
    """The one APDU `raw` is.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(raw, "APDU")
    kind = reader.u16()
    body = reader.octets()
    reader.end()
    if kind != PRST:
        return Apdu(kind, body)
    inner = Reader(body, "presentation APDU")
    data = inner.octets()
    inner.end()
    return Apdu(kind, body, read_data(data))


def split(raw: bytes) -> tuple[bytes, ...]:
    """The APDUs that `raw` is made of, one after the other.

    Raises:
        BadFrame: something between or after them is none.
    """
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        if not is_head(raw, at):
            raise damaged(f"{len(raw) - at} bytes at {at} are no APDU")
        end = at + HEAD_SIZE + int.from_bytes(raw[at + 2 : at + 4])
        if end > len(raw):
            raise damaged(f"APDU at {at} is cut: {len(raw) - at} of {end - at} bytes")
        found.append(raw[at:end])
        at = end
    return tuple(found)


def read_event(body: bytes, *, has_time: bool) -> Event:
    """The argument in a data APDU's body; event reports and their answers have a relative time, actions have none.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(body, "event or action")
    handle = reader.u16()
    if has_time:
        reader.u32()
    event = Event(handle, reader.u16(), reader.octets())
    reader.end()
    return event


def event(handle: int, kind: int, info: bytes, *, time: int | None = 0xFFFFFFFF) -> bytes:
    """The body of an event report or its answer; of an action where `time` is None."""
    return u16(handle) + (b"" if time is None else u32(time)) + u16(kind) + octets(info)


def envelope(kind: int, body: bytes) -> bytes:
    """An APDU."""
    return u16(kind) + octets(body)


def presentation(data: Data) -> bytes:
    """A data APDU in its envelope."""
    return envelope(PRST, octets(data.encode()))


def last_of(raw: bytes) -> bytes:
    """The last APDU of several.

    Raises:
        BadFrame: `raw` is not made of APDUs, or of none.
    """
    found = split(raw)
    if not found:
        raise BadFrame("IEEE 11073-20601: no APDU")
    return found[-1]
