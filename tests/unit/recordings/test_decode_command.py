"""`decode`: sniffing, plain data, rows, and the command with its exit codes."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.reading import Image, Waveform
from commands.device_decode import decode_command
from recordings.decode import MAX_BYTES, decode
from recordings.describe import content, subject
from recordings.export import as_data, table
from recordings.signal import DecodedRecording, Signal

app = typer.Typer()
app.command("decode")(decode_command)


def run(*arguments: str | Path) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    return result.exit_code, result.stdout, result.exception


def test_json_and_csv_of_one_file_agree(tmp_path: Path, small_scp: bytes) -> None:
    file = tmp_path / "a.scp"
    file.write_bytes(small_scp)
    code, out, _ = run(file, "--json")
    data = json.loads(out)
    assert code == 0
    assert set(data) == {"format", "modality", "patient", "device", "start", "channels", "numerics", "notes"}
    assert data["start"] == "2026-11-23T01:41:07+00:00"
    assert data["patient"]["name"] == "王秀英"
    assert {"name", "unit", "sampling_hz", "samples", "values"} <= set(data["channels"][0])
    assert {"system": "loinc", "code": "8867-4", "value": 75.0, "unit": "/min"}.items() <= data["numerics"][1].items()
    code, out, _ = run(file, "--csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert code == 0
    assert rows[0] == [f"{c['name']} [{c['unit']}]" for c in data["channels"]]
    assert len(rows) == 1 + 1000
    assert [float(row[1]) for row in rows[1:]] == data["channels"][1]["values"]


def test_picture_has_sizes_and_no_rows(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "devices/dicom_us/US-PAL-8-10x-echo.dcm"
    code, out, _ = run(file, "--json")
    data = json.loads(out)
    assert (code, data["rows"], data["columns"], data["frames"]) == (0, 430, 600, 10)
    _, out, error = run(file, "--csv")
    assert isinstance(error, RefusedInput)
    assert (out, str(file) in str(error), "--json" in str(error)) == ("", True, True)


def test_scp_by_name_alone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "62.SCP"
    file.write_bytes(bytes(range(64)))
    _, out, error = run(file, "--json")
    assert isinstance(error, BadFrame)
    assert (out, error.exit_code) == ("", 3)
    assert "62.SCP" in str(error)
    assert "section 0" in str(error)
    assert "DICOM" in error.hint.zh


def test_damaged_file_is_refused_naming_file_and_section(tmp_path: Path, small_scp: bytes) -> None:
    file = tmp_path / "cut.scp"
    file.write_bytes(small_scp[:-9])
    _, _, error = run(file, "--json")
    assert isinstance(error, BadFrame)
    assert "cut.scp: SCP-ECG: record header: length" in str(error)


def test_no_quarantine_is_promised_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    with file.open("wb") as target:
        target.truncate(MAX_BYTES + 1)
    _, _, error = run(file, "--json")
    assert isinstance(error, RefusedInput)
    assert "quarantine" not in error.hint.en


@pytest.mark.parametrize("options", [[], ["--json", "--csv"]])
def test_exactly_one_form_is_asked_for(tmp_path: Path, options: list[str]) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    assert run(file, *options)[0] == 2


def test_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    assert run(tmp_path / "none.scp", "--json")[0] == 2


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_noise_raises_only_our_errors(noise: bytes) -> None:
    for raw in (noise, bytes(128) + b"DICM" + noise, b"\xe1" + noise):
        with suppress(ClinicError):
            decode(raw)


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(
        RefusedInput, match="not a format this version reads: bytes of unknown kind, 5 bytes"
    ) as refused:
        decode(b"hello", "x.bin")
    assert "scp-ecg" in refused.value.hint.en


@pytest.mark.parametrize(
    ("begins", "name"),
    [
        ("<?xml version='1.0'?>\n<other>".encode("utf-16"), "XML of another kind"),
    ],
)
def test_formats_of_other_devices_are_named(begins: bytes, name: str) -> None:
    with pytest.raises(RefusedInput, match="not a format this version reads") as refused:
        decode(begins)
    assert name in str(refused.value)


def recording(*signals: Signal) -> DecodedRecording:
    return DecodedRecording("made", signals=signals)


def test_rows_keep_gaps_and_later_starts() -> None:
    one = Signal("I", "uV", 2.0, np.array([1.0, np.nan, 3.0]))
    late = Signal("II", "uV", 2.0, np.array([0.1]), start_s=1.0)
    assert list(table(recording(one, late))) == [["I [uV]", "II [uV]"], ["1", ""], ["", ""], ["3", "0.1"]]
    channels = as_data(recording(one))["channels"]
    assert isinstance(channels, list)
    assert channels[0]["values"] == [1.0, None, 3.0]


def test_unequal_rates_cannot_share_rows() -> None:
    signals = (Signal("I", "uV", 2.0, np.zeros(1)), Signal("II", "uV", 4.0, np.zeros(1)))
    with pytest.raises(RefusedInput, match="sampling rates"):
        list(table(recording(*signals)))


def test_description_for_a_reading(small_scp: bytes, shared_data: Path) -> None:
    decoded = decode(small_scp)
    described = content(decoded)
    assert isinstance(described, Waveform)
    assert (len(described.channels), described.channels[1].samples) == (12, 1000)
    assert (subject(decoded).patient_id, subject(decoded).birth_date) == ("P-17", None)
    picture = content(decode((shared_data / "devices/dicom_us/US1_UNCI.dcm").read_bytes()))
    assert picture == Image("dicom-image", 480, 640, 1)
    assert content(recording()) is None
