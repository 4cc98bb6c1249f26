"""Healforce (力康) Prince 180D handheld ECG: its `.SCP` pages, which are not EN 1064 -> a decoded recording.

Sections have SCP's heads, but pointers count from 0, the record's length is 16-bit, checksums start from 0 (record and
section 6 stored big-endian), dates are big-endian, section 6 gives its rate in hertz, and its samples are three leads
interleaved, four 10-bit samples in three words. Found by KaibinBao/healforcescpecg (layout, samples) and by comparing
its two files with each other (checksums, the page's place in the recording); Healforce publishes nothing.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint
from clinic_records.reading import Numeric
from recordings.arrays import FloatArray
from recordings.ecg_values import filled, measured
from recordings.leads import add_derived_leads, derived_note
from recordings.scp_ecg import measurements as ecg
from recordings.scp_ecg.crc import crc_ccitt
from recordings.scp_ecg.record import POINTER, SECTION_HEAD
from recordings.scp_ecg.tags import DATE, PATIENT_ID, TIME, text
from recordings.signal import DecodedRecording, Signal

FORMAT: Final = "healforce-scp"
_RECORD_HEAD: Final = struct.Struct("<2sHH")
"""Checksum (big-endian), 0, length without what fills the file up."""
_VERSIONS: Final = (13, 13)
_LARGEST_POINTERS: Final = 16 + 12 * 10
_RHYTHM_HEAD: Final = struct.Struct("<HHBBH")
"""Nanovolts a step, samples a second, no differences, not bimodal, bytes of all leads together."""
_FIRST_SAMPLE_AT: Final = 2
_LEADS_OF: Final = {3: ("I", "II", "III")}
"""Leads of a page -> their names; in files of three leads I + III = II holds within 0.1 mV. Others are numbered."""
_RATES_AT: Final = 0x44
"""Six average heart rates of 5 s each, u16, in section 9 with its head; 255 and 65535 where there was none."""
_SEND_AGAIN = Hint("文件不完整。请从设备重新拷贝。", "The file is cut or damaged; copy it from the device again.")


def looks_like_healforce(raw: bytes) -> bool:
    """Whether section 0 is this device's: SCP's, but with pointers counted from 0 and no letters."""
    if len(raw) < _RECORD_HEAD.size + SECTION_HEAD.size + POINTER.size:
        return False
    _, number, length, *versions, reserved = SECTION_HEAD.unpack_from(raw, _RECORD_HEAD.size)
    own = POINTER.unpack_from(raw, _RECORD_HEAD.size + SECTION_HEAD.size)
    return (number, tuple(versions), reserved, own) == (0, _VERSIONS, bytes(6), (0, length, _RECORD_HEAD.size)) and (
        length <= _LARGEST_POINTERS and length % POINTER.size == SECTION_HEAD.size % POINTER.size
    )


def decode_healforce(raw: bytes) -> DecodedRecording:
    """One page (30 s) of a recording.

    Raises:
        BadFrame: the page is cut or its checksum differs.
    """
    sections = _sections(raw)
    for number in (1, 3, 6):
        if number not in sections:
            raise _damaged(f"section {number} is missing")
    stored, hz = _rhythm(sections[6], sections[3])
    signals = add_derived_leads(stored)
    tags = _tags(sections[1][SECTION_HEAD.size :])
    patient_id = text(tags.get(PATIENT_ID, b""))
    start = _start(tags, sections[3], hz)
    return DecodedRecording(
        format=FORMAT,
        patient=filled(patient_id=patient_id if patient_id.strip("0") else ""),
        device={"manufacturer": "Healforce", "model": "Prince 180"} | ({"time_zone": "assumed"} if start else {}),
        start=start,
        signals=signals,
        numerics=_heart_rate(sections.get(9, b"")),
        notes=derived_note(stored, signals),
        from_memory=True,  # pages are copied from the device's store (hazard H02)
    )


def _damaged(message: str) -> BadFrame:
    return BadFrame(f"Healforce ECG: {message}", hint=_SEND_AGAIN)


def _crc(data: bytes | memoryview) -> int:
    return crc_ccitt(data, 0)


def _sections(raw: bytes) -> dict[int, bytes]:
    """Section number -> section with its head; the record's checksum covers them all."""
    if not looks_like_healforce(raw):
        raise _damaged("no section 0 of this device at byte 6")
    crc, _, length = _RECORD_HEAD.unpack_from(raw)
    if len(raw) < length:
        raise _damaged(f"length says {length} bytes, only {len(raw)} came")
    found = _crc(memoryview(raw)[2:length])
    if found != int.from_bytes(crc, "big"):
        raise _damaged(f"checksum written {crc.hex()}, computed {found:04x}")
    sections: dict[int, bytes] = {}
    _, _, pointers, *_ = SECTION_HEAD.unpack_from(raw, _RECORD_HEAD.size)
    for at in range(_RECORD_HEAD.size + SECTION_HEAD.size, _RECORD_HEAD.size + pointers, POINTER.size):
        number, size, place = POINTER.unpack_from(raw, at)
        if size < SECTION_HEAD.size or place + size > length:
            raise _damaged(f"section {number}: its pointer leads outside the record")
        sections[number] = raw[place : place + size]
    return sections


