"""Files that come over the pages: kept aside, read in a limited child, and taken only where they can be read at all."""

import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from clinic_records.errors import Hint, RefusedInput
from clinic_records.people import Author
from cloud_hospital.processes.leash import leashed
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.schedule_desk.read_child import ANNOTATED, DRAFT, Order, Refusal
from schedules.folder import Draft
from schedules.load.csv_folder import SUFFIXES
from schedules.load.source import WORKBOOKS
from schedules.load.zip_limits import FILE_LIMIT

MOST_FILES: Final = 12
"""Nine tables, a wall grid, a dated list, and one over."""
READ_S: Final = 180.0
"""Longest time for one child, waiting for the processor included."""
OLD_S: Final = 3600.0
"""Seconds after which what a killed process left aside is swept away."""
_CHUNK: Final = 1 << 20

_one_at_a_time = threading.BoundedSemaphore(1)


class Given(NamedTuple):
    """One file as a browser sends it."""

    name: str
    file: BinaryIO


_NAMES: Final = Hint(
    "选 Excel 工作簿（.xlsx）或 CSV 文件。别的格式请先在 Excel 里另存为 .xlsx。",
    "Choose an Excel workbook (.xlsx) or CSV files; save other formats as .xlsx first.",
)
_SIZE: Final = Hint(
    f"文件超过 {FILE_LIMIT >> 20} MB，没有收。只留要用的工作表再试。",
    f"The file is larger than {FILE_LIMIT >> 20} MB and was not taken. Keep only the sheets needed.",
)
_SLOW: Final = Hint(
    "表太大，读不完，没有收。只留要用的行再试。", "Too large to read; nothing was taken. Keep only the rows needed."
)
_TWICE: Final = Hint("有两个文件同名，只选一个。", "Two files have one name: choose one of them.")
_EMPTY: Final = Hint("先选文件。", "Choose a file first.")


def take(desk: ScheduleDesk, files: Sequence[Given], days: tuple[date, date] | None, by: Author) -> Draft:
    """Make the files the draft, errors and all.

    Raises:
        RefusedInput: they cannot be read at all; the draft before them stays and nothing of them is kept.
    """
    with _one_at_a_time:  # also the folders: of two imports at once neither sweeps the other's away
        return _take(desk, files, days, by)


def _take(desk: ScheduleDesk, files: Sequence[Given], days: tuple[date, date] | None, by: Author) -> Draft:
    name = secrets.token_hex(8)
    root = desk.folder.source
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(root, desk)
    aside = root / f".{name}"
    aside.mkdir(mode=0o700)
    try:
        source = _keep(files, aside)
        if source.is_file():
            _lay_beside(desk, aside)
        draft = _read(desk, source, aside, days, by)
        (aside / DRAFT).unlink()
        aside.rename(root / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    draft = desk.replace(msgspec.structs.replace(draft, files=name))
    for other in root.iterdir():
        if not other.name.startswith(".") and other.name != name:
            shutil.rmtree(other, ignore_errors=True)
    return draft


def annotated(desk: ScheduleDesk, draft: Draft) -> Path | None:
    """The workbook with its comments; None where the draft came by the command line."""
    path = desk.folder.source / draft.files / ANNOTATED
    return path if draft.files and path.is_file() else None


def _safe(name: str) -> str:
    """A name for a file of ours: no folders, nothing hidden, no control signs."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f:*?\"<>|]", "_", last).strip(". ")[-80:]


def _keep(files: Sequence[Given], aside: Path) -> Path:
    """Write them down; the path to read: the one file, or the folder of several."""
    if not files:
        raise RefusedInput("no file was chosen", hint=_EMPTY)
    if len(files) > MOST_FILES:
        raise RefusedInput(f"{len(files)} files; at most {MOST_FILES}", hint=_NAMES)
    folder = aside / "files"
    folder.mkdir(mode=0o700)
    for one in files:
        name = _safe(one.name)
        if Path(name).suffix.lower() not in (*WORKBOOKS, *SUFFIXES):
            raise RefusedInput(f"{name}: neither a workbook nor CSV", hint=_NAMES)
        if (folder / name).exists():
            raise RefusedInput(f"two files are named {name}", hint=_TWICE)
        written = 0
        with (folder / name).open("xb") as out:
            while piece := one.file.read(_CHUNK):
                written += len(piece)
                if written > FILE_LIMIT:
                    raise RefusedInput(f"{name}: more than {FILE_LIMIT >> 20} MB", hint=_SIZE)
                out.write(piece)
    return folder / _safe(files[0].name) if len(files) == 1 else folder


def _lay_beside(desk: ScheduleDesk, aside: Path) -> None:
    """A wall grid or dated list alone finds points, vehicles and people in the files of the draft before it."""
    before = desk.draft()
    if before is None or not before.files:
        return
    for path in (desk.folder.source / before.files / "files").glob("*"):
        target = aside / "files" / path.name
        if not target.exists():
            shutil.copyfile(path, target)


def _read(desk: ScheduleDesk, source: Path, aside: Path, days: tuple[date, date] | None, by: Author) -> Draft:
    order = Order(str(source), days, desk.hospital.now(), by.name, str(aside))
    child = leashed([sys.executable, "-m", "cloud_hospital.schedule_desk.read_child"])
    try:
        done = subprocess.run(  # noqa: S603  # our own
            child, input=msgspec.json.encode(order), capture_output=True, timeout=READ_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RefusedInput(f"reading took longer than {READ_S:g} s", hint=_SLOW) from None
    if done.returncode != 0:
        raise _refusal(done)
    return msgspec.msgpack.decode((aside / DRAFT).read_bytes(), type=Draft)


def _refusal(done: "subprocess.CompletedProcess[bytes]") -> RefusedInput:
    try:
        told = msgspec.json.decode(done.stdout, type=Refusal)
    except msgspec.DecodeError:
        return RefusedInput(f"reading ended with {done.returncode}", hint=_SLOW)
    return RefusedInput(told.said, hint=Hint(told.zh, told.en))


def _sweep(root: Path, desk: ScheduleDesk) -> None:
    now = desk.hospital.now().timestamp()
    for path in root.glob(".*"):
        with suppress(OSError):
            if now - path.stat().st_mtime > OLD_S:
                shutil.rmtree(path)
