"""HL7 v2 messages as bytes: for simulators and tests.

A field is plain text, a tuple of components, or a list of repetitions.
"""

from collections.abc import Iterable
from typing import Final

_MARKS: Final = (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R"))
Field = str | tuple[str, ...] | list[str]


def escaped(text: str) -> str:
    r"""The text with the standard's delimiters escaped (HL7 v2.5.1 section 2.7): `5^6` is `5\S\6`."""
    for mark, code in _MARKS:
        text = text.replace(mark, f"\x1d{code}\x1d")
    return text.replace("\x1d", "\\").replace("\n", "\\.br\\")


def segment(name: str, *fields: Field) -> str:
    """One segment, without empty fields at its end."""
    return "|".join((name, *map(_written, fields))).rstrip("|")


def message(header: Iterable[Field], segments: Iterable[str], codec: str = "utf-8") -> bytes:
    """A whole message with the standard's delimiters; `header` is MSH from MSH-3 on."""
    msh = segment("MSH", *header).replace("MSH|", "MSH|^~\\&|", 1)
    return "".join(f"{line}\r" for line in (msh, *segments)).encode(codec)


def _written(field: Field) -> str:
    if isinstance(field, str):
        return escaped(field)
    return ("~" if isinstance(field, list) else "^").join(map(escaped, field))
