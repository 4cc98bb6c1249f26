"""`python -m benchmarks.conformance [--data DIR] [--page FILE]`: the table of docs/devices/CONFORMANCE.md.

Exit 0 when every file has a verdict and every difference an explanation, 1 else (also where a reader is missing: then
the page is left as it is), 3 without the files.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pydicom

from benchmarks.conformance import dicom_readers, ecg_readers
from benchmarks.conformance.ours import Verdict, verdict
from benchmarks.conformance.page import Row, explanations, page, unexplained
from benchmarks.conformance.told import Comparison, Missing, Told, Unread, compare

_REPOSITORY: Final = Path(__file__).parents[2]
_DATA: Final = _REPOSITORY.parent / "shared" / "data" / "devices"
_PAGE: Final = _REPOSITORY / "docs" / "devices" / "CONFORMANCE.md"
_NOT_DEVICE_FILES: Final = frozenset({"MANIFEST.tsv"})
_READERS: Final[dict[str, tuple[Callable[[Path], Told], int]]] = {
    "biosig": (ecg_readers.biosig, 6),
    "ecgdatakit": (ecg_readers.ecgdatakit, 9),
    "sierraecg": (ecg_readers.sierraecg, 9),
    "DCMTK": (dicom_readers.dcmtk, 9),
    "pydicom": (dicom_readers.pydicom_waveform, 9),
}
"""Name -> reader and the digits it prints."""
_OF_FORMAT: Final = {
    "scp-ecg": ("biosig", "ecgdatakit"),
    "healforce-scp": ("biosig",),
    "aecg": ("biosig", "ecgdatakit"),
    "philips-sierra": ("sierraecg", "ecgdatakit"),
    "ge-muse": ("ecgdatakit",),
    "mfer": ("ecgdatakit",),
    "dicom-waveform": ("DCMTK", "pydicom"),
    "dicom-image": ("DCMTK",),
    "dicom-report": ("DCMTK",),
    "dicom-document": ("DCMTK",),
}
"""Format -> who else reads it."""


def main() -> int:
    """Run, write the page, say what is not explained."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conformance")
    parser.add_argument("--data", type=Path, default=_DATA, help="folder of real device files")
    parser.add_argument("--page", type=Path, default=_PAGE, help="where the table goes")
    options = parser.parse_args()
    files = sorted(file for file in options.data.rglob("*") if file.is_file() and file.name not in _NOT_DEVICE_FILES)
    if not files:
        print(f"no files in {options.data}", file=sys.stderr)
        return 3
    try:
        rows = [_row(file, options.data) for file in files]
    except Missing as error:
        print(f"{error}: the page is left as it is", file=sys.stderr)
        return 1
    reasons = explanations()
    options.page.write_text(page(rows, reasons, _versions()), "utf-8")
    missing = unexplained(rows, reasons)
    decoded = sum(bool(row.verdict.recordings) for row in rows)
    comparisons = [one for row in rows for one in row.comparisons]
    print(
        f"{len(rows)} files: {decoded} decoded, {len(rows) - decoded} refused; {len(comparisons)} comparisons, "
        f"{sum(one.is_equal for one in comparisons)} equal, {len(missing)} not explained"
    )
    for line in missing:
        print(f"not explained: {line}", file=sys.stderr)
    return 1 if missing else 0


def _row(file: Path, data: Path) -> Row:
    found = verdict(file)
    readers = _OF_FORMAT.get(found.format, ())
    return Row(file.relative_to(data).as_posix(), found, tuple(_ask(name, file, found) for name in readers))


def _ask(name: str, file: Path, found: Verdict) -> Comparison:
    read, digits = _READERS[name]
    try:
        return compare(name, read(file), found.recordings[0], digits)
    except Missing:
        raise
    except Unread as error:
        return Comparison(name, "nothing", f"does not read it: {error}", is_equal=False)


def _versions() -> list[str]:
    return [
        f"biosig ({_first_line('save2gdf', '--version')})",
        f"DCMTK ({_first_line('dcm2json', '--version')})",
        f"pydicom {pydicom.__version__}",
        *(package.replace("==", " ") for package in ecg_readers.PACKAGES),
    ]


def _first_line(program: str, option: str) -> str:
    try:
        done = subprocess.run([program, option], capture_output=True, timeout=20, check=False)
    except FileNotFoundError:
        return "not installed here"
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    return next((line.strip("$ ") for line in lines if " v" in line), "unknown version")


if __name__ == "__main__":
    sys.exit(main())
