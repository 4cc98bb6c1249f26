"""Look at a workbook's ZIP before anything unpacks it: sizes bounded, no document type definitions.

The size a ZIP directory states is a true bound: `zipfile` reads no more of an entry than it states.
"""

import zipfile
from pathlib import Path
from typing import Final

from clinic_records.errors import Hint, RefusedInput

FILE_LIMIT: Final = 20 << 20
"""Bytes of the .xlsx file."""
UNPACKED_LIMIT: Final = 200 << 20
"""Bytes of all entries together; a prefecture's 33,067 dated rows unpack to about 20 MiB."""
ENTRY_LIMIT: Final = 1000
_CHUNK: Final = 1 << 20

_HINT = Hint("请在 Excel 里另存为不加密的 .xlsx 再试。", "Save it in Excel as .xlsx without a password and try again.")

_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""First bytes of a compound file ([MS-CFB] 2.2): an old .xls, or an .xlsx under a password."""


def _scan(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether an XML part holds a formula; refuses a document type definition (ECMA-376 part 2, 9.1.4)."""
    tail, has_formula = b"", False
    with archive.open(entry) as part:
        while chunk := part.read(_CHUNK):
            window = tail + chunk.replace(b"\0", b"")  # UTF-16 without its zero bytes reads as ASCII
            if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
                raise RefusedInput(f"{entry.filename[:80]}: a document type definition is not allowed", hint=_HINT)
            has_formula = has_formula or b"<f>" in window or b"<f " in window or b":f>" in window
            tail = window[-16:]
    return has_formula


def _bound(name: str, entries: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRY_LIMIT or unpacked > UNPACKED_LIMIT:
        raise RefusedInput(
            f"{name} unpacks to {unpacked} bytes in {len(entries)} parts; "
            f"at most {UNPACKED_LIMIT >> 20} MiB in {ENTRY_LIMIT} are opened",
            hint=_HINT,
        )


def check_workbook_file(path: Path) -> bool:
    """Whether the workbook holds formulas, after its sizes are found within bounds.

    Raises:
        RefusedInput: not an .xlsx, damaged, too large packed or unpacked, encrypted, or with a DTD.
    """
    size = path.stat().st_size
    if size > FILE_LIMIT:
        raise RefusedInput(f"{path.name} has {size} bytes; at most {FILE_LIMIT >> 20} MiB are opened", hint=_HINT)
    with path.open("rb") as file:
        if file.read(8) == _OLE:
            raise RefusedInput(f"{path.name} is an old .xls or has a password", hint=_HINT)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _bound(path.name, entries)
            # a list, not any(): every part must be looked at
            parts = [_scan(archive, entry) for entry in entries if entry.filename.endswith((".xml", ".rels"))]
    except RefusedInput:
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen kinds on damaged bytes
        raise RefusedInput(f"{path.name} is not a readable .xlsx workbook: {error}", hint=_HINT) from error
    return any(parts)
