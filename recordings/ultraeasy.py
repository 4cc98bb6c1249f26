"""One record of a LifeScan OneTouch UltraEasy (UltraMini): what it answered for its unit and for the record.

Packets: 02, length of all, link control, message, 03, CRC u16 (CRC-CCITT 0x1021, start FFFF, low byte first, over all
before it). Link control: 01 sequence sent, 02 sequence expected, 04 acknowledgement, 08 disconnect, 10 more. An answer
is 05, 06 and its data; the unit it displays: 0 mg/dL, 1 mmol/L, and three bytes more; a record: seconds since 1970 by
the meter's wall clock u32, glucose in mg/dL u32, always.

Sources: glucometerutils (MIT), otultraeasy.py and lifescan_binary_protocol.py, with its tests' bytes;
protocols.glucometers.tech, LifeScan shared binary protocol. HI above 600 and LO below 20 mg/dL: owner's booklet.
"""

import struct
from binascii import crc_hqx
from datetime import UTC, datetime, timedelta
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint
from recordings.glucose import glucose
from recordings.signal import DecodedRecording

FORMAT: Final = "ultraeasy"
MEDIA_TYPE: Final = "application/vnd.lifescan.record"
SEQUENCE_SENT, SEQUENCE_EXPECTED, ACKNOWLEDGE, DISCONNECT, MORE = 0x01, 0x02, 0x04, 0x08, 0x10
FRAME_SIZE: Final = 6
"""Bytes of a packet beside its message."""
MAX_PACKET: Final = 64
"""Bytes; the longest message known has 20."""
OK: Final = b"\x05\x06"
_START, _END = 0x02, 0x03
UNIT_MESSAGE_SIZE: Final = 6
_UNIT_SIZE: Final = FRAME_SIZE + UNIT_MESSAGE_SIZE
_RECORD: Final = struct.Struct("<2sII")
_RECORD_SIZE: Final = FRAME_SIZE + _RECORD.size
_UNITS: Final = {0: "mg/dL", 1: "mmol/L"}
_RANGE: Final = range(20, 601)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=CHINA)
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")


def packet(message: bytes, link: int = 0) -> bytes:
    """A whole packet."""
    body = bytes((_START, FRAME_SIZE + len(message), link)) + message + bytes((_END,))
    return body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def is_packet(raw: bytes | bytearray) -> bool:
    """Whether the bytes are one whole packet."""
    if not FRAME_SIZE <= len(raw) <= MAX_PACKET or raw[0] != _START or raw[1] != len(raw) or raw[-3] != _END:
        return False
    return crc_hqx(bytes(raw[:-2]), 0xFFFF) == int.from_bytes(raw[-2:], "little")


def message_of(raw: bytes) -> bytes:
    """The message of a whole packet."""
    return raw[3:-3]


def looks_like_ultraeasy(raw: bytes) -> bool:
    """Whether the bytes are the two packets of a record."""
    return len(raw) == _UNIT_SIZE + _RECORD_SIZE and is_packet(raw[:_UNIT_SIZE]) and is_packet(raw[_UNIT_SIZE:])


def read_time(seconds: int) -> datetime:
    """The meter's wall time in China's zone; it counts seconds as if there were no zones."""
    return _EPOCH + timedelta(seconds=seconds)


def write_time(time: datetime) -> int:
    """Seconds that the meter counts at `time`."""
    return round((time - _EPOCH).total_seconds())


def record_message(taken: datetime, mg_dl: int) -> bytes:
    """The answer that holds a record, for the simulator and the tests."""
    return _RECORD.pack(OK, write_time(taken), mg_dl)


def decode_ultraeasy(raw: bytes) -> DecodedRecording:
    """The glucose of one record.

    Raises:
        BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
    """
    if not looks_like_ultraeasy(raw):
        raise BadFrame(f"UltraEasy record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
    unit = message_of(raw[:_UNIT_SIZE])
    status, seconds, mg_dl = _RECORD.unpack(message_of(raw[_UNIT_SIZE:]))
    if unit[:2] != OK or status != OK or unit[2] not in _UNITS:
        raise BadFrame(f"UltraEasy record: answers {unit.hex(' ')} and {status.hex(' ')}", hint=_AGAIN)
    taken = read_time(seconds)
    numerics, notes = glucose(mg_dl, _RANGE, {"displayed": _UNITS[unit[2]]})
    return DecodedRecording(
        format=FORMAT,
        modality="glucose",
        device={
            "manufacturer": "LifeScan",
            "model": "OneTouch UltraEasy",
            "source_id": f"{seconds}-{mg_dl}",
            "time_zone": "assumed",
        },
        start=taken.astimezone(UTC),
        numerics=numerics,
        notes=tuple(notes),
    )
