"""Reads a coordinator's files inside limits: `python -m cloud_hospital.schedule_desk.read_child`, an Order on stdin.

It runs as a child of the web process, because what it reads came over a network (law 12). It writes the draft and
the annotated workbook into the folder the order names. Exit codes: 0 done, 3 refused with `Refusal` on stdout.
"""

import resource
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import ClinicError, Hint
from schedules.annotate import annotate
from schedules.draft import read_draft

MEMORY: Final = 1024 * 1024 * 1024
"""Bytes of address space: a prefecture's 33,067 dated rows take less than half of it."""
CPU_S: Final = 90
"""Seconds of processor time: those rows take 9 s."""
DRAFT: Final = "draft.msgpack"
ANNOTATED: Final = "annotated.xlsx"
REFUSED: Final = 3
REGISTERS: Final = ("points", "vehicles", "staff")
"""Tables that a wall grid finds beside it. A workbook with its own needs none of an import before it, and what lay
beside it goes: a later grid is to find the newest ones.
"""


class Order(msgspec.Struct, frozen=True):
    """What to read: a file or a folder, on which days (None: those its rules speak of), for whom, and where to."""

    source: str
    days: tuple[date, date] | None
    now: datetime
    imported_by: str
    out: str


class Refusal(msgspec.Struct, frozen=True):
    """Why it was not taken."""

    said: str
    zh: str
    en: str


_TOO_MUCH: Final = Hint(
    "表太大，读不完。只留要用的工作表和行，再试一次。", "Too large to read: keep only the sheets and rows needed."
)


def main() -> int:
    """Set the limits, read, write."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _read(order)
    except MemoryError:
        return _refuse("out of memory", _TOO_MUCH)
    except ClinicError as error:
        return _refuse(str(error), error.hint)
    return 0


def _read(order: Order) -> None:
    source, out = Path(order.source), Path(order.out)
    draft, tables = read_draft(source, order.days, order.now, order.imported_by)
    annotate(source, tables, draft.findings, out / ANNOTATED)
    (out / DRAFT).write_bytes(msgspec.msgpack.encode(draft))
    if source.is_file() and all(tables[name].place.file == source.name for name in REGISTERS):
        for path in source.parent.iterdir():
            if path != source:
                path.unlink()


def _refuse(said: str, hint: Hint) -> int:
    sys.stdout.buffer.write(msgspec.json.encode(Refusal(said, hint.zh, hint.en)))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
