"""MFER's value types: numbers with unit and power of ten, data types, lead codes, character sets, times.

Tables of ISO 22077-1 as MFER Part 1 v1.05 numbers them: data types 5-6, units 5-4, lead codes 5-17 (Part 3-2 adds those
of long-term ECG), character sets 5-34.
"""

import struct
from datetime import UTC, datetime
from typing import Final, Literal

from clinic_records.clock import CHINA
from recordings.mfer.tlv import damaged
from recordings.scp_ecg.leads import NAMES

ByteOrder = Literal["little", "big"]

DATA_TYPES: Final = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 4: "u2", 5: "i1", 6: "u4", 7: "f4", 8: "f8"}
"""MWF_DTP -> numpy type; 9 is AHA compression, which is not read."""
LONG_TERM_ECG: Final = 2
"""MWF_WFM of a Holter recording (table 5-14); 1 is a standard 12-lead ECG."""
UNITS: Final = {
    0: ("uV", 1e6), 1: ("mm[Hg]", 1.0), 2: ("Pa", 1.0), 3: ("cm[H2O]", 1.0), 7: ("%", 1.0), 8: ("Cel", 1.0),
    9: ("/min", 1.0), 10: ("/s", 1.0), 11: ("Ohm", 1.0), 12: ("A", 1.0), 19: ("L", 1.0), 20: ("L/s", 1.0),
    21: ("L/min", 1.0),
}  # fmt: skip
"""MWF_SEN unit code -> UCUM unit we give and factor to it."""
LEADS: Final = NAMES | {
    31: "NASA", 32: "CB4", 33: "CB5", 34: "CB6", 143: "blood pressure", 160: "impedance respiration", 175: "SpO2",
    4160: "status", 4161: "body position", 4162: "body motion", 4163: "respiration", 4166: "ECG1", 4167: "ECG2",
    4168: "ECG3", 4169: "ECG4",
}  # fmt: skip
"""MWF_LDN lead code -> name; 1 to 72 are SCP's numbers."""
_CHARSETS: Final = (
    ("UTF-8", "utf-8"), ("UTF8", "utf-8"), ("GB", "gb18030"), ("JIS X 0201", "shift_jis"),
    ("ISO 2022", "iso2022_jp"), ("ISO-2022-JP", "iso2022_jp"), ("RFC 1468", "iso2022_jp"),
)  # fmt: skip
"""MWF_TXC begins with -> codec; without one the text is UTF-8, else GB 18030, else Latin-1."""
_MAX_EXPONENT: Final = 18


def whole(value: bytes, order: ByteOrder, tag: int) -> int:
    """An unsigned number of at most four bytes."""
    if not 1 <= len(value) <= 4:
        raise damaged(f"tag {tag:02X}: a number of {len(value)} bytes")
    return int.from_bytes(value, order)


def scaled(value: bytes, order: ByteOrder, tag: int) -> tuple[int, float]:
    """MWF_IVL and MWF_SEN: unit code, and mantissa x 10 ^ exponent."""
    if not 3 <= len(value) <= 6:
        raise damaged(f"tag {tag:02X}: {len(value)} bytes, not unit, exponent and mantissa")
    exponent = int.from_bytes(value[1:2], "big", signed=True)
    mantissa = int.from_bytes(value[2:], order, signed=True)
    if abs(exponent) > _MAX_EXPONENT or not mantissa:
        raise damaged(f"tag {tag:02X}: {mantissa} x 10^{exponent}")
    # divided, so that 2 x 10^-3 is 0.002 to the last digit
    number = mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent
    return value[0], number


def text(value: bytes, charset: str) -> str:
    """A text field."""
    field = value.split(b"\0", 1)[0]
    known = next((codec for begins, codec in _CHARSETS if charset.upper().startswith(begins)), None)
    for codec in (known,) if known else ("utf-8", "gb18030"):
        try:
            return field.decode(codec).strip()[:256]
        except UnicodeDecodeError:
            continue
    return field.decode("latin-1").strip()[:256]


def lead(value: bytes, order: ByteOrder, charset: str) -> str:
    """MWF_LDN: a code of one or two bytes, with more bytes the device's own words for it."""
    code = int.from_bytes(value[:2], order)
    if len(value) > 2 and code not in LEADS:
        return text(value, charset) or f"lead {code}"
    return LEADS.get(code) or text(value[2:], charset) or f"lead {code}"


def moment(value: bytes, order: ByteOrder) -> datetime | None:
    """MWF_TIM: year u16, month, day, hour, minute, second, then milli- and microseconds u16; no zone."""
    if len(value) < 7:
        return None
    year = int.from_bytes(value[:2], order)
    try:
        return datetime(year, value[2], value[3], value[4], value[5], value[6], tzinfo=CHINA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age(value: bytes, order: ByteOrder) -> tuple[str, str]:
    """MWF_AGE: years u8, days u16, then birth year u16, month and day; the age and the birth date (ISO)."""
    if len(value) != 7:
        return "", ""
    years = value[0]
    year, month, day = int.from_bytes(value[3:5], order), value[5], value[6]
    try:
        born = datetime(year, month, day, tzinfo=UTC).date().isoformat()
    except (ValueError, OverflowError):
        born = ""
    return (f"{years} a" if 0 < years < 255 else ""), born


def number_as(value: bytes, data_type: int, order: ByteOrder, tag: int) -> float:
    """MWF_OFF and MWF_NUL: one number of the samples' own type."""
    form = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "f4": "f", "f8": "d"}
    coded = struct.Struct(("<" if order == "little" else ">") + form[DATA_TYPES[data_type]])
    if len(value) != coded.size:
        raise damaged(f"tag {tag:02X}: {len(value)} bytes for a number of {coded.size}")
    (number,) = coded.unpack(value)
    return float(number)
