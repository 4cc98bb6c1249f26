"""Deflated Explicit VR Little Endian (DICOM PS3.5, section A.5): unpacked by us, only so far; never by pydicom."""

import zlib
from io import BytesIO
from typing import BinaryIO, Final

from pydicom.filebase import DicomFileLike
from pydicom.filereader import _read_file_meta_info, read_preamble  # what dcmread itself goes by, so both agree
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from clinic_records.errors import BadFrame

LARGEST: Final = 24 << 20
"""Bytes unpacked: reports and single pictures are smaller; a kilobyte of hostile bytes could become a gigabyte."""
_PIECE: Final = 1 << 20


def undeflated(file: BinaryIO) -> BinaryIO:
    """The same DICOM file, at its start; where it is deflated, one in memory with its dataset unpacked.

    Raises:
        BadFrame: the dataset unpacks to more than LARGEST, or is damaged. What pydicom raises for a broken header
            passes through.
    """
    preamble = read_preamble(file, force=False) or bytes(128)
    meta = _read_file_meta_info(file)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        file.seek(0)
        return file
    plain = BytesIO()
    plain.write(preamble + b"DICM")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_file_meta_info(DicomFileLike(plain), meta, enforce_standard=False)
    _inflate(file, plain)
    plain.seek(0)
    return plain


def _inflate(source: BinaryIO, sink: BinaryIO) -> None:
    """A raw deflate stream, which may be padded to an even length behind its end."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    room = LARGEST
    try:
        while not unpacker.eof and (piece := unpacker.unconsumed_tail or source.read(_PIECE)):
            data = unpacker.decompress(piece, _PIECE)
            room -= len(data)
            if room < 0:
                raise BadFrame(f"DICOM: the deflated dataset unpacks to more than {LARGEST} bytes")
            sink.write(data)
    except zlib.error as error:
        raise BadFrame(f"DICOM: the deflated dataset is damaged: {error}") from error
    if not unpacker.eof:
        raise BadFrame("DICOM: the deflated dataset is cut")
