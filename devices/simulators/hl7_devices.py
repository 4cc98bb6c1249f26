"""Devices that send HL7 v2 over MLLP: an analyser, a spirometer and a monitor, each with one typical measurement.

They keep the sender's rules: one message at a time, an answer counts only with our control id in MSA-2, no answer in
time means the same message again.
"""

from datetime import UTC, datetime
from threading import Event
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import DeviceTimeout, RefusedInput
from devices.framing.base import Frame
from devices.framing.mllp import CR, FS, VT, MllpFraming
from devices.transports.base import Transport
from recordings.hl7.encode import message, segment
from recordings.hl7.message import read_batch

ANSWER_S: Final = 5.0
"""Seconds a device waits for its answer before it sends again."""
TRIES: Final = 3


class Hl7Sender:
    """Sans-I/O: the sender's side of MLLP."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self._framing = MllpFraming(lambda raw: Frame(raw, ""), lambda: datetime.now(UTC))

    def block(self, data: bytes) -> bytes:
        """One message as it goes over the line."""
        return VT + data + FS + CR

    def answers(self, data: bytes) -> list[tuple[str, str]]:
        """(MSA-1, MSA-2) of every acknowledgement that became whole."""
        found: list[tuple[str, str]] = []
        for item in self._framing.feed(data):
            if isinstance(item, Frame) and item.deliver:
                (whole,) = read_batch(item.raw).messages
                found += [(one.text(1), one.text(2)) for one in whole.segments if one.name == "MSA"]
        return found


def deliver(wire: Transport, stop: Event, data: bytes, control_id: str) -> str:
    """Send one message until it is answered; MSA-1 of the answer, empty where `stop` came first.

    Raises:
        DeviceTimeout: no answer, after `TRIES` times.
        RefusedInput: the answer names another message.
    """
    sender = Hl7Sender()
    for _ in range(TRIES):
        wire.write(sender.block(data))
        waited = 0.0
        while waited < ANSWER_S and not stop.is_set():
            came = wire.read(0.05)
            waited += 0.0 if came else 0.05
            for verdict, named in sender.answers(came):
                if named != control_id:
                    raise RefusedInput(f"the answer {verdict} names message {named!r}, not {control_id!r}")
                return verdict
        if stop.is_set():
            return ""
    raise DeviceTimeout(f"message {control_id} was not answered")


def chemistry_message(control_id: str = "1", taken: datetime | None = None, sample: str = "S-0001") -> bytes:
    """What a Mindray BS analyser sends for one sample: BS series host interface, section 2.4.1.1 (HL7 2.3.1)."""
    at = _stamp(taken)
    results = (("2", "TBil", "11.4", "umol/L"), ("5", "ALT", "23.6", "U/L"), ("9", "Glu", "5.31", "mmol/L"))
    return message(
        ("Mindray", "BS-240", "", "", at, "", ("ORU", "R01"), control_id, "P", "2.3.1", "", "", "", "0", "", "UNICODE"),
        [
            segment("PID", "1", "17"),
            segment("OBR", "1", sample, "10", ("Mindray", "BS-240"), "N", at, at, *[""] * 7, "serum"),
            *(
                segment("OBX", str(row), "NM", test, name, value, unit, "", "N", "", "", "F", "", value, at)
                for row, (test, name, value, unit) in enumerate(results, 1)
            ),
        ],
    )


def haematology_message(control_id: str = "1", taken: datetime | None = None, sample: str = "S-0002") -> bytes:
    """What a Mindray BC counter sends for one sample: BC series host interface (HL7 2.3.1), the sample in OBR-3."""
    at = _stamp(taken)
    results = (
        ("6690-2", "WBC", "6.31", "10*9/L", "4.00-10.00", "N"),
        ("789-8", "RBC", "4.12", "10*12/L", "3.50-5.50", "N"),
        ("718-7", "HGB", "104", "g/L", "110-160", "L"),
        ("4544-3", "HCT", "33.8", "%", "37.0-54.0", "L"),
        ("787-2", "MCV", "82.0", "fL", "80.0-100.0", "N"),
        ("777-3", "PLT", "214", "10*9/L", "100-300", "N"),
    )
    return message(
        ("BC-5000", "Mindray", "", "", at, "", ("ORU", "R01"), control_id, "P", "2.3.1", *[""] * 5, "UNICODE"),
        [
            segment("PID", "1", "", ("17", "", "", "", "MR")),
            segment("OBR", "1", "", sample, ("00001", "Automated Count", "99MRC"), "", "", at),
            *(
                segment("OBX", str(row), "NM", (code, name, "LN"), "", value, unit, span, [flag, "N"], "", "", "F")
                for row, (code, name, value, unit, span, flag) in enumerate(results, 1)
            ),
        ],
    )


def spirometer_message(control_id: str = "1", taken: datetime | None = None) -> bytes:
    """One blow as ORU^R01 of HL7 2.5.1 with LOINC codes and UCUM units."""
    at = _stamp(taken)
    results = (
        ("19868-9", "FVC", "3.20", "L"),
        ("20150-9", "FEV1", "2.41", "L"),
        ("19926-5", "FEV1/FVC", "75.3", "%"),
        ("19935-6", "PEF", "6.35", "L/s"),
    )
    kind = ("ORU", "R01", "ORU_R01")
    return message(
        ("SPIRO", "", "", "", at, "", kind, control_id, "P", "2.5.1", *[""] * 5, "UNICODE UTF-8"),
        [
            segment("PID", "1", "", ("17", "", "", "", "PI"), "", ("王", "秀英"), "", "19590102", "F"),
            segment("OBR", "1", "", "B-7", ("24341-2", "Spirometry", "LN"), "", "", at),
            *(
                segment("OBX", str(row), "NM", (code, name, "LN"), "", value, (unit, unit, "UCUM"), *[""] * 4, "F")
                for row, (code, name, value, unit) in enumerate(results, 1)
            ),
        ],
    )


def monitor_message(control_id: str = "1", taken: datetime | None = None) -> bytes:
    """One spot check as IHE PCD-01 (Device Enterprise Communication, PCD TF-2): containment in OBX-4, MDC codes."""
    at = _stamp(taken)
    device = ("MONITOR", "0123456789ABCDEF", "EUI-64")
    order = ("O-7", *device)
    rows = (
        ("", "69965", "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS", "1.0.0.0", "", ("", "")),
        ("", "70686", "MDC_DEV_PRESS_BLD_NONINV_VMD", "1.1.0.0", "", ("", "")),
        ("NM", "150021", "MDC_PRESS_BLD_NONINV_SYS", "1.1.1.1", "128", ("mm[Hg]", "UCUM")),
        ("NM", "150022", "MDC_PRESS_BLD_NONINV_DIA", "1.1.1.2", "79", ("mm[Hg]", "UCUM")),
        ("NM", "150023", "MDC_PRESS_BLD_NONINV_MEAN", "1.1.1.3", "95", ("266016", "MDC")),
        ("NM", "149546", "MDC_PULS_RATE_NON_INV", "1.1.1.4", "71", ("264864", "MDC")),
        ("NM", "150456", "MDC_PULS_OXIM_SAT_O2", "1.2.1.1", "97", ("262688", "MDC")),
    )
    kind = ("ORU", "R01", "ORU_R01")
    profile = ("IHE_PCD_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.1.1.1", "ISO")
    return message(
        (
            *(device, "", "", "", at, "", kind, control_id, "P", "2.6", "", "", "NE", "AL", "", "UNICODE UTF-8"),
            *("", "", profile),
        ),
        [
            segment("PID", "1", "", ("17", "", "", "", "PI"), "", ("王", "秀英"), "", "19590102", "F"),
            segment("OBR", "1", order, order, ("182777000", "monitoring of patient", "SCT"), "", "", at),
            *(
                segment(
                    "OBX", str(row), kind, (code, name, "MDC"), place, value, unit_of(unit), *[""] * 4, _status(kind)
                )
                for row, (kind, code, name, place, value, unit) in enumerate(rows, 1)
            ),
        ],
    )


def unit_of(unit: tuple[str, str]) -> tuple[str, ...]:
    """OBX-6 of (code, system)."""
    return (unit[0], unit[0], unit[1]) if unit[0] else ("",)


def simulate_chemistry(wire: Transport, stop: Event) -> None:
    """One sample's results, acknowledged."""
    deliver(wire, stop, chemistry_message(), "1")


def simulate_haematology(wire: Transport, stop: Event) -> None:
    """One sample's count, acknowledged."""
    deliver(wire, stop, haematology_message(), "1")


def simulate_spirometer(wire: Transport, stop: Event) -> None:
    """One blow, acknowledged."""
    deliver(wire, stop, spirometer_message(), "1")


def simulate_monitor(wire: Transport, stop: Event) -> None:
    """One spot check, acknowledged."""
    deliver(wire, stop, monitor_message(), "1")


def _status(kind: str) -> str:
    return "R" if kind else "X"


def _stamp(taken: datetime | None) -> str:
    return (taken or datetime.now(UTC)).astimezone(CHINA).strftime("%Y%m%d%H%M%S%z")
