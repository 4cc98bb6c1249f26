"""Independent readers of ECG files: biosig (C), sierraecg and ecgdatakit (Python, in an environment of their own)."""

import csv
import shutil
import subprocess
import sys
import tempfile
import venv
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.conformance.told import Missing, Told, Unread

PACKAGES: Final = ("sierraecg==0.4.0", "ecgdatakit==2.0.3")
"""Never a dependency of the product: they are installed beside it, only to compare."""
_PROLOG: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_SIERRA: Final = """
import sys, numpy, sierraecg
file = sierraecg.read_file(sys.argv[1])
numpy.savez(sys.argv[2], **{f"{lead.label}|step": lead.samples for lead in file.leads})
"""
_ECGDATAKIT: Final = """
import sys, warnings, numpy
from ecgdatakit import FileParser
warnings.simplefilter("ignore")
leads = FileParser().parse(sys.argv[1]).leads
numpy.savez(sys.argv[2], **{f"{lead.label}|{lead.units}": lead.samples for lead in leads})
"""
_STEP_UV: Final = 5.0
"""Philips: the `resolution` of every file seen; sierraecg gives steps."""


def biosig(file: Path) -> Told:
    """`save2gdf -CSV`; six digits. An aECG without an XML declaration gets one first, biosig knows it only so."""
    program = shutil.which("save2gdf")
    if program is None:
        raise Missing("biosig (save2gdf) is not installed here; as root: make system-packages")
    raw = file.read_bytes()
    if file.suffix == ".xml" and not raw.lstrip().startswith(b"<?xml"):
        raw = _PROLOG + raw
    with tempfile.TemporaryDirectory() as folder:
        copy, table = Path(folder, "in" + file.suffix.lower()), Path(folder, "out.csv")
        copy.write_bytes(raw)
        done = subprocess.run([program, "-CSV", copy, table], capture_output=True, timeout=120, check=False)
        if not table.is_file():
            said = [
                line for line in (done.stdout + done.stderr).decode("utf-8", "replace").splitlines() if "ERROR" in line
            ]
            raise Unread(said[0] if said else "it writes no table")
        rows = list(csv.reader(table.read_text("utf-8", "replace").splitlines()))
    values = np.array([[float(cell or "nan") for cell in row] for row in rows[1:]])
    names = [heading.removesuffix("]").split(" [") for heading in rows[0]]
    return Told({name: (unit, values[:, column]) for column, (name, unit) in enumerate(names)})


def sierraecg(file: Path) -> Told:
    """Steps of 5 uV."""
    return Told({name: ("uV", steps * _STEP_UV) for (name, _), steps in _elsewhere(_SIERRA, file).items()})


def ecgdatakit(file: Path) -> Told:
    """Leads in the unit it names."""
    return Told({name: (unit, samples) for (name, unit), samples in _elsewhere(_ECGDATAKIT, file).items()})


def _elsewhere(script: str, file: Path) -> dict[tuple[str, str], "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out.npz")
        done = subprocess.run([python(), "-c", script, file, target], capture_output=True, timeout=120, check=False)
        if done.returncode:
            raise Unread(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1][-120:])
        with np.load(target) as arrays:
            return {(key.split("|")[0], key.split("|")[1]): arrays[key].astype(np.float64) for key in arrays}


@cache
def python() -> Path:
    """The interpreter of the readers' own environment, made on first use."""
    root = Path(tempfile.gettempdir(), f"ecg-readers-{sys.version_info.major}{sys.version_info.minor}")
    python = root / "bin" / "python"
    if not (root / "complete").is_file():
        try:
            venv.create(root, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"no environment for {', '.join(PACKAGES)}: {error}") from error
        done = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, check=False)
        if done.returncode:
            raise Missing(f"{', '.join(PACKAGES)} could not be installed by pip")
        (root / "complete").touch()
    return python
