"""Section 1: whom, when and with what; tag u8, length u16, value, closed by tag 255 (SCP 5.4)."""

import struct
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from clinic_records.clock import CHINA
from recordings.scp_ecg.record import damaged

LAST_NAME: Final = 0
FIRST_NAME: Final = 1
PATIENT_ID: Final = 2
AGE: Final = 4
BIRTH_DATE: Final = 5
HEIGHT: Final = 6
WEIGHT: Final = 7
SEX: Final = 8
ACQUIRING_DEVICE: Final = 14
ACQUIRING_INSTITUTION: Final = 16
DATE: Final = 25
TIME: Final = 26
TIME_ZONE: Final = 34
END: Final = 255

_SEX: Final = {1: "M", 2: "F", 9: "O"}
_AGE_UNITS: Final = {1: "a", 2: "mo", 3: "wk", 4: "d", 5: "h"}
_HEIGHT_UNITS: Final = {1: "cm", 2: "[in_i]", 3: "mm"}
_WEIGHT_UNITS: Final = {1: "kg", 2: "g", 3: "[lb_av]", 4: "[oz_av]"}
_DEVICE_FIXED_BYTES: Final = 36
"""Of tag 14: numbers, codes and the model before its five texts (SCP 5.4.5, tag 14)."""
_UNKNOWN_ZONE: Final = 0x7FFF


@dataclass(frozen=True, slots=True)
class Header:
    """Section 1 in our words; the dictionaries are those of `DecodedRecording`."""

    patient: dict[str, str] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    start: datetime | None = None


def read_tags(section: bytes) -> dict[int, bytes]:
    """Tag -> value; of a tag that comes twice the first.

    Raises:
        BadFrame: a value leads outside the section, or tag 255 is missing.
    """
    tags: dict[int, bytes] = {}
    at = 0
    while at < len(section):
        tag = section[at]
        if tag == END:
            return tags
        if at + 3 > len(section):
            break
        (size,) = struct.unpack_from("<H", section, at + 1)
        if at + 3 + size > len(section):
            raise damaged(f"section 1: tag {tag} says {size} bytes, the section has {len(section) - at - 3} more")
        tags.setdefault(tag, section[at + 3 : at + 3 + size])
        at += 3 + size
    raise damaged("section 1: no closing tag 255")


def text(value: bytes) -> str:
    """A text field up to its NUL: UTF-8, else GB 18030 as Chinese devices write, else Latin-1."""
    value = value.split(b"\0", 1)[0]
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding).strip()
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1").strip()


def read_header(section: bytes) -> Header:
    """Section 1.

    Raises:
        BadFrame: it is cut. A single field out of its range is left out, not refused: the curve stays readable.
    """
    tags = read_tags(section)
    names = " ".join(filter(None, (text(tags.get(tag, b"")) for tag in (LAST_NAME, FIRST_NAME))))
    patient = {
        "patient_id": text(tags.get(PATIENT_ID, b"")),
        "name": names,
        "birth_date": _iso_date(tags.get(BIRTH_DATE, b"")),
        "sex": _SEX.get(int.from_bytes(tags.get(SEX, b"")[:1]), ""),
        "age": _measure(tags.get(AGE, b""), _AGE_UNITS),
        "height": _measure(tags.get(HEIGHT, b""), _HEIGHT_UNITS),
        "weight": _measure(tags.get(WEIGHT, b""), _WEIGHT_UNITS),
    }
    start, assumed = _start(tags)
    device = _device(tags.get(ACQUIRING_DEVICE, b""))
    device["institution"] = text(tags.get(ACQUIRING_INSTITUTION, b""))
    device["time_zone"] = "assumed" if start is not None and assumed else ""
    return Header(
        {key: value for key, value in patient.items() if value},
        {key: value for key, value in device.items() if value.isprintable() and value},
        start,
    )


