"""Our side of a POCT1-A conversation (CLSI POCT1-A2, device messaging layer). Not confirmed with a device.

The order is that of the published interfaces of Quidel Sofia and Coag-Sense PT2:

device HEL > our ACK, DST > ACK. A device that knows START_CONTINUOUS is told so (DTV) and then sends each result when
it is made; any other is asked for what it holds (REQ, request ROBS) and sends OBS ... EOT, after which we say END. The
clock is set (DTV SET_TIME) where the device knows that directive, after its old results were taken. Each OBS gets its
ACK only when it is durable. Only headers and a few values are looked at here, without parsing: the document is read
elsewhere, in a limited child.
"""

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from xml.sax.saxutils import unescape

from clinic_records.ids import sha256_hex
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.poct1a import FILLER, MEDIA_TYPE, WORD, Poct1aFraming
from recordings.poct1a.message import OBSERVATIONS, element, moment, stamp, write_message

NEWNESS: Final = timedelta(minutes=10)
"""A result made further from now, by the device's own clock, is an old one (hazard H02)."""
SET_TIME: Final = "SET_TIME"
CONTINUOUS: Final = "START_CONTINUOUS"
REQUEST: Final = "ROBS"
"""REQ.request_cd: send the observations that were not sent yet."""
_NORMAL_END: Final = "NRM"
_MOST_KNOWN: Final = 4096
_KNOWN_WORDS: Final = frozenset(
    {"HEL.R01", "DST.R01", "EOT.R01", "END.R01", "ESC.R01", "KPA.R01", "EVS.R01", "EVS.R02"}
)
"""What we acknowledge with AA beside results; anything else gets AE, so that nobody believes we keep it."""
_QUOTES: Final = {"&quot;": '"', "&apos;": "'"}


