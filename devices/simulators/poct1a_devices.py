"""POCT1-A devices: an HbA1c analyser that reports each result when made, and a glucose meter's dock that is asked.

From documentation only, as the driver is. A message is not sent before the one before it was acknowledged.
"""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Final

from clinic_records.clock import CHINA
from devices.framing.base import Frame
from devices.framing.poct1a import WORD, Poct1aFraming
from devices.poct1a.dialogue import CONTINUOUS, REQUEST, SET_TIME, values
from devices.transports.base import Transport
from recordings.poct1a.message import element, stamp, write_message

HBA1C: Final = (("4548-4", "HbA1c", "6.8", "%"), ("59261-8", "HbA1c IFCC", "51", "mmol/mol"))
GLUCOSE: Final = (("14743-9", "Glu", "7.2", "mmol/L"),)
Tests = Sequence[tuple[str, str, str, str]]
"""(LOINC, name, value, unit) of each result."""


def service(tests: Tests, taken: datetime, *, patient: str = "17", role: str = "OBS") -> str:
    """One service event of one person."""
    observations = "".join(
        f"<OBS>{element('OBS.observation_id', code, SN='LN', DN=name)}{element('OBS.value', value, U=unit)}"
        f"{element('OBS.method_cd', 'M')}{element('OBS.status_cd', 'A')}{element('OBS.interpretation_cd', 'N')}</OBS>"
        for code, name, value, unit in tests
    )
    head = (
        element("SVC.role_cd", role) + element("SVC.observation_dttm", stamp(taken)) + element("SVC.reason_cd", "NEW")
    )
    operator = f"<OPR>{element('OPR.operator_id', 'nurse1')}</OPR>"
    return f"<SVC>{head}<PT>{element('PT.patient_id', patient)}{observations}</PT>{operator}</SVC>"


class Poct1aDevice:
    """Sans-I/O: the device's side of one conversation.

    Attributes:
        is_done: the host has taken every result, or has ended the conversation.
        refused: control ids the host did not accept.
        clock_set: what the host set the clock to.
    """

    def __init__(self, services: Sequence[str], *, is_continuous: bool, now: datetime | None = None) -> None:
        """`services` are the results it holds (`service`)."""
        self._now = now or datetime.now(UTC)
        self._services = deque(services)
        self._directives = (SET_TIME, CONTINUOUS) if is_continuous else ()
        self._framing = Poct1aFraming(lambda _, raw: Frame(raw, WORD))
        self._to_say = deque([self._hello(), self._status()])
        self._sent = 0
        self._waits_for = ""
        self.is_done = False
        self.refused: list[str] = []
        self.clock_set = ""

    def start(self) -> bytes:
        """HEL."""
        return self._next()

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""
        said = b""
        for item in self._framing.feed(data):
            if isinstance(item, Frame) and item.deliver:
                said += self._react(item.raw)
        return said

    def _react(self, raw: bytes) -> bytes:
        if raw.lstrip().startswith(b"<ACK.R01"):
            named = values(raw, "ACK.ack_control_id")
            if named != [self._waits_for]:
                return b""
            if values(raw, "ACK.type_cd") != ["AA"]:
                self.refused.append(self._waits_for)
            self._waits_for = ""
            self.is_done = not self._services and not self._to_say
            return self._next()
        if values(raw, "REQ.request_cd") == [REQUEST]:
            self._tell_results()
            return self._next()
        command = values(raw, "DTV.command_cd")
        if command == [CONTINUOUS]:
            self._tell_results()
        elif command == [SET_TIME]:
            self.clock_set = values(raw, "TM.dttm")[0]
        elif values(raw, "TRM.reason_cd"):
            self.is_done = True
        return self._acknowledge(raw) + (b"" if self._waits_for else self._next())

    def _tell_results(self) -> None:
        while self._services:
            self._to_say.append(("OBS.R01", self._services.popleft()))
        if not self._directives:
            self._to_say.append(("EOT.R01", f"<EOT>{element('EOT.topic_cd', 'OBS')}</EOT>"))

    def _hello(self) -> tuple[str, str]:
        device = element("DEV.device_id", "00:06:66:00:22:A1") + element("DEV.device_name", "Simulated")
        directives = "".join(element("DSC.directives_supported_cd", one) for one in self._directives)
        capabilities = f"<DSC>{element('DSC.connection_profile_cd', 'CS')}{directives}</DSC>"
        return "HEL.R01", f"<DEV>{device}{capabilities}</DEV>"

    def _status(self) -> tuple[str, str]:
        count = element("DST.new_observations_qty", str(len(self._services)))
        return (
            "DST.R01",
            f"<DST>{element('DST.status_dttm', stamp(self._now))}{count}{element('DST.condition_cd', 'R')}</DST>",
        )

    def _next(self) -> bytes:
        if self._waits_for or not self._to_say:
            return b""
        kind, body = self._to_say.popleft()
        self._sent += 1
        self._waits_for = str(10_000 + self._sent)
        return write_message(kind, self._waits_for, self._now, body)

    def _acknowledge(self, raw: bytes) -> bytes:
        self._sent += 1
        named = (values(raw, "HDR.control_id") or [""])[0]
        body = f"<ACK>{element('ACK.type_cd', 'AA')}{element('ACK.ack_control_id', named)}</ACK>"
        return write_message("ACK.R01", str(10_000 + self._sent), self._now, body)


def simulate_hba1c(wire: Transport, stop: Event) -> None:
    """One HbA1c, reported when made."""
    _converse(wire, stop, Poct1aDevice([service(HBA1C, datetime.now(CHINA))], is_continuous=True))


def simulate_glucose(wire: Transport, stop: Event) -> None:
    """One glucose in the meter that is put into its dock."""
    _converse(wire, stop, Poct1aDevice([service(GLUCOSE, datetime.now(CHINA))], is_continuous=False))


def _converse(wire: Transport, stop: Event, device: Poct1aDevice) -> None:
    wire.write(device.start())
    while not stop.is_set() and not device.is_done:
        said = device.receive(wire.read(0.05))
        if said:
            wire.write(said)
