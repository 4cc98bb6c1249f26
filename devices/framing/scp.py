"""SCP-ECG records streamed raw (EN 1064:2005+A1:2007, sections 5.1 to 5.3).

Record header, 6 bytes: CRC u16, length of the whole record u32 (little-endian). Section 0 follows at once; its
16-byte header is CRC u16, section id u16 (0), length u32, versions u8 u8 and the six characters `SCPECG`. The record
CRC is CRC-CCITT (0x1021, start 0xFFFF, most significant bit first) over everything after itself.
"""

import struct
from binascii import crc_hqx
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming

MEDIA_TYPE: Final = "application/scp-ecg"
MAX_RECORD: Final = 1 << 20
"""Bytes. 12 leads of 10 s at 1000 Hz uncompressed are 240 kB."""
_MAGIC: Final = b"SCPECG"
_MAGIC_AT: Final = 16
"""From the start of the record: 6 bytes of record header, 10 of the section header."""
_HEAD: Final = 22
_MIN_RECORD: Final = _HEAD + 120
"""Section 0 must hold at least twelve pointers of ten bytes."""
_MAX_GARBAGE: Final = 1 << 16
"""Bytes of garbage handed over at once."""
_MAX_FALSE_STARTS: Final = 16
"""Broken records in a row inside one claimed length; then all of it is garbage, so that no stream costs us a CRC of
a megabyte for each of its bytes."""


class ScpFraming(StepFraming):
    """Finds records in a byte stream, whatever lies between them."""

    _false_starts = 0

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        buffer = self._buffer
        start = self._next_start(0)
        if start is None:
            keep = 0 if is_over else _HEAD - 1
            if len(buffer) - keep >= (1 if is_over else _MAX_GARBAGE):
                self._refuse(len(buffer) - keep, "no SCP-ECG record", items)
                return True
            return False
        if start > 0:
            self._refuse(start, "no SCP-ECG record", items)
            return True
        length = _claimed_length(buffer)
        if len(buffer) < length:
            if is_over:
                self._refuse_start(len(buffer), f"SCP-ECG record cut at {len(buffer)} of {length} bytes", items)
            return is_over
        crc, expected = crc_hqx(memoryview(buffer)[2:length], 0xFFFF), struct.unpack_from("<H", buffer)[0]
        if crc != expected:
            reason = f"SCP-ECG record of {length} bytes: CRC {crc:04x}, it says {expected:04x}"
            self._refuse_start(length, reason, items)
            return True
        self._false_starts = 0
        items.append(Frame(self._take(length), MEDIA_TYPE))
        return True

    def _next_start(self, after: int) -> int | None:
        """Where the next record head begins, at `after` or later."""
        magic = self._buffer.find(_MAGIC, after + _MAGIC_AT)
        while magic >= 0:
            start = magic - _MAGIC_AT
            section_id = struct.unpack_from("<H", self._buffer, start + 8)[0]
            if section_id == 0 and _MIN_RECORD <= _claimed_length(self._buffer, start) <= MAX_RECORD:
                return start
            magic = self._buffer.find(_MAGIC, magic + 1)
        return None

    def _refuse_start(self, length: int, reason: str, items: list[Frame | BadFrame]) -> None:
        """Refuse the broken record at the start, but not a record that begins inside it."""
        self._false_starts += 1
        following = self._next_start(1) if self._false_starts < _MAX_FALSE_STARTS else None
        if self._false_starts >= _MAX_FALSE_STARTS:
            self._false_starts = 0
        self._refuse(min(length, following or length), reason, items)


def _claimed_length(buffer: bytearray, start: int = 0) -> int:
    return int(struct.unpack_from("<I", buffer, start + 2)[0])