def _iso_date(value: bytes) -> str:
    if len(value) < 4:
        return ""
    year, month, day = struct.unpack_from("<HBB", value)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _measure(value: bytes, units: dict[int, str]) -> str:
    if len(value) < 3:
        return ""
    number, unit = struct.unpack_from("<HB", value)
    return f"{number} {units[unit]}" if number and unit in units else ""


def _start(tags: dict[int, bytes]) -> tuple[datetime | None, bool]:
    """The acquisition's instant and whether its zone was assumed."""
    day, clock, zone = tags.get(DATE, b""), tags.get(TIME, b""), tags.get(TIME_ZONE, b"")
    if len(day) < 4 or len(clock) < 3:
        return None, False
    minutes = struct.unpack_from("<h", zone)[0] if len(zone) >= 2 else _UNKNOWN_ZONE
    is_assumed = not -24 * 60 < minutes < 24 * 60
    try:
        year, month, date_ = struct.unpack_from("<HBB", day)
        tz = CHINA if is_assumed else timezone(timedelta(minutes=minutes))
        start = datetime(year, month, date_, clock[0], clock[1], clock[2], tzinfo=tz)
        return start.astimezone(UTC), is_assumed
    except (ValueError, OverflowError):
        return None, False


def _device(value: bytes) -> dict[str, str]:
    """Tag 14: model at bytes 9..14; from byte 36 the length of the first text, then five texts ended by NUL."""
    if len(value) < _DEVICE_FIXED_BYTES:
        return {}
    texts = [text(part) for part in value[_DEVICE_FIXED_BYTES:].split(b"\0")[:5]]
    texts += [""] * (5 - len(texts))
    return {
        "model": text(value[8:14]),
        "analysing_program": texts[0],
        "serial": texts[1],
        "system_software": texts[2],
        "acquisition_software": texts[3],
        "manufacturer": texts[4],
    }


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """What an encoder writes into section 1; `taken` is aware, sex is M, F, O or empty."""

    patient_id: str
    name: str
    taken: datetime
    sex: str = ""
    birth_date: date | None = None
    age_years: int | None = None
    model: str = ""
    serial: str = ""
    manufacturer: str = ""


def write_header(fields: HeaderFields) -> bytes:
    """Section 1: names, id, birth date, sex, device, date, time and zone; texts in UTF-8."""
    values = {
        LAST_NAME: _text(fields.name),
        PATIENT_ID: _text(fields.patient_id),
        SEX: bytes(({"M": 1, "F": 2, "O": 9}.get(fields.sex, 0),)),
        ACQUIRING_DEVICE: _write_device(fields),
        DATE: struct.pack("<HBB", fields.taken.year, fields.taken.month, fields.taken.day),
        TIME: bytes((fields.taken.hour, fields.taken.minute, fields.taken.second)),
    }
    if fields.age_years is not None:
        values[AGE] = struct.pack("<HB", fields.age_years, 1)
    if fields.birth_date is not None:
        born = fields.birth_date
        values[BIRTH_DATE] = struct.pack("<HBB", born.year, born.month, born.day)
    offset = fields.taken.utcoffset()
    if offset is not None:
        values[TIME_ZONE] = struct.pack("<hH", int(offset.total_seconds() // 60), 0) + b"\0"
    body = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in sorted(values.items()))
    return body + struct.pack("<BH", END, 0)


def _text(value: str) -> bytes:
    return value.encode()[:63].decode(errors="ignore").encode() + b"\0"


def _write_device(fields: HeaderFields) -> bytes:
    """Cart (0), manufacturer named by text (255), protocol 2.0, may acquire (bit 3 of the capabilities)."""
    model = fields.model.encode("ascii", "replace")[:5].ljust(6, b"\0")
    fixed = struct.pack("<HHHBB", 0, 0, 0, 0, 255) + model + bytes((20, 0xA0, 0, 0x08, 1)) + bytes(16)
    program = b"\0"
    texts = (fields.serial, "", "", fields.manufacturer)
    return fixed + bytes((len(program),)) + program + b"".join(_text(part) for part in texts)
