"""Formats of other devices that this version does not read, known by their first bytes: a refusal names them."""

import re
from typing import Final

_LOOKED_AT: Final = 8192
"""Bytes from the start in which a name is looked for."""
_NAMES: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("XML of another kind", re.compile(rb"\s*<\?xml\b")),
    ("laboratory device's frame", re.compile(rb"\x02")),
    ("DICOM worklist as text", re.compile(rb"\s*(#[^\n]*\n\s*)*\([0-9a-fA-F]{4},[0-9a-fA-F]{4}\) [A-Z]{2} ")),
)
"""(what to call it, how it begins), asked in this order: the marks each format's standard puts at its start."""


def name_of(raw: bytes) -> str:
    """What the bytes look like; `bytes of unknown kind` where nothing fits."""
    head = raw[:_LOOKED_AT]
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # UTF-16: all names above are ASCII
        head = head.replace(b"\0", b"")[2:]
    return next((name for name, begins in _NAMES if begins.match(head)), "bytes of unknown kind")
