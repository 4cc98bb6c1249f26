"""Protocol data units of the upper layer, cut from a byte stream without copying them (DICOM PS3.8, section 9.3).

Sans-I/O: the socket reads straight into `room`, so a study passes through one buffer of fixed size.
"""

import struct
from collections.abc import Iterator
from typing import Final

from clinic_records.errors import BadFrame

ASSOCIATE_RQ: Final = 0x01
P_DATA_TF: Final = 0x04
_TYPES: Final = range(ASSOCIATE_RQ, 0x08)
"""A-ASSOCIATE-RQ 01H to A-ABORT 07H (PS3.8, section 9.3.1)."""
LONGEST_PDU: Final = 1 << 20
"""Bytes: eight times what we offer, for senders that ignore the offer; the field itself goes up to 4 GiB."""
LONGEST_REQUEST: Final = 256 * 1024
"""Bytes of an association request: 128 presentation contexts with 40 transfer syntaxes each have 160 kB."""
HEAD: Final = struct.Struct(">BxL")
"""Type, reserved, length of what follows (PS3.8, table 9-11 and its siblings)."""
_PDV: Final = struct.Struct(">LBB")
"""Item length, presentation context, message control header (PS3.8, table 9-23 and section E.2)."""
_BLOCK: Final = 512 * 1024
"""Bytes of the buffer: four PDUs of the size we offer."""

Pdu = tuple[int, memoryview]
"""(type, what follows the head); the view is good until `room` is asked again."""


class PduReader:
    """The PDUs of one connection."""

    def __init__(self, longest: int = LONGEST_PDU) -> None:
        self._longest = longest
        self._buffer = memoryview(bytearray(_BLOCK))
        self._start = 0
        self._end = 0

    @property
    def is_between(self) -> bool:
        """Whether no PDU is half here."""
        return self._start == self._end

    def room(self) -> memoryview:
        """Where the next bytes go; never empty."""
        held = self._end - self._start
        needed = HEAD.size
        if held >= HEAD.size:
            needed += HEAD.unpack_from(self._buffer, self._start)[1]
        if self._start + needed > len(self._buffer) or not held:
            target = self._buffer if needed <= len(self._buffer) else memoryview(bytearray(needed))
            target[:held] = bytes(self._buffer[self._start : self._end])
            self._buffer, self._start, self._end = target, 0, held
        return self._buffer[self._end :]

    def took(self, size: int) -> list[Pdu]:
        """The PDUs that are whole now that `size` bytes were put into `room`.

        Raises:
            BadFrame: a PDU of no known type, or longer than is taken; nothing more can be read.
        """
        self._end += size
        found: list[Pdu] = []
        while self._end - self._start >= HEAD.size:
            kind, length = HEAD.unpack_from(self._buffer, self._start)
            if kind not in _TYPES:
                raise BadFrame(f"PDU of type {kind:#04x}", raw=bytes(self._buffer[self._start : self._end][:64]))
            if length > self._longest:
                raise BadFrame(f"a PDU of {length} bytes; at most {self._longest} are taken")
            body = self._start + HEAD.size
            if body + length > self._end:
                break
            found.append((kind, self._buffer[body : body + length]))
            self._start = body + length
        return found


def data_values(body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(presentation context, message control header, fragment) of a P-DATA-TF.

    Raises:
        BadFrame: its items do not fill it exactly.
    """
    at = 0
    while at < len(body):
        if len(body) - at < _PDV.size:
            raise BadFrame("P-DATA-TF ends inside an item's head")
        length, context, control = _PDV.unpack_from(body, at)
        end = at + 4 + length
        if length < 2 or end > len(body):
            raise BadFrame(f"P-DATA-TF with an item of {length} bytes where {len(body) - at - 4} are left")
        yield context, control, body[at + _PDV.size : end]
        at = end


def missing_of_request(got: bytes | bytearray) -> int:
    """Bytes still missing of the association request that starts with `got`; 0 when it is whole.

    Raises:
        BadFrame: it is none, or is too long.
    """
    if len(got) < HEAD.size:
        if got and got[0] != ASSOCIATE_RQ:
            raise BadFrame(f"first PDU of type {got[0]:#04x}, not an association request", raw=bytes(got))
        return HEAD.size - len(got)
    kind, length = HEAD.unpack_from(got)
    if kind != ASSOCIATE_RQ or length > LONGEST_REQUEST:
        raise BadFrame(f"an association request of type {kind:#04x} and {length} bytes; at most {LONGEST_REQUEST}")
    return int(HEAD.size + length - len(got))
