"""Who associates with whom: AARQ and AARE (IEEE 11073-20601-2008, 8.7 and annex A)."""

from dataclasses import dataclass
from typing import Final

from recordings.ieee11073.apdu import AARE, AARQ, envelope
from recordings.ieee11073.mder import Reader, octets, sequence, u16, u32

PROTOCOL: Final = 20601
VERSION_1: Final = 0x80000000
"""Bit 0 of an association, protocol or nomenclature version."""
MDER: Final = 0x8000
"""Encoding rules: the only ones every device must have."""
MANAGER: Final = 0x80000000
AGENT: Final = 0x00800000
MANAGER_CONFIGURATION: Final = 0
ACCEPTED, ACCEPTED_UNKNOWN_CONFIGURATION, NO_COMMON_PROTOCOL = 0, 3, 4
RESULTS: Final = (
    "accepted",
    "rejected for good",
    "rejected for now",
    "accepted, configuration to be sent",
    "rejected, no common protocol",
    "rejected, no common parameter",
    "rejected",
    "rejected, not authorized",
    "rejected, association version not supported",
)
_MOST_PROTOCOLS: Final = 8


@dataclass(frozen=True, slots=True)
class Association:
    """PhdAssociationInformation.

    Attributes:
        system_id: EUI-64 of whoever says it.
        configuration: the agent's dev-config-id.
        is_understood: version 1 and MDER are offered.
    """

    system_id: bytes
    configuration: int
    is_understood: bool = True


def read_request(body: bytes) -> Association | None:
    """What an AARQ asks for; None where it offers no 20601.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(body, "association request")
    version = reader.u32()
    found: Association | None = None
    for number, entry in enumerate(reader.entries("data protocols")):
        protocol, info = entry.u16(), entry.octets()
        if protocol == PROTOCOL and found is None and number < _MOST_PROTOCOLS:
            found = _read_information(info, is_understood=bool(version & VERSION_1))
    reader.end()
    return found


def read_response(body: bytes) -> tuple[int, Association | None]:
    """The result an AARE gives, and who gives it.

    Raises:
        BadFrame: lengths do not fit.
    """
    reader = Reader(body, "association response")
    result, protocol, info = reader.u16(), reader.u16(), reader.octets()
    reader.end()
    return result, _read_information(info, is_understood=True) if protocol == PROTOCOL else None


def request(system_id: bytes, configuration: int) -> bytes:
    """The AARQ of an agent that sends by itself, one report at a time."""
    info = _information(AGENT, system_id, configuration, modes=0x0001, sessions=b"\x01\x00")
    return envelope(AARQ, u32(VERSION_1) + sequence((u16(PROTOCOL) + octets(info),)))


def response(result: int, system_id: bytes) -> bytes:
    """The manager's AARE."""
    if result == NO_COMMON_PROTOCOL:
        return envelope(AARE, u16(result) + u16(0) + octets(b""))
    info = _information(MANAGER, system_id, MANAGER_CONFIGURATION, modes=0, sessions=b"\0\0")
    return envelope(AARE, u16(result) + u16(PROTOCOL) + octets(info))


def _read_information(info: bytes, *, is_understood: bool) -> Association:
    reader = Reader(info, "association information")
    protocol_version, encoding = reader.u32(), reader.u16()
    reader.take(12)  # nomenclature version, functional units, system type
    system_id, configuration = reader.octets(), reader.u16()
    return Association(
        system_id, configuration, is_understood and bool(protocol_version & VERSION_1) and bool(encoding & MDER)
    )


def _information(role: int, system_id: bytes, configuration: int, *, modes: int, sessions: bytes) -> bytes:
    versions = u32(VERSION_1) + u16(MDER) + u32(VERSION_1) + u32(0)
    return versions + u32(role) + octets(system_id) + u16(configuration) + u16(modes) + sessions + sequence(())
