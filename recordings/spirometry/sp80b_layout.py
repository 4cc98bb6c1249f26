"""Byte layout of one Contec SP80B session record, shared by the framing and the decoder (no numpy here).

Source: the message layout read in the public iOS client `tikhonp/contec-spirometer-ios-app`
(`spirometer/ContecSDK/ResultDataController.swift`, `ContecDeviceController.swift`); not confirmed with a device.
A message starts with a byte whose top bit is set (its type); every byte after it has the top bit clear.
`u14` is two bytes, low 7 bits first.

One session = result message, wave header, wave frames, as they come off the line one after the other:

Result, 44 bytes
    0       E1
    1       place in this transfer, 1..125 (7E and 7F mean "nothing more", then no record follows)
    2       measurement: 0 all, 1 FVC, 2 VC, 3 MVV, 4 MV
    3-4     u14   number of the record in the device
    5-10    year - 2000, month, day, hour, minute, second, by the device's clock
    11      sex: 0 male, 1 female
    12      age, years
    13-14   u14   height, cm
    15      predicted-value standard: 1 ECCS, 2 KNUDSON, 3 USA
    16      after bronchodilator: 0 no
    17-18   u14   FVC, 0.01 L
    19-20   u14   FEV0.5, 0.01 L
    21-22   u14   FEV1, 0.01 L
    23-24   u14   FEV1/FVC, 0.1 %
    25-26   u14   FEV3, 0.01 L
    27-28   u14   FEV6, 0.01 L
    29-30   u14   PEF, 0.01 L/s
    31-32   u14   FEF25, 0.01 L/s
    33-34   u14   FEF50, 0.01 L/s
    35-36   u14   FEF75, 0.01 L/s
    37-38   u14   FEF25-75, 0.01 L/s
    39-40   u14   PEFT, unit not known, not decoded
    41-42   u14   EVOL, unit not known, not decoded
    43      checksum: sum of bytes 0..42, low 7 bits (the source names this sum for the messages it sends; that
            the device closes its own the same way is our reading of the one byte left over)
Wave header, 5 bytes
    0       E2
    1-2     u14   place in this transfer
    3-4     u14   number of wave frames
Wave frame, 8 bytes
    0       bits 0..6: top bits of bytes 1..7
    1-3     u24, low byte first: time, 0.0001 s
    4-5     s16, low byte first: flow, 0.001 L/s, expiration positive (the source reads it unsigned; no flow
            reaches 32 L/s, so two's complement loses nothing and keeps inspiration)
    6-7     s16, low byte first: volume, 0.001 L
"""

from typing import Final

MEDIA_TYPE: Final = "application/vnd.contec.sp80b-session"
RESULT_TYPE: Final = 0xE1
WAVE_TYPE: Final = 0xE2
RESULT_SIZE: Final = 44
WAVE_HEADER_SIZE: Final = 5
WAVE_FRAME_SIZE: Final = 8
SESSION_HEAD_SIZE: Final = RESULT_SIZE + WAVE_HEADER_SIZE
"""Bytes after which `session_size` knows how long the whole session is."""
MAX_FRAMES: Final = (1 << 14) - 1
MAX_SESSION_SIZE: Final = SESSION_HEAD_SIZE + MAX_FRAMES * WAVE_FRAME_SIZE
NOTHING_MORE: Final = frozenset({0x7E, 0x7F})
"""Values of a result's byte 1 that end a transfer instead of carrying a record."""


def checksum7(data: bytes) -> int:
    """The protocol's checksum: sum of the bytes, low 7 bits."""
    return sum(data) & 0x7F


def get_u14(data: bytes, at: int) -> int:
    """The 14-bit number at `at`, low 7 bits first."""
    return data[at] & 0x7F | (data[at + 1] & 0x7F) << 7


def put_u14(value: int) -> bytes:
    """`value` (0..16383) as two 7-bit bytes, low first."""
    return bytes((value & 0x7F, value >> 7 & 0x7F))


def session_size(head: bytes) -> int | None:
    """Bytes of the session that starts with `head`, or None while its first 49 bytes are not all there."""
    if len(head) < SESSION_HEAD_SIZE:
        return None
    return SESSION_HEAD_SIZE + get_u14(head, RESULT_SIZE + 3) * WAVE_FRAME_SIZE


def looks_like_session(raw: bytes) -> bool:
    """Whether the bytes begin with a whole result and, behind it, its wave or nothing."""
    return raw[:1] == bytes((RESULT_TYPE,)) and raw[RESULT_SIZE : RESULT_SIZE + 1] in {b"", bytes((WAVE_TYPE,))}
