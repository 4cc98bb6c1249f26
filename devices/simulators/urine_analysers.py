"""Urine analysers: a Clinitek 50 that is asked, a Dirui H-100 and a URIT-50 that print. Built from documentation."""

from datetime import UTC, datetime
from threading import Event

from clinic_records.clock import CHINA
from devices.transports.base import Transport
from recordings.astm.frames import ACK, ENQ, NAK
from recordings.laboratory.clinitek50 import END, checksum

_STRIP = (
    "GLU  NEGATIVE", "BIL  NEGATIVE", "KET  NEGATIVE", "SG   1.020", "pH   5.5", "PRO* 1+", "UBG  0.2 mg/dL",
    "NIT  NEGATIVE", "OBL* Ca 10 Ery/uL", "LEU  NEGATIVE",
)  # fmt: skip


def clinitek_packet(*lines: str) -> bytes:
    """One packet of the Clinitek 50 with these lines."""
    body = b"\r\n" + "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return b"\x02" + body + checksum(body) + END


class Clinitek50Device:
    """Sans-I/O: characters in, packets out.

    Attributes:
        taken: records the host acknowledged.
    """

    def __init__(self, now: datetime | None = None) -> None:
        """Its clock shows `now`; its memory is empty."""
        self._now = now or datetime.now(UTC)
        self._memory: list[bytes] = []
        self.taken = 0

    def dip(self, taken: datetime | None = None) -> None:
        """A strip was read."""
        number = self.taken + len(self._memory) + 1
        self._memory.append(clinitek_packet(self._first(taken or self._now), f"#{number:03} YELLOW", *_STRIP))

    def receive(self, data: bytes) -> bytes:
        """The answers to what the host sent."""
        return b"".join(self._answer(data[at : at + 1]) for at in range(len(data)))

    def _answer(self, word: bytes) -> bytes:
        if word == ENQ:
            return clinitek_packet(self._first(self._now), "ENGLISH - CONV.", "MULTISTIX 10 SG")
        if word == ACK and self._memory:
            del self._memory[0]
            self.taken += 1
            return b""
        if word in {b"\x12", NAK}:
            return self._memory[0] if self._memory else NAK
        return b""

    def _first(self, when: datetime) -> str:
        return f"6510  01.02 {when.astimezone(CHINA):%y%m%d%H%M}"


def dirui_text(sample: str = "S-0001", taken: datetime | None = None) -> bytes:
    """What a Dirui H-100 sends for one strip."""
    when = (taken or datetime.now(UTC)).astimezone(CHINA)
    fields = (
        (" UBG", "-", "3.4umol/L"), (" BIL", "-", ""), (" KET", "-", ""), ("*BLD", "+-", "10 cells/uL"),
        ("*PRO", "1+", "0.3g/L"), (" NIT", "-", ""), (" LEU", "-", ""), (" GLU", "-", ""), (" SG", "1.020", ""),
        (" PH", "6.0", ""), (" VC", "-", ""),
    )  # fmt: skip
    head = f"\r\nDate:{when:%Y-%m-%d %H:%M}\r\nNo. 0017\r\n".encode() + b"ID\xa3\xba" + sample.encode() + b"\r\n"
    return b"\x02" + head + b"".join(b"\xab".join(part.encode() for part in one) + b"\r\n" for one in fields) + b"\x03"


def urit_text(sample: str = "S-0001", taken: datetime | None = None) -> bytes:
    """What a URIT-50 sends for one strip."""
    when = (taken or datetime.now(UTC)).astimezone(CHINA)
    lines = (
        f"ID:{sample}", f"NO.000017 {when:%Y-%m-%d}", f"            {when:%H:%M:%S}", " LEU -  0 CELL/uL",
        " KET -  0 mmol/L", " NIT -", " URO    Normal", " BIL -  0 umol/L", "*PRO +1 0.3 g/L", " GLU -  0 mmol/L",
        " SG     1.020", " pH     6.0", "*BLD +- 10 CELL/uL", " Vc  -  0 mmol/L",
    )  # fmt: skip
    return b"\x02" + "".join(f"{line}\r\n" for line in lines).encode() + b"\x03"


def simulate_clinitek50(wire: Transport, stop: Event) -> None:
    """One strip is read; the device answers until the host has taken it."""
    device = Clinitek50Device()
    device.dip()
    while not stop.is_set() and not device.taken:
        answers = device.receive(wire.read(0.1))
        if answers:
            wire.write(answers)


def simulate_dirui(wire: Transport, stop: Event) -> None:
    """One strip."""
    del stop
    wire.write(dirui_text())


def simulate_urit(wire: Transport, stop: Event) -> None:
    """One strip."""
    del stop
    wire.write(urit_text())
