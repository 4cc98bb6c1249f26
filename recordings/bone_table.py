"""A table of heel ultrasound measurements: CSV as a densitometer's export is set to write it.

No maker's export format is public, so the columns are ours: the operator sets the device's export to them (its page
says how they must be called). The first line names the columns; `T-score` and one of `SOS (m/s)` and `BUA (dB/MHz)`
must be among them, units in the name, because a number without its unit is refused (law 10). Columns nobody knows are
left. The last line has its end like every other, so that a file cut in its last number is seen to be.
Quantities: LOINC 100225-2's description of quantitative ultrasound.
"""

import csv
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.signal import DecodedRecording

LARGEST: Final = 1 << 20
"""Bytes: a year of a device's measurements is less."""
MOST_ROWS: Final = 5000
_MARK: Final = "T-score"
_MEASURES: Final[Mapping[str, tuple[str, str]]] = {
    "SOS (m/s)": ("local:bone-speed-of-sound", "m/s"),
    "BUA (dB/MHz)": ("local:bone-attenuation", "dB/MHz"),
    "T-score": ("local:bone-t-score", "1"),
    "Z-score": ("local:bone-z-score", "1"),
}
"""Column -> code and unit."""
_PERSON: Final[Mapping[str, str]] = {"Patient ID": "patient_id", "Name": "name"}
_TIME: Final = "Time"
_NUMBER: Final = re.compile(r"[+-]?\d{1,5}(?:\.\d{1,4})?")
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


def looks_like_bone_table(raw: bytes) -> bool:
    """Whether the first line names our columns."""
    header = raw[:1024].removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
    names = {name.strip().strip(b'"') for name in header[0].split(b",")} if header else set()
    return _MARK.encode() in names and bool(names & {b"SOS (m/s)", b"BUA (dB/MHz)"})


def decode_bone_table(raw: bytes) -> tuple[DecodedRecording, ...]:
    """One recording for each row; more than one row is an export of the device's memory.

    Raises:
        RefusedInput: too large, or no measurement in it.
        BadFrame: cut, not text, a row of another length, or a value that is no number.
    """
    if len(raw) > LARGEST:
        raise RefusedInput(f"{len(raw)} bytes are more than a bone densitometer's table has ({LARGEST})")
    if not raw.endswith(b"\n"):
        raise BadFrame("bone densitometer's table: cut, its last line has no end")
    try:
        rows = [row for row in csv.reader(_text(raw).splitlines(), strict=True) if any(map(str.strip, row))]
    except csv.Error as error:
        raise BadFrame(f"bone densitometer's table: {error}") from error
    if not 2 <= len(rows) <= MOST_ROWS + 1:
        raise RefusedInput(f"bone densitometer's table: {max(0, len(rows) - 1)} measurements, not 1 to {MOST_ROWS}")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        raise BadFrame("bone densitometer's table: a column stands twice")
    if any(len(row) != len(names) for row in rows):
        raise BadFrame("bone densitometer's table: a row has more or fewer cells than there are columns")
    return tuple(_recording(dict(zip(names, row, strict=True)), from_memory=len(rows) > 2) for row in rows[1:])


def _recording(cells: Mapping[str, str], *, from_memory: bool) -> DecodedRecording:
    patient = {field: cells[name].strip() for name, field in _PERSON.items() if cells.get(name, "").strip()}
    return DecodedRecording(
        "bone-table",
        patient=patient,
        start=_time(cells.get(_TIME, "").strip()),
        numerics=tuple(_numeric(name, cells[name].strip()) for name in _MEASURES if name in cells),
        modality="bone-density",
        from_memory=from_memory,
    )


def _numeric(name: str, value: str) -> Numeric:
    key, unit = _MEASURES[name]
    if not value:
        return Numeric(BY_KEY[key].as_code(), absent=AbsentReason.NOT_PERFORMED)
    if not _NUMBER.fullmatch(value):
        raise BadFrame(f"bone densitometer's table: {name} is no number")
    return Numeric(BY_KEY[key].as_code(), quantity(value, unit))


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        raise BadFrame("bone densitometer's table: Time is not YYYY-MM-DD hh:mm:ss") from None


def _text(raw: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFrame("bone densitometer's table: neither UTF-8 nor GB18030 text")
