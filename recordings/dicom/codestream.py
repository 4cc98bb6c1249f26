"""What a compressed frame says of its own size, before any decoder may allocate for it.

JPEG (ISO/IEC 10918-1, B.2.2), JPEG-LS (ISO/IEC 14495-1, C.2.2) and JPEG 2000 (ISO/IEC 15444-1, A.5.1; HTJ2K the same).
"""

import struct
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame

_SOF: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Start of frame: all JPEG processes, and JPEG-LS; DHT, JPG and DAC lie between them."""
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0 to RST7, SOI."""
_SOI: Final = b"\xff\xd8"
_SOC_SIZ: Final = b"\xff\x4f\xff\x51"
_JP2_SEARCH: Final = 4096
"""Bytes in which the codestream of a JP2 file begins; DICOM wants no such wrapper, devices write it."""


class FrameSize(NamedTuple):
    """Rows, columns, components, and bits of one sample."""

    rows: int
    columns: int
    components: int
    precision: int


def size_of(frame: bytes) -> FrameSize:
    """The size of a compressed frame.

    Raises:
        BadFrame: it has no frame header of a coding known here, or is cut before it.
    """
    try:
        return _jpeg(frame) if frame.startswith(_SOI) else _jpeg_2000(frame)
    except (struct.error, IndexError) as error:
        raise BadFrame("the compressed frame is cut in its header", raw=frame[:64]) from error


def _jpeg(frame: bytes) -> FrameSize:
    place = len(_SOI)
    while True:
        if frame[place] != 0xFF:
            raise BadFrame(f"no JPEG marker at byte {place} of the frame", raw=frame[:64])
        marker = frame[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in _SOF:
            precision, rows, columns, components = struct.unpack_from(">BHHB", frame, place + 4)
            return FrameSize(rows, columns, components, precision)
        elif marker in {0xD9, 0xDA}:
            raise BadFrame("the JPEG frame has no frame header", raw=frame[:64])
        else:
            (length,) = struct.unpack_from(">H", frame, place + 2)
            place += 2 + max(length, 2)


def _jpeg_2000(frame: bytes) -> FrameSize:
    place = frame.find(_SOC_SIZ, 0, _JP2_SEARCH)
    if place < 0:
        raise BadFrame(f"not a JPEG, JPEG-LS or JPEG 2000 frame: begins {frame[:8].hex()}", raw=frame[:64])
    xsiz, ysiz, xo, yo = struct.unpack_from(">4I", frame, place + 8)
    components, ssiz, xr, yr = struct.unpack_from(">HBBB", frame, place + 40)
    if min(xr, yr) < 1:
        raise BadFrame("the JPEG 2000 frame samples no pixel", raw=frame[:64])
    return FrameSize(-(-(ysiz - yo) // yr), -(-(xsiz - xo) // xr), components, (ssiz & 0x7F) + 1)
