"""County rows as CSV (RFC 4180, UTF-8, a header row) or NDJSON, and the statement in words."""

import csv
from collections.abc import Iterable
from typing import Final, TextIO

import msgspec

from cloud_hospital.feed.completeness import VehicleStatement
from cloud_hospital.feed.county import COLUMNS, CountyNumber, CountyRow

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which spreadsheet programs take a text for a formula (OWASP, CSV injection)."""


def write_csv(rows: Iterable[CountyRow], out: TextIO, *, with_header: bool) -> None:
    """One line a row; several numbers or hashes stand in one cell as `FEV1=2.61 L; ...`."""
    writer = csv.writer(out, lineterminator="\r\n")
    if with_header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])


def write_ndjson(rows: Iterable[CountyRow], out: TextIO) -> None:
    """One JSON object a line, each with `"type":"row"`."""
    out.writelines(msgspec.json.encode({"type": "row", **msgspec.structs.asdict(row)}).decode() + "\n" for row in rows)


def statement_line(statement: Iterable[VehicleStatement], cursor: str) -> str:
    """The last line of NDJSON: what is missing, and the cursor of the next pull."""
    said = {"type": "statement", "next": cursor, "vehicles": list(statement)}
    return msgspec.json.encode(said).decode()


def statement_words(said: VehicleStatement) -> str:
    """One vehicle's statement for a person, Chinese first."""
    contact = said.last_contact or "从未 never"
    if said.is_complete:
        return f"{said.vehicle}  齐 complete  最后联系 last contact {contact}"
    root = {True: "对 true", False: "不对，请人查 WRONG, a person must look", None: "未知 unknown"}[said.is_root_true]
    outstanding = "未知 unknown" if said.encounters_outstanding is None else str(said.encounters_outstanding)
    return (
        f"{said.vehicle}  不齐 INCOMPLETE  最后联系 last contact {contact}  最高序号 high water {said.high_water}"
        f"  缺号 missing numbers {said.missing_seqs}  未到诊次 encounters outstanding {outstanding}"
        f"  缺原始数据 blobs missing {said.blobs_missing}  缺居民 patients missing {said.patients_missing}"
        f"  暂存 held {said.held}  收车 day closed {'是 yes' if said.is_day_closed else '否 no'}"
        f"  校验 root {root}"
    )


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, tuple):
        return "; ".join(_number(each) if isinstance(each, CountyNumber) else str(each) for each in value)
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else value


def _number(number: CountyNumber) -> str:
    context = f" ({', '.join(f'{key} {value}' for key, value in sorted(number.context.items()))})"
    said = f"{number.value} {number.unit}".rstrip() if number.value else number.absent
    return f"{number.display}={said}{context if number.context else ''}"
