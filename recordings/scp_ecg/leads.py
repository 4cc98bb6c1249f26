"""Section 3: which leads a record holds and from which sample to which; the standard's names of leads (SCP table 5)."""

import struct
from dataclasses import dataclass
from typing import Final

from recordings.scp_ecg.record import damaged

NAMES: Final[dict[int, str]] = {
    0: "unspecified", 1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 9: "V7", 10: "V2R",
    11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R", 15: "V7R", 16: "X", 17: "Y", 18: "Z", 19: "CC5", 20: "CM5", 21: "LA",
    22: "RA", 23: "LL", 24: "fI", 25: "fE", 26: "fC", 27: "fA", 28: "fM", 29: "fF", 30: "fH", 61: "III", 62: "aVR",
    63: "aVL", 64: "aVF", 65: "-aVR", 66: "V8", 67: "V9", 68: "V8R", 69: "V9R", 70: "D", 71: "A", 72: "J",
}  # fmt: skip
NUMBERS: Final = {name: number for number, name in NAMES.items()}

MAX_LEADS: Final = 64
MAX_SAMPLES: Final = 1_500_000
"""Over all leads of a record: 12 leads of 500 Hz for 4 minutes; bounds memory and time."""
_LEAD = struct.Struct("<IIB")
_BEAT_SUBTRACTED = 0x01
_ALL_SIMULTANEOUS = 0x04


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead: its name and its first and last sample, counted from 1."""

    name: str
    first: int
    last: int

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class LeadTable:
    """Section 3."""

    leads: tuple[Lead, ...]
    is_beat_subtracted: bool


def read_leads(section: bytes) -> LeadTable:
    """Section 3.

    Raises:
        BadFrame: it is cut, or a lead ends before it begins or is longer than any ECG.
    """
    if len(section) < 2:
        raise damaged("section 3: no count of leads")
    count, flags = section[0], section[1]
    if not 1 <= count <= MAX_LEADS or 2 + count * _LEAD.size > len(section):
        raise damaged(f"section 3: {count} leads in {len(section)} bytes")
    leads: list[Lead] = []
    for index in range(count):
        first, last, number = _LEAD.unpack_from(section, 2 + index * _LEAD.size)
        if first == 0:  # some writers count from 0; if their last is one too many, section 6 says so
            first, last = 1, last + 1
        if not 1 <= first <= last <= MAX_SAMPLES:
            raise damaged(f"section 3: lead {index + 1} runs from sample {first} to {last}")
        leads.append(Lead(NAMES.get(number, f"lead {number}"), first, last))
    if sum(lead.samples for lead in leads) > MAX_SAMPLES:
        raise damaged(f"section 3: more than {MAX_SAMPLES} samples")
    return LeadTable(tuple(leads), bool(flags & _BEAT_SUBTRACTED))


def write_leads(names: list[str], samples: int) -> bytes:
    """Section 3 of leads of equal length, all recorded at the same time, nothing subtracted."""
    simultaneous = min(len(names), 31) << 3
    head = bytes((len(names), simultaneous | _ALL_SIMULTANEOUS))
    return head + b"".join(_LEAD.pack(1, samples, NUMBERS[name]) for name in names)
