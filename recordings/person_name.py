"""Person names of DICOM objects (PS3.5, section 6.2 and annexes J and K for Chinese), as one field, family name first.

Two things pydicom does not do: it leaves the escape sequence of ISO 2022 IR 58 in the text, and it takes the second
byte of a GB 18030 or GBK character for a backslash, which divides values, where it is 5C (PS3.5, section 6.1.2.5.4).
"""

import re
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import TEXT_VR_DELIMS, PersonName

GB2312_ESCAPE: Final = "\x1b$)A"
"""ISO 2022 IR 58 puts GB 2312 into G1 with this; its bytes are EUC-CN."""
IR_58: Final = "ISO 2022 IR 58"
_MULTI_BYTE: Final = frozenset({"GB18030", "GBK"})
"""Character sets that replace the default one and whose later bytes may look like ASCII."""
_HAN: Final = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_LONGEST: Final = 1024
"""Bytes looked at: PN has at most 64 characters in each of three groups."""


def person_name(dataset: Dataset, keyword: str = "PatientName") -> tuple[str, str]:
    """The name and a note ("" if there is nothing to say); the ideographic group where there is one."""
    original, value = _value(dataset, keyword)
    charsets = _charsets(dataset)
    text, note = value, ""
    if GB2312_ESCAPE.encode() in original or IR_58 in charsets:  # some leave the escape out
        text = _decoded(original.replace(GB2312_ESCAPE.encode(), b""), ("gb18030",))
    elif _MULTI_BYTE.intersection(charsets):
        text = _decoded(original, ("gb18030",)) if original else value
    elif not any(charsets) and not original.isascii():
        text = _decoded(original, ("utf-8", "gb18030"))
        note = "the object names no character set; the patient's name was read as Chinese and must be checked"
    if "\x1b" in text or "\ufffd" in text:
        note = "the patient's name is in a character set we do not read"
    alphabetic, ideographic, phonetic = [*text.split("="), "", ""][:3]
    return _one_field(ideographic) or _one_field(alphabetic) or _one_field(phonetic), note


def person_key(query: Dataset, keyword: str = "PatientName") -> tuple[str, ...]:
    """The groups of a name used as a key, each as one field with its wildcards; none for an empty key."""
    original, value = _value(query, keyword)
    text = value
    if original and {IR_58, *_MULTI_BYTE}.intersection(_charsets(query)):
        text = _decoded(original.replace(GB2312_ESCAPE.encode(), b""), ("gb18030",))
    groups = ["".join(part.strip() for part in group.split("^")) for group in text.split("=")[:3]]
    return tuple(group for group in groups if group)


def in_ir_58(name: str) -> PersonName:
    """One field as the ideographic group in ISO 2022 IR 58 (PS3.5, annex K.2); pydicom would leave the escape out.

    Raises:
        UnicodeEncodeError: it has a character that GB 2312 has not.
    """
    return PersonName(b"=" + GB2312_ESCAPE.encode() + name.encode("gb2312"), ["iso8859", "iso_ir_58"])


def _value(dataset: Dataset, keyword: str) -> tuple[bytes, str]:
    """The bytes as they came, and pydicom's text of them; the first of several names."""
    if keyword not in dataset:
        return b"", ""
    item: object = dataset.get_item(keyword)
    if isinstance(item, RawDataElement) and item.value:
        original = item.value[:_LONGEST].rstrip(b"\0 ")
        return original, decode_bytes(original, convert_encodings(_charsets(dataset)), set(TEXT_VR_DELIMS))
    value = dataset[keyword].value
    names = [one for one in (value if isinstance(value, MultiValue) else [value]) if isinstance(one, PersonName)]
    if not names:
        return b"", ""
    originals = [one.original_string for one in names if isinstance(one.original_string, bytes)]
    return b"\\".join(originals)[:_LONGEST], str(names[0])[:_LONGEST]


def _charsets(dataset: Dataset) -> list[str]:
    value = dataset.get("SpecificCharacterSet")
    return [str(one) for one in (value if isinstance(value, MultiValue) else [value]) if one is not None]


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
