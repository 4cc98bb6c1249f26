"""GDT records as bytes: for simulators and tests."""

from collections.abc import Iterable
from typing import Final

from clinic_records.errors import RefusedInput

_OVERHEAD: Final = 9


def encode_record(kind: str, fields: Iterable[tuple[str, str]], codec: str = "cp437") -> bytes:
    """One record with 8000 and 8100 before its fields; every length is right in `codec`.

    Raises:
        RefusedInput: a content that one line cannot hold.
    """
    body = b"".join(_line(name, content, codec) for name, content in fields)
    head = _line("8000", kind, codec)
    size = len(head) + len(_line("8100", "0" * 6, codec)) + len(body)
    return head + _line("8100", f"{size:06d}", codec) + body


def _line(name: str, content: str, codec: str) -> bytes:
    try:
        raw = content.encode(codec)
    except UnicodeEncodeError:
        raise RefusedInput(f"field {name}: {content[:20]!r} cannot be written in {codec}") from None
    if len(raw) + _OVERHEAD > 999 or b"\r" in raw or b"\n" in raw:
        raise RefusedInput(f"field {name}: {len(raw)} bytes or several lines do not fit one line")
    return f"{len(raw) + _OVERHEAD:03d}{name}".encode("ascii") + raw + b"\r\n"
