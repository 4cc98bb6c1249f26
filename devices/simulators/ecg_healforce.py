"""One page of a Healforce Prince 180D as `recordings.healforce` describes it: its own "SCP", three leads, 30 s."""

import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np

from recordings.arrays import FloatArray
from recordings.scp_ecg.crc import crc_ccitt
from recordings.scp_ecg.record import POINTER, RECORD_HEAD, SECTION_HEAD

_VERSION: Final = 13
_STEP_NV: Final = 10_000
_HZ: Final = 150
_LEADS: Final = ("I", "II", "III")
_FILE_BYTES: Final = 32_768


def healforce_page(leads: Mapping[str, FloatArray], taken: datetime, *, first_sample: int = 1, rate: int = 71) -> bytes:
    """The page: leads I, II and III in microvolts at 150 Hz, as many samples each as a multiple of four allows."""
    rows = np.column_stack([np.rint(leads[name] * 1000 / _STEP_NV) for name in _LEADS]).astype(np.int64)
    rows = np.clip(rows[: len(rows) // 4 * 4], -512, 511)
    packed = _pack(rows.reshape(-1))
    day = struct.pack(">HBB", taken.year, taken.month, taken.day)
    clock = bytes((taken.hour, taken.minute, taken.second))
    tags = b"".join(
        struct.pack("<BH", tag, len(v)) + v for tag, v in ((2, b"00000".ljust(30, b"\0")), (25, day), (26, clock))
    )
    leads_section = struct.pack("<BBIIH", 3, 4, first_sample, first_sample + len(rows) - 1, 5)
    rhythm = struct.pack("<HHBBH", _STEP_NV, _HZ, 0, 0, len(packed)) + packed
    events = bytes(0x44 - SECTION_HEAD.size) + struct.pack("<6H", *[rate] * 6) + b"\xff" * 12
    bodies = {1: tags + bytes(4), 2: bytes(14), 3: leads_section, 6: rhythm, 9: events}
    place = RECORD_HEAD.size + SECTION_HEAD.size + 6 * POINTER.size
    pointers = [POINTER.pack(0, place - RECORD_HEAD.size, RECORD_HEAD.size)]
    sections: list[bytes] = []
    for number, body in bodies.items():
        section = _section(number, body)
        pointers.append(POINTER.pack(number, len(section), place))
        sections.append(section)
        place += len(section)
    rest = struct.pack("<HH", 0, place) + _section(0, b"".join(pointers)) + b"".join(sections)
    return (struct.pack(">H", crc_ccitt(rest, 0)) + rest).ljust(_FILE_BYTES, b"\0")


def _section(number: int, body: bytes) -> bytes:
    head = SECTION_HEAD.pack(0, number, SECTION_HEAD.size + len(body), _VERSION, _VERSION, bytes(6))
    return struct.pack("<H", crc_ccitt(head[2:] + body, 0)) + head[2:] + body


def _pack(samples: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> bytes:
    """Four 10-bit samples in three words; the fourth's twelve bits lie in bits 10 to 13 of the three."""
    ten = (((samples >> 8) + 2 & 3) << 8 | samples & 0xFF).reshape(-1, 4)
    fourth = ten[:, 3]
    words = ten[:, :3] | np.column_stack((fourth >> 8 & 0xF, fourth >> 4 & 0xF, fourth & 0xF)) << 10
    return words.astype("<u2").tobytes()
