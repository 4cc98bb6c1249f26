"""One result record (R) -> a number, a word, or the reason why there is neither (E1394-97, section 9).

A number is one only with a unit we know and of the kind its test is kept in; everything else stays as the device wrote
it. A test that could not be done never becomes 0 (hazard H07).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Code, Numeric
from recordings.astm.analyser import LONGEST_CODE, Analyser
from recordings.astm.message import Record

LONGEST_WORD: Final = 120
NO_UNIT: Final = "values without a unit we know (the device wrote {!r}), kept as words"
_NUMBER: Final = re.compile(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)
_NOTHING: Final = re.compile(r"[-*]{2,}")
"""What analysers print where they have no value: `-----`, `****`."""
_PENDING: Final[Mapping[str, str]] = {"I": "pending in the instrument", "N": "needs information to be run"}
"""R-9 (section 9.9) under which no result may be taken."""
STATUS_WORDS: Final[Mapping[str, str]] = {
    "C": "corrected",
    "P": "preliminary",
    "S": "partial",
    "R": "sent before",
    "W": "validity is questionable",
}
"""R-9 that a reader must know; final (F, V, Q, empty) goes without saying."""
_BEYOND: Final = frozenset({"<", ">"})
"""R-7 (section 9.7): below or above the instrument's scale, so the value is a limit and no measurement."""


def name_of(record: Record) -> str:
    """The test's name: the first of the manufacturer's components of R-3 (section 9.3), else of the universal ones."""
    parts = record.parts(3)
    return next((part for part in (*parts[3:], *parts[:3]) if part), "")[:LONGEST_CODE]


def read_result(record: Record, analyser: Analyser) -> tuple[Numeric | None, str]:
    """(what the record says, a note); the first is None where it says nothing yet, the second mostly empty."""
    name, status = name_of(record), record.text(9)[:1].upper()
    if name.startswith(analyser.pictures):
        return None, ""
    written = " ".join(part for part in record.parts(4) if part)[:LONGEST_WORD]
    unit_written = record.text(5)[:LONGEST_WORD]
    unit = analyser.unit(unit_written)
    if status in _PENDING:
        return None, f"{name}: {_PENDING[status]}"
    row = analyser.observation(name, unit)
    code = row.as_code() if row else Code("local", f"astm:{name}", name)
    context = _context(record, status)
    if status == "X" or _NOTHING.fullmatch(written):
        return Numeric(code, absent=AbsentReason.ERROR, context=context), ""
    if not written:
        flag = context.get("flag", "")
        return (None, f"{name}: {flag}") if flag else (Numeric(code, absent=AbsentReason.NOT_PERFORMED), "")
    beyond = "".join(flag for flag in _BEYOND if flag == record.text(7))
    if _NUMBER.fullmatch(written) and unit and not beyond:
        return Numeric(code, Quantity(Decimal(written), unit), context=context), ""
    is_bare = _NUMBER.fullmatch(written) is not None and not unit and (row is None or row.unit != "")
    said = f"{beyond}{written} {'' if is_bare else unit_written}".strip()
    return Numeric(code, context=context, text=said), (NO_UNIT.format(unit_written) if is_bare else "")


def _context(record: Record, status: str) -> dict[str, str]:
    flag = record.text(7)
    told = {
        "flag": "" if flag == "N" else flag,
        "reference": record.parts(6)[0],
        "status": STATUS_WORDS.get(status, ""),
    }
    return {key: words[:LONGEST_WORD] for key, words in told.items() if words}
