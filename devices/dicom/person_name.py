"""Person names of DICOM objects (PS3.5, section 6.2 and annex K for Chinese), as one field, family name first."""

import re
from typing import Final

from pydicom.dataset import Dataset

_GB2312_ESCAPE: Final = b"\x1b$)A"
"""ISO 2022 IR 58 puts GB 2312 into G1; pydicom leaves the escape in the text. Its bytes are EUC-CN."""
_HAN: Final = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


def person_name(dataset: Dataset) -> tuple[str, str]:
    """PatientName and a note ("" if there is nothing to say); the ideographic form where there is one."""
    value = dataset.get("PatientName")
    if value is None:
        return "", ""
    original: bytes = value.original_string if isinstance(value.original_string, bytes) else b""
    text, note = str(value), ""
    if _GB2312_ESCAPE in original:
        text, note = _decoded(original.replace(_GB2312_ESCAPE, b""), ("gb18030",)), ""
    elif not dataset.get("SpecificCharacterSet") and not original.isascii():
        text = _decoded(original, ("utf-8", "gb18030"))
        note = "the object names no character set; the patient's name was read as Chinese and must be checked"
    if "\x1b" in text or "\ufffd" in text:
        note = "the patient's name is in a character set we do not read"
    alphabetic, ideographic, phonetic = [*text.split("="), "", ""][:3]
    return _one_field(ideographic or alphabetic or phonetic), note


def _decoded(data: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(encodings[-1], "replace")


def _one_field(group: str) -> str:
    parts = [part.strip() for part in group.split("^") if part.strip()]
    return ("" if any(_HAN.search(part) for part in parts) else " ").join(parts)