class Poct1a(Driver):
    """One conversation."""

    name = "poct1a"
    media_type = MEDIA_TYPE
    idle_s = 10.0

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._known: deque[str] = deque(maxlen=_MOST_KNOWN)
        self._to_say: deque[tuple[str, str]] = deque()
        self._sent = 0
        self._is_waiting = False
        self._is_in_topic = False
        self._is_setting_time = False
        self._is_dump = False
        self._is_continuous = False
        self._directives: frozenset[str] = frozenset()
        self._device_ahead = timedelta(0)

    def framing(self) -> Poct1aFraming:
        """A fresh framing."""
        return Poct1aFraming(self._message_frame)

    def answer(self, frame: Frame) -> bytes:
        """Our acknowledgement, and what we have to say ourselves when it is our turn."""
        if frame.media_type == FILLER:
            return b""
        kind = _kind(frame.raw)
        if kind == "ACK.R01":
            return self._acknowledged(is_accepted=values(frame.raw, "ACK.type_cd")[:1] == ["AA"])
        if frame.media_type == MEDIA_TYPE:
            self._known.append(sha256_hex(frame.raw))
            return self._acknowledge(frame.raw, "AA")
        return self._acknowledge(frame.raw, "AA" if kind in _KNOWN_WORDS else "AE") + self._react(kind, frame.raw)

    def on_idle(self) -> bytes:
        """A device that forgot to answer or to end its topic is not waited for."""
        self._is_waiting = self._is_in_topic = False
        return self._next()

    def _acknowledged(self, *, is_accepted: bool) -> bytes:
        if self._is_setting_time and is_accepted:
            self._device_ahead = timedelta(0)
        self._is_waiting = self._is_setting_time = False
        self._is_in_topic &= is_accepted
        return self._next()

    def _react(self, kind: str, raw: bytes) -> bytes:
        if kind == "HEL.R01":
            self._directives = frozenset(values(raw, "DSC.directives_supported_cd"))
            self._to_say.clear()
            self._is_waiting = self._is_in_topic = self._is_continuous = False
            return b""
        if kind == "DST.R01":
            self._plan(raw)
        elif kind in {"EOT.R01", "ESC.R01"}:
            self._is_in_topic = self._is_dump = False
        elif kind == "END.R01":
            self._to_say.clear()
            return b""
        return self._next()

    def _plan(self, raw: bytes) -> None:
        """After a status: what to ask for."""
        count = values(raw, "DST.new_observations_qty")[:1]
        waiting = int(count[0]) if count and re.fullmatch(r"\d{1,6}", count[0], re.ASCII) else -1
        self._is_dump = waiting > 1
        if self._is_continuous or self._to_say or self._is_waiting:
            return
        if waiting and CONTINUOUS not in self._directives:
            self._to_say.append(("REQ.R01", f"<REQ>{element('REQ.request_cd', REQUEST)}</REQ>"))
        if SET_TIME in self._directives:
            time = f"<TM>{element('TM.dttm', stamp(self._now()))}</TM>"
            self._to_say.append(("DTV.R02", f"<DTV>{element('DTV.command_cd', SET_TIME)}{time}</DTV>"))
        if CONTINUOUS in self._directives:
            self._is_continuous = True
            self._to_say.append(("DTV.R01", f"<DTV>{element('DTV.command_cd', CONTINUOUS)}</DTV>"))
        else:
            self._to_say.append(("END.R01", f"<TRM>{element('TRM.reason_cd', _NORMAL_END)}</TRM>"))

    def _next(self) -> bytes:
        if self._is_waiting or self._is_in_topic or not self._to_say:
            return b""
        kind, body = self._to_say.popleft()
        self._is_waiting = kind != "REQ.R01"
        self._is_in_topic = kind == "REQ.R01"
        self._is_setting_time = SET_TIME in body
        return self._message(kind, body)

    def _acknowledge(self, raw: bytes, verdict: str) -> bytes:
        named = (values(raw, "HDR.control_id") or [""])[0]
        body = f"<ACK>{element('ACK.type_cd', verdict)}{element('ACK.ack_control_id', named)}</ACK>"
        return self._message("ACK.R01", body)

    def _message(self, kind: str, body: str) -> bytes:
        self._sent += 1
        return write_message(kind, str(self._sent), self._now(), body)

    def _message_frame(self, kind: str, raw: bytes) -> Frame:
        if kind not in OBSERVATIONS:
            told = _time(raw, "HDR.creation_dttm") if kind in {"HEL.R01", "DST.R01"} else None
            if told:
                self._device_ahead = told - self._now()
            return Frame(raw, WORD, deliver=False, device_clock=told)
        return Frame(
            raw,
            MEDIA_TYPE,
            deliver=sha256_hex(raw) not in self._known,
            from_memory=self._is_old(raw),
            device_clock=self._now() + self._device_ahead,
        )

    def _is_old(self, raw: bytes) -> bool:
        """More than one waiting result is a dump of the memory; so is one made at another time than now."""
        made = _time(raw, "SVC.observation_dttm")
        return self._is_dump or made is None or abs(made - self._now() - self._device_ahead) > NEWNESS


def values(raw: bytes, name: str) -> list[str]:
    """V of every element of this name, in order, at most a hundred, entities of XML resolved."""
    pattern = (
        rb"<" + re.escape(name.encode("ascii")) + rb"\s[^<>]{0,200}?\bV\s*=\s*(?:\"([^\"<]{0,200})\"|'([^'<]{0,200})')"
    )
    found = [double or single for double, single in re.findall(pattern, raw)[:100]]
    return [unescape(one.decode("utf-8", "replace"), _QUOTES).strip() for one in found]


def _kind(raw: bytes) -> str:
    root = re.search(rb"<([A-Z]{3}\.R\d\d)[\s>]", raw)
    return root[1].decode("ascii") if root else ""


def _time(raw: bytes, name: str) -> datetime | None:
    told = moment((values(raw, name) or [""])[0])
    return told[0] if told else None
