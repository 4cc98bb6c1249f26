"""The DICOM port's own reading: an association's bytes through gate, PDUs, messages and the object on its way."""

import random
import struct
from typing import Final

from pynetdicom.pdu import A_ASSOCIATE_RQ

from clinic_records.errors import BadFrame
from devices.delivery import Delivery
from devices.dicom.flow import Began, Data, Flow
from devices.dicom.pdu import ASSOCIATE_RQ, HEAD, P_DATA_TF, PduReader, missing_of_request
from devices.dicom.received import Incoming

_PIECES: Final = (1, 7, 64, 4096, 65_536)
_ECG: Final = b"1.2.840.10008.5.1.4.1.1.9.1.1"
_SYNTAX: Final = b"1.2.840.10008.1.2.1"


class _Nowhere:
    def write(self, data: bytes | memoryview, /) -> None:
        del data

    def keep(self, delivery: Delivery, /) -> None:
        del delivery

    def drop(self) -> None:
        pass


def talk(raw: bytes, seed: int) -> None:
    """One connection's bytes in pieces of any size."""
    chance = random.Random(seed)  # noqa: S311  to be repeated, no secret
    missing_of_request(raw)
    pdus, flow, incoming = PduReader(), Flow(), _incoming("1.2.3")
    at = 0
    while at < len(raw):
        room = pdus.room()
        size = min(chance.choice(_PIECES), len(room), len(raw) - at)
        room[:size] = raw[at : at + size]
        at += size
        for kind, body in pdus.took(size):
            if kind == ASSOCIATE_RQ:
                _negotiate(HEAD.pack(kind, len(body)) + bytes(body))
            if kind != P_DATA_TF:
                continue
            for event in flow.feed(body):
                match event:
                    case Began():
                        incoming = _incoming(event.command.sop_instance)
                        event.command.store_response(event.context, 0)
                    case Data(data):
                        incoming.write(data)
    _ = incoming.fault


def _incoming(instance: str) -> Incoming:
    return Incoming(_Nowhere, sop_class=_ECG.decode(), sop_instance=instance, syntax=_SYNTAX.decode(), limit=1 << 20)


def _negotiate(request: bytes) -> None:
    """As the node does: whatever pynetdicom raises over a request is a request that is none."""
    try:
        A_ASSOCIATE_RQ().decode(request)
    except Exception as error:
        raise BadFrame(f"association request: {type(error).__name__}") from error


def speech() -> tuple[bytes, ...]:
    """A request, an object in three fragments, an echo and the release (PS3.8, section 9.3; PS3.7, annex E)."""
    context = _item(0x20, struct.pack(">BBBB", 1, 0, 0, 0) + _item(0x30, _ECG) + _item(0x40, _SYNTAX))
    user = _item(0x50, _item(0x51, struct.pack(">L", 131_072)) + _item(0x52, b"1.2.3"))
    request = struct.pack(">HH16s16s32x", 1, 0, b"CLINIC".ljust(16), b"ECG1".ljust(16))
    request += _item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    store = _command(
        (0x0002, _ECG + b"\0"), (0x0100, b"\1\0"), (0x0110, b"\1\0"), (0x0800, b"\1\0"), (0x1000, b"1.2.3\0")
    )
    echo = _command((0x0002, b"1.2.840.10008.1.1\0"), (0x0100, b"\x30\0"), (0x0110, b"\2\0"), (0x0800, b"\1\1"))
    dataset = b"\x08\0\x16\0UI\x1e\0" + _ECG + b"\0" + bytes(3000)
    data = [_data(3, store), _data(0, dataset[:1000]), _data(0, dataset[1000:2000]) + _data(2, dataset[2000:])]
    bodies = [(P_DATA_TF, body) for body in [*data, _data(1, echo[:20]), _data(3, echo[20:])]]
    pdus = [(ASSOCIATE_RQ, request), *bodies, (0x05, bytes(4))]
    return (b"".join(HEAD.pack(kind, len(body)) + body for kind, body in pdus),)


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _data(control: int, fragment: bytes) -> bytes:
    return struct.pack(">LBB", len(fragment) + 2, 1, control) + fragment


def _command(*elements: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in elements)
