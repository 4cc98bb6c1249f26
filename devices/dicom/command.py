"""Command sets (DICOM PS3.7, section 6.3.1 and annex E): group 0000 in implicit VR little endian, always."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clinic_records.errors import BadFrame
from devices.dicom.pdu import HEAD, P_DATA_TF

C_STORE_RQ: Final = 0x0001
C_STORE_RSP: Final = 0x8001
NO_DATA_SET: Final = 0x0101
"""Command Data Set Type of a message without a data set; any other value means that one follows (PS3.7, E.1-1)."""
_SOP_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO, _DATA_SET_TYPE, _STATUS, _SOP_INSTANCE = (
    0x0002,
    0x0100,
    0x0110,
    0x0120,
    0x0800,
    0x0900,
    0x1000,
)
"""Element numbers (PS3.7, table E.1-1)."""
_ELEMENT: Final = struct.Struct("<HHL")
_COMMAND_LAST: Final = 0x03
"""Message control header of a command's last fragment (PS3.8, section E.2)."""


@dataclass(frozen=True)
class Command:
    """What a request says of itself; the UIDs as they came, without padding."""

    field: int
    message_id: int
    sop_class: str
    sop_instance: str
    has_data_set: bool

    @classmethod
    def decode(cls, encoded: bytes) -> "Command":
        """The command of a whole command set.

        Raises:
            BadFrame: it is none, or says neither what it is nor whether data follow.
        """
        found = _elements(encoded)
        return cls(
            _number(found, _FIELD),
            _number(found, _MESSAGE_ID) if _MESSAGE_ID in found else 0,
            _text(found, _SOP_CLASS),
            _text(found, _SOP_INSTANCE),
            _number(found, _DATA_SET_TYPE) != NO_DATA_SET,
        )

    def store_response(self, context: int, status: int) -> bytes:
        """The P-DATA-TF with the C-STORE response to this request (PS3.7, table 9.3-2)."""
        elements = b"".join(
            (
                _encoded(_SOP_CLASS, _uid(self.sop_class)),
                _encoded(_FIELD, C_STORE_RSP.to_bytes(2, "little")),
                _encoded(_RESPONDED_TO, self.message_id.to_bytes(2, "little")),
                _encoded(_DATA_SET_TYPE, NO_DATA_SET.to_bytes(2, "little")),
                _encoded(_STATUS, status.to_bytes(2, "little")),
                _encoded(_SOP_INSTANCE, _uid(self.sop_instance)),
            )
        )
        command = _encoded(0x0000, len(elements).to_bytes(4, "little")) + elements
        item = struct.pack(">LBB", len(command) + 2, context, _COMMAND_LAST) + command
        return HEAD.pack(P_DATA_TF, len(item)) + item


def _elements(encoded: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(encoded):
        if len(encoded) - at < _ELEMENT.size:
            raise BadFrame("command set ends inside an element's head", raw=encoded[:1024])
        group, element, length = _ELEMENT.unpack_from(encoded, at)
        at += _ELEMENT.size
        if group != 0 or length > len(encoded) - at:
            raise BadFrame(f"command set with ({group:04x},{element:04x}) of {length} bytes", raw=encoded[:1024])
        found[element] = encoded[at : at + length]
        at += length
    return found


def _number(found: Mapping[int, bytes], element: int) -> int:
    value = found.get(element, b"")
    if len(value) != 2:
        raise BadFrame(f"command set: (0000,{element:04x}) has {len(value)} bytes, not 2")
    return int.from_bytes(value, "little")


def _text(found: Mapping[int, bytes], element: int) -> str:
    return found.get(element, b"").decode("latin-1").strip("\0 ")


def _encoded(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value


def _uid(uid: str) -> bytes:
    value = uid.encode("latin-1")
    return value + b"\0" * (len(value) % 2)