def _tags(section: bytes) -> dict[int, bytes]:
    """Tag -> value as in SCP's section 1, closed by zeros instead of tag 255."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(section):
        size = int.from_bytes(section[at + 1 : at + 3], "little")
        tags.setdefault(section[at], section[at + 3 : at + 3 + size])
        at += 3 + size
    return tags


def _rhythm(section: bytes, leads_section: bytes) -> tuple[tuple[Signal, ...], float]:
    leads = leads_section[SECTION_HEAD.size]
    at = SECTION_HEAD.size
    if len(section) < at + _RHYTHM_HEAD.size:
        raise _damaged("section 6: no header")
    step_nv, hz, differences, bimodal, size = _RHYTHM_HEAD.unpack_from(section, at)
    data = section[at + _RHYTHM_HEAD.size :][:size]
    if not step_nv or not hz or differences or bimodal:
        raise _damaged(f"section 6: {step_nv} nV, {hz} Hz, differences {differences}, bimodal {bimodal}")
    words = size // 6 * 3
    if not leads or len(data) < size or not words or (words // 3 * 4) % leads:
        raise _damaged(f"section 6: {len(data)} bytes for {leads} leads")
    samples = _unpack(np.frombuffer(data, "<u2", words)).reshape(-1, leads) * (step_nv / 1000)
    names = _LEADS_OF.get(leads) or tuple(f"channel {number + 1}" for number in range(leads))
    columns = zip(names, samples.T.copy(), strict=True)
    return tuple(Signal(name, "uV", float(hz), column) for name, column in columns), float(hz)


def _unpack(words: "np.ndarray[tuple[int, ...], np.dtype[np.uint16]]") -> FloatArray:
    """Four samples from three words each: the fourth's bits are bits 10 to 13 of the three.

    Of a sample's ten bits the lower eight are its value above 256 x (bits 8 and 9, less 2); bits 14 and 15 mark beats.
    """
    three = words.reshape(-1, 3).astype(np.int64)
    spare = three >> 10 & 0xF
    fourth = spare[:, 0] << 8 | spare[:, 1] << 4 | spare[:, 2]
    four = np.column_stack([three, fourth]).reshape(-1)
    values: FloatArray = (((four >> 8 & 3) - 2) * 256 + (four & 0xFF)).astype(np.float64)
    return values


def _start(tags: dict[int, bytes], leads_section: bytes, hz: float) -> datetime | None:
    """The page's start: the recording's, and as many seconds as samples came before its first."""
    day, clock = tags.get(DATE, b""), tags.get(TIME, b"")
    at = SECTION_HEAD.size + _FIRST_SAMPLE_AT
    first = int.from_bytes(leads_section[at : at + 4], "little")
    try:
        year, month, day_, *_ = struct.unpack(">HBB", day[:4])
        start = datetime(year, month, day_, clock[0], clock[1], clock[2], tzinfo=CHINA)
        return (start + timedelta(seconds=max(first - 1, 0) / hz)).astimezone(UTC)
    except (ValueError, OverflowError, IndexError, struct.error):
        return None


def _heart_rate(section: bytes) -> tuple[Numeric, ...]:
    """The last average the device had on this page."""
    rates = [rate for (rate,) in struct.iter_unpack("<H", section[_RATES_AT : _RATES_AT + 12]) if 0 < rate < 255]
    number = measured(ecg.HEART_RATE, str(rates[-1]), "/min") if rates else None
    return (number,) if number else ()
