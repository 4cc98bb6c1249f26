"""A POCT1-A message: an XML element named after its kind (`OBS.R01`), values in attribute V (POCT1-A2, annex B).

Names are the standard's. Reading is bounded by `recordings.xml_tree`; entities and document types are refused there.
"""

import re
from datetime import datetime
from typing import Final
from xml.sax.saxutils import quoteattr

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from recordings.xml_tree import Element, parse, root_name

MAX_BYTES: Final = 1 << 20
"""Devices announce at most a few tens of kilobytes (DSC.max_message_sz)."""
KIND: Final = re.compile(r"[A-Z]{3}\.R\d\d")
OBSERVATIONS: Final = frozenset({"OBS.R01", "OBS.R02"})
"""Messages with results: of a patient, and of a control or calibration."""


def looks_like_poct1a(raw: bytes) -> bool:
    """Whether it is XML whose root is named like a message of the standard."""
    return KIND.fullmatch(root_name(raw)) is not None


def read_message(raw: bytes) -> Element:
    """The message.

    Raises:
        BadFrame: too large, not well-formed, or no message of this standard.
    """
    if len(raw) > MAX_BYTES:
        raise BadFrame(f"POCT1-A message: {len(raw)} bytes, more than {MAX_BYTES}")
    root = parse(raw.strip(b"\x00\r\n\t "))
    if not KIND.fullmatch(root.tag):
        raise BadFrame(f"POCT1-A message: {root.tag[:40]!r} is no kind of message")
    return root


def value(element: Element | None, *path: str) -> str:
    """V of the element down this path, or the text that some devices write instead; empty where there is none."""
    found = element.find(*path) if element is not None else None
    if found is None:
        return ""
    return (found.attributes.get("V", "") or found.text).strip()


def moment(written: str) -> tuple[datetime, bool] | None:
    """(aware instant, whether its zone was stated; else China's is taken) of a TS; None where it is no time."""
    try:
        found = datetime.fromisoformat(written)
        aware = found if found.tzinfo else found.replace(tzinfo=CHINA)
        aware.astimezone(CHINA)  # or it lies beyond what a datetime holds
    except (ValueError, OverflowError):
        return None
    return (aware, found.tzinfo is not None) if "T" in written else None


def write_message(kind: str, control_id: str, now: datetime, body: str = "") -> bytes:
    """A message of ours: header and `body`, elements made by `element`."""
    header = (
        element("HDR.message_type", kind)
        + element("HDR.control_id", control_id)
        + element("HDR.version_id", "POCT1")
        + element("HDR.creation_dttm", stamp(now))
    )
    return f"<{kind}><HDR>{header}</HDR>{body}</{kind}>\r\n".encode()


def element(name: str, content: str, **attributes: str) -> str:
    """`<name V="content" .../>`."""
    more = "".join(f" {key}={quoteattr(text)}" for key, text in attributes.items())
    return f"<{name} V={quoteattr(content)}{more}/>"


def stamp(now: datetime) -> str:
    """A TS in China's wall time with its zone."""
    return now.astimezone(CHINA).isoformat(timespec="seconds")
