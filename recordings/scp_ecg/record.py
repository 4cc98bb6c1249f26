"""The outer shell of an SCP record: header, section pointers, section headers and their checksums.

Record: checksum u16, length u32, sections (SCP 5.2). Section: checksum u16, number u16, length u32, section version
u8, protocol version u8, 6 reserved bytes (`SCPECG` in section 0), body (SCP 5.2.7). Section 0 holds for each section
its number u16, length u32 and place u32, counted from 1 (SCP 5.3). Little-endian throughout.
"""

import struct
from collections.abc import Mapping
from typing import Final

from clinic_records.errors import BadFrame, Hint
from recordings.scp_ecg.crc import NOT_COMPUTED, crc_ccitt

MAGIC: Final = b"SCPECG"
MAGIC_AT: Final = 16
RECORD_HEAD: Final = struct.Struct("<HI")
SECTION_HEAD: Final = struct.Struct("<HHIBB6s")
POINTER: Final = struct.Struct("<HII")
MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
"""A resting ECG has some 100 kB; ours to bound work on hostile lengths."""
MAX_POINTERS: Final = 1024
"""Sections 0 to 11, 128 to 1023 for manufacturers (SCP 5.1)."""
PROTOCOL_VERSION: Final = 20
"""Version 2.0, in tenths (SCP 5.2.7)."""

_SEND_AGAIN = Hint(
    "心电文件不完整或已损坏，请从设备重发。", "The ECG file is cut or damaged; send it from the device again."
)


def damaged(message: str) -> BadFrame:
    """The error of an SCP record that cannot be read; `message` names section and field."""
    return BadFrame(f"SCP-ECG: {message}", hint=_SEND_AGAIN)


def looks_like_scp(raw: bytes) -> bool:
    """Whether the first bytes are those of an SCP record; version 1 records lack the letters in section 0."""
    if raw[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC:
        return True
    if not RECORD_HEAD.size + SECTION_HEAD.size <= len(raw) <= MAX_RECORD_BYTES:
        return False
    crc, length = RECORD_HEAD.unpack_from(raw)
    return bool(length == len(raw) and crc == crc_ccitt(memoryview(raw)[2:]))


def split(raw: bytes) -> dict[int, bytes]:
    """Section number -> body of every section present, all checksums compared.

    Raises:
        BadFrame: the record is cut, a checksum differs, or a length or pointer leads outside it.
    """
    if len(raw) < RECORD_HEAD.size + SECTION_HEAD.size:
        raise damaged(f"record header: {len(raw)} bytes, fewer than the 22 of the headers")
    crc, length = RECORD_HEAD.unpack_from(raw)
    if not RECORD_HEAD.size + SECTION_HEAD.size <= length <= MAX_RECORD_BYTES:
        raise damaged(f"record header: length {length} is outside 22..{MAX_RECORD_BYTES}")
    if len(raw) < length:
        raise damaged(f"record header: length says {length} bytes, only {len(raw)} came")
    body = memoryview(raw)[:length]
    found = crc_ccitt(body[2:])
    if found != crc:
        raise damaged(f"record checksum: written {crc:04X}, computed {found:04X}")
    pointers = _section(body, RECORD_HEAD.size, 0)
    if len(pointers) % POINTER.size or len(pointers) // POINTER.size > MAX_POINTERS:
        raise damaged(f"section 0: {len(pointers)} bytes are not pointers of {POINTER.size} bytes each")
    sections: dict[int, bytes] = {}
    total = 0
    for number, size, place in POINTER.iter_unpack(pointers):
        if number == 0 or size == 0:
            continue
        if number in sections:
            raise damaged(f"section 0: two pointers to section {number}")
        sections[number] = _section(body, place - 1, number, size)
        total += size
        if total > length:
            raise damaged("section 0: the sections overlap")
    return sections


def _section(record: memoryview, at: int, number: int, said: int | None = None) -> bytes:
    """The body of section `number` at byte `at`; `said` is the length its pointer gives."""
    name = f"section {number}"
    if at < RECORD_HEAD.size or at + SECTION_HEAD.size > len(record):
        raise damaged(f"{name}: its pointer {at + 1} leads outside the record of {len(record)} bytes")
    crc, written, length, _, _, _ = SECTION_HEAD.unpack_from(record, at)
    if written != number:
        raise damaged(f"{name}: the header at byte {at} says section {written}")
    if said is not None and length != said:
        raise damaged(f"{name}: its header says {length} bytes, its pointer {said}")
    if length < SECTION_HEAD.size or at + length > len(record):
        raise damaged(f"{name}: length {length} leads outside the record of {len(record)} bytes")
    found = crc_ccitt(record[at + 2 : at + length])
    if crc not in {found, NOT_COMPUTED}:
        raise damaged(f"{name}: checksum written {crc:04X}, computed {found:04X}")
    return bytes(record[at + SECTION_HEAD.size : at + length])


def join(bodies: Mapping[int, bytes]) -> bytes:
    """A whole record of these section bodies (without section 0), in ascending order, checksums computed."""
    numbers = sorted(set(range(1, 12)) | set(bodies))
    pointer_bytes = SECTION_HEAD.size + POINTER.size * (len(numbers) + 1)
    pointers = [POINTER.pack(0, pointer_bytes, RECORD_HEAD.size + 1)]
    place = RECORD_HEAD.size + pointer_bytes
    sections: list[bytes] = []
    for number in numbers:
        if number not in bodies:
            pointers.append(POINTER.pack(number, 0, 0))
            continue
        section = _closed(number, bodies[number])
        pointers.append(POINTER.pack(number, len(section), place + 1))
        sections.append(section)
        place += len(section)
    rest = _closed(0, b"".join(pointers)) + b"".join(sections)
    tail = struct.pack("<I", RECORD_HEAD.size + len(rest)) + rest
    return struct.pack("<H", crc_ccitt(tail)) + tail


def _closed(number: int, body: bytes) -> bytes:
    if len(body) % 2:
        body += b"\0"  # a section's length is even (SCP 5.2.7)
    reserved = MAGIC if number == 0 else bytes(6)
    head = SECTION_HEAD.pack(0, number, SECTION_HEAD.size + len(body), PROTOCOL_VERSION, PROTOCOL_VERSION, reserved)
    tail = head[2:] + body
    return struct.pack("<H", crc_ccitt(tail)) + tail
