"""DICOM files (PS3.10, section 7): what stands before the dataset, where that starts, and its hash.

The node writes preamble + file meta + the dataset's bytes exactly as the device sent them. What a device sent and
what the hospital holds are therefore compared by the SHA-256 of the dataset bytes alone: file meta is ours.
"""

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO, Final

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID

from clinic_records.errors import BadFrame
from clinic_records.ids import BlobHash

_PREAMBLE: Final = 128
_GROUP_LENGTH: Final = b"\x02\x00\x00\x00UL\x04\x00"
"""(0002,0000) UL, 4 bytes: always first, always explicit little endian."""
_CHUNK: Final = 1 << 20
_ELEMENT: Final = struct.Struct("<HH2sH")
"""Explicit VR little endian, short form (PS3.5, section 7.1.2)."""


def part10_head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Preamble, `DICM` and file meta (PS3.10, table 7.1-1); the dataset's bytes follow as they came."""
    named = ((0x02, sop_class), (0x03, sop_instance), (0x10, transfer_syntax), (0x12, PYNETDICOM_IMPLEMENTATION_UID))
    # (0002,0001) OB in the long form: version 00 01
    meta = b"\x02\x00\x01\x00OB\0\0" + struct.pack("<L", 2) + b"\0\1"
    for element, uid in named:
        value = uid.encode("ascii") + b"\0" * (len(uid) % 2)
        meta += _ELEMENT.pack(0x0002, element, b"UI", len(value)) + value
    return bytes(_PREAMBLE) + b"DICM" + _GROUP_LENGTH + struct.pack("<L", len(meta)) + meta


def dataset_offset(file: BinaryIO) -> int:
    """Where the dataset of the DICOM file open at its start begins.

    Raises:
        BadFrame: it has no preamble, no `DICM` or no file meta group length.
    """
    head = file.read(_PREAMBLE + 4 + len(_GROUP_LENGTH) + 4)
    if head[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        raise BadFrame("not a DICOM file: no DICM after the preamble", raw=head)
    if head[_PREAMBLE + 4 : -4] != _GROUP_LENGTH:
        raise BadFrame("the DICOM file does not start with its file meta group length", raw=head)
    return len(head) + int(struct.unpack("<I", head[-4:])[0])


def dataset_sha256(part10: Path) -> BlobHash:
    """SHA-256 of the dataset bytes of a DICOM file.

    Raises:
        BadFrame: it is no DICOM file.
    """
    digest = hashlib.sha256()
    with part10.open("rb") as file:
        file.seek(dataset_offset(file))
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return BlobHash(digest.hexdigest())
