"""SCP records against biosig, an independent reader in C: what it reads from a file is what we read and wrote."""

import csv
import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from clinic_records.clock import CHINA
from recordings.arrays import FloatArray
from recordings.scp_ecg.decode import decode_scp
from recordings.scp_ecg.encode import EcgForScp, encode_scp
from recordings.scp_ecg.leads import NUMBERS
from recordings.scp_ecg.tags import HeaderFields

pytestmark = pytest.mark.peer

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)


def biosig_table(program: str, record: Path) -> dict[str, FloatArray]:
    """Column `name [unit]` -> values, as biosig writes them to CSV."""
    target = record.with_suffix(".csv")
    subprocess.run([program, "-CSV", record, target], check=True, capture_output=True, timeout=60)
    rows = list(csv.reader(target.read_text().splitlines()))
    values = np.array([[float(cell) for cell in row] for row in rows[1:]])
    return {name: values[:, column] for column, name in enumerate(rows[0])}


def biosig_header(program: str, record: Path) -> dict[str, object]:
    """biosig's JSON; what it prints before the opening brace is left out."""
    done = subprocess.run([program, "-JSON", record], check=True, capture_output=True, timeout=60)
    out = done.stdout.decode("utf-8", "replace")
    header = json.loads(out[out.index("{") :])
    assert isinstance(header, dict)
    return header


def compare(program: str, record: Path) -> None:
    ours = {f"{s.name} [{s.unit}]": s.samples for s in decode_scp(record.read_bytes()).signals}
    theirs = biosig_table(program, record)
    assert set(theirs) <= set(ours)
    for name, values in theirs.items():
        # biosig prints six digits
        np.testing.assert_allclose(ours[name], values, rtol=1e-5, atol=1e-9)


def test_real_record(need_program: Callable[[str], str], shared_data: Path, tmp_path: Path) -> None:
    """Section 5 with Huffman codes and second differences, from another program's hand: all twelve leads."""
    record = tmp_path / "example.scp"
    record.write_bytes((shared_data / "devices/scp/ECGToolkit__Example.scp").read_bytes())
    program = need_program("save2gdf")
    assert len(biosig_table(program, record)) == 12
    compare(program, record)


@pytest.mark.parametrize("is_compressed", [True, False])
@pytest.mark.parametrize("names", [("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), tuple(list(NUMBERS)[1:13])])
def test_record_we_wrote(
    need_program: Callable[[str], str], tmp_path: Path, is_compressed: bool, names: tuple[str, ...]
) -> None:
    program = need_program("save2gdf")
    noise = np.random.default_rng(7)
    leads = {name: np.cumsum(noise.normal(0, 12, 2500)) for name in names}
    header = HeaderFields("P-17", "Wang", TAKEN, sex="F", model="EC12", manufacturer="Made")
    record = tmp_path / "made.scp"
    record.write_bytes(encode_scp(EcgForScp(header, leads, 500, 2500, is_compressed, heart_rate=70)))
    compare(program, record)
    theirs = biosig_table(program, record)
    for name, sent in leads.items():
        assert np.abs(theirs[f"{name} [uV]"] - sent).max() <= 1.26
    told = biosig_header(program, record)
    assert (told["TYPE"], told["NumberOfChannels"], told["Samplingrate"]) == ("SCP", len(names), 500.0)
    assert told["Patient"] == {"Id": "P-17", "Gender": "Female"}
    start = str(told["StartOfRecording"])
    # biosig keeps the time as a fraction of a day and prints some microseconds less
    moved = datetime.fromisoformat(start).replace(tzinfo=CHINA) - TAKEN
    assert abs(moved.total_seconds()) < 0.01
