"""Analysers that send one sample's results by ASTM: the instrument's side of E1381, with messages of our own making.

Layout, names and units of each message are those of the captured one named in its analyser's table
(`recordings/astm/analysers`); values and people are invented.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import DeviceTimeout
from devices.framing.astm.sender import AstmSender, State
from devices.transports.base import Transport
from recordings.astm.frames import build_frame, frames_of

_LOOK_S: Final = 0.05
_BLOOD_COUNT: Final = (
    ("WBC", "6.1", "10*3/uL"), ("RBC", "4.52", "10*6/uL"), ("HGB", "13.4", "g/dL"), ("HCT", "40.2", "%"),
    ("MCV", "88.9", "fL"), ("MCH", "29.6", "pg"), ("MCHC", "33.3", "g/dL"), ("PLT", "214", "10*3/uL"),
    ("LYM%", "31.0", "%"), ("MXD%", "8.2", "%"), ("NEUT%", "60.8", "%"), ("LYM#", "1.9", "10*3/uL"),
    ("MXD#", "0.5", "10*3/uL"), ("NEUT#", "3.7", "10*3/uL"), ("RDW-SD", "42.1", "fL"), ("RDW-CV", "13.2", "%"),
    ("PDW", "12.4", "fL"), ("MPV", "10.0", "fL"), ("P-LCR", "25.1", "%"), ("PCT", "0.21", "%"),
)  # fmt: skip
_FIVE_PART: Final = (
    ("WBC", "6.10", "10*3/uL"), ("RBC", "4.52", "10*6/uL"), ("HGB", "13.4", "g/dL"), ("HCT", "40.2", "%"),
    ("PLT", "214", "10*3/uL"), ("NEUT%", "57.4", "%"), ("LYMPH%", "31.0", "%"), ("MONO%", "7.3", "%"),
    ("EO%", "3.9", "%"), ("BASO%", "0.4", "%"), ("NEUT#", "3.50", "10*3/uL"),
)  # fmt: skip
_YUMIZEN: Final = (
    ("WBC^6690-2", "6.10", "10E3/uL"), ("RBC^789-8", "4.52", "10E6/uL"), ("HGB^718-7", "13.4", "g/dL"),
    ("HCT^4544-3", "40.2", "%"), ("MCV^787-2", "88.9", "um3"), ("PLT^777-3", "214", "10E3/uL"),
    ("NEU%^770-8", "57.4", "%"), ("MON#^742-7", "0.45", "10E3/uL"),
)  # fmt: skip


def _stamp(taken: datetime | None) -> str:
    return (taken or datetime.now(UTC)).astimezone(CHINA).strftime("%Y%m%d%H%M%S")


def xp100_frames(sample: str = "S-0001", taken: datetime | None = None) -> tuple[bytes, ...]:
    """A Sysmex XP-100: the whole message in one frame, the sample's number in O-4 between rack and position."""
    records = [
        "H|\\^&|||XP-100^00-13^^^^A0001^BS000001||||||||E1394-97",
        "P|1",
        f"O|1||^^{sample:>15}^A|{chr(92).join(f'^^^^{name}' for name, _, _ in _BLOOD_COUNT)}|||||||N||||||||||||||F",
        *(
            f"R|{row}|^^^^{name}^1|{value:>5}|{unit}||N||||               ||{_stamp(taken)}"
            for row, (name, value, unit) in enumerate(_BLOOD_COUNT, 1)
        ),
        "L|1|N",
    ]
    return (build_frame(1, "".join(f"{record}\r" for record in records).encode()),)


def xn_frames(sample: str = "S-0001", taken: datetime | None = None) -> tuple[bytes, ...]:
    """A Sysmex XN-L: one frame a record, the operator's flags as results without a value."""
    return _framed(
        "H|\\^&|||    XN-550^00-24^00001^^^^BD000001||||||||E1394-97",
        "P|1|||A-17|^Xiuying^Wang||19491231|F",
        f"O|1||^^{sample:>22}^M|^^^^WBC|||||||N||||||||||||||F",
        *(
            f"R|{row}|^^^^{name}^1|{value}|{unit}||N||F||||{_stamp(taken)}"
            for row, (name, value, unit) in enumerate(_FIVE_PART, 1)
        ),
        f"R|{len(_FIVE_PART) + 1}|^^^^Positive_Diff||||A||F||||{_stamp(taken)}",
        "L|1|N",
    )


def yumizen_frames(sample: str = "S-0001", taken: datetime | None = None) -> tuple[bytes, ...]:
    """A HORIBA Yumizen H500: units of its own, and a histogram longer than one frame of 240 bytes."""
    at = _stamp(taken)
    return _framed(
        f"H|\\^&|||H500^000YOXH00000^2.2.2.2b|||||||P|LIS2-A2|{at}",
        "P|1",
        f"O|1|{sample}||^^^DIF|R|{at}||||||||||||||||||F",
        f"M|1|HISTOGRAM|RBC/PLT|RbcAlongRes|FLOATLE-stream/deflate:base64^{'A' * 700}",
        *(
            f"R|{row}|^^^{name}|{value}|{unit}|0.0 - 400.0^REFERENCE_RANGE|N||F||NURSE^^USER|{at}"
            for row, (name, value, unit) in enumerate(_YUMIZEN, 1)
        ),
        "L|1|N",
    )


def cobas_c111_frames(sample: str = "S-0001", taken: datetime | None = None) -> tuple[bytes, ...]:
    """A Roche cobas c 111: every frame but the last is one that is continued (ETB)."""
    at = _stamp(taken)
    records = (
        f"H|\\^&|||CLINIC^Roche^c111^4.2.2.1730^1^00001|||||host|RSUPL^REAL|P|1|{at}",
        "P|1||",
        f"O|1||{sample}^^6||S||||||N|||||||||||{at}|||F",
        f"R|1|^^^687|28.6|U/L||N||F||$SYS$||{at}",
        "C|1|I||I",
        f"R|2|^^^413|41.2|g/L||N||F||$SYS$||{at}",
        "M|1|RR^BM^c111^1|-21|-21\\-21\\1|0.018514",
        "L|1|N",
    )
    last = len(records)
    return tuple(
        build_frame(number, record.encode() + b"\r", is_last=number == last) for number, record in enumerate(records, 1)
    )


def afinion2_frames(patient: str = "A-17", taken: datetime | None = None) -> tuple[bytes, ...]:
    """An Abbott Afinion 2: one frame, the patient's number in P-4, a run number where the sample's would be."""
    at = _stamp(taken)
    text = (
        f"H|\\^&|||Afinion 2 Analyzer^^AF00000001|||||||P|1|{at}\r"
        f"P|1||{patient}|||||U\r"
        "O|1||5|^^^HbA1c|||||||N||||^O||||||||^00000001||F\r"
        f"R|1|^^^HbA1c|6.4|%||||F||{patient}||{at}\r"
        "L|1|N\r"
    )
    return (build_frame(1, text.encode()),)


def dca_vantage_frames(patient: str = "A-17", taken: datetime | None = None) -> tuple[bytes, ...]:
    """A Siemens DCA Vantage: albumin, creatinine and their ratio in urine, the patient's number in P-3."""
    at = _stamp(taken)
    return _framed(
        f"H|\\^&|||DCA VANTAGE^04.04.00.00^S000001|||||||P||{at}",
        f"P|1|{patient}",
        "O|1||660^0090||||||||||||||||||||||F",
        f"R|1|^^^Alb|63.7|mg/L||||F|||{at}",
        "C|1|I|1.000^0.0 mg/L|G",
        f"R|2|^^^Crt|230.8|mg/dL||||F|||{at}",
        f"R|3|^^^Ratio|27.6|mg/g||||F|||{at}",
        "L|1|N",
    )


def deliver(wire: Transport, stop: Event, frames: Sequence[bytes]) -> None:
    """Send one message by the rules of E1381 until the host has taken all of it.

    Raises:
        DeviceTimeout: the host did not answer, or refused a frame six times.
    """
    sender = AstmSender(frames)
    wire.write(sender.start())
    silent_s = 0.0
    while not sender.is_over and not stop.is_set():
        heard = wire.read(_LOOK_S)
        silent_s = 0.0 if heard else silent_s + _LOOK_S
        said = sender.feed(heard)
        if silent_s >= sender.timeout_s:
            silent_s, said = 0.0, sender.on_timeout()
        if said:
            wire.write(said)
    if sender.state is State.GIVEN_UP:
        raise DeviceTimeout(f"the host took {sender.acknowledged} of {len(frames)} frames")


def simulate_xp100(wire: Transport, stop: Event) -> None:
    """One blood count."""
    deliver(wire, stop, xp100_frames())


def simulate_xn(wire: Transport, stop: Event) -> None:
    """One blood count with five kinds of white cells."""
    deliver(wire, stop, xn_frames())


def simulate_yumizen(wire: Transport, stop: Event) -> None:
    """One blood count with a histogram."""
    deliver(wire, stop, yumizen_frames())


def simulate_cobas_c111(wire: Transport, stop: Event) -> None:
    """Two tests of one sample."""
    deliver(wire, stop, cobas_c111_frames())


def simulate_afinion2(wire: Transport, stop: Event) -> None:
    """One HbA1c."""
    deliver(wire, stop, afinion2_frames())


def simulate_dca_vantage(wire: Transport, stop: Event) -> None:
    """One albumin to creatinine ratio."""
    deliver(wire, stop, dca_vantage_frames())


def _framed(*records: str) -> tuple[bytes, ...]:
    lines: Iterable[bytes] = (record.encode() for record in records)
    return tuple(frames_of(lines))
