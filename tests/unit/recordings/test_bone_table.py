"""The densitometer's table: its columns, its units in their names, and what is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.reading import AbsentReason
from devices.simulators.bone_densitometer import TABLE
from recordings.bone_table import LARGEST, MOST_ROWS, decode_bone_table, looks_like_bone_table
from recordings.decode import decode_all

HEAD, ROW = TABLE.encode().splitlines(keepends=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_one_measurement(encoding: str) -> None:
    (one,) = decode_all(TABLE.encode(encoding))
    assert (one.modality, one.patient, one.from_memory) == (
        "bone-density",
        {"patient_id": "P0001", "name": "王秀英"},
        False,
    )
    assert one.start == datetime(2026, 11, 23, 0, 41, 5, tzinfo=UTC)
    assert [(numeric.code.code, str(numeric.quantity).split("\N{NO-BREAK SPACE}")) for numeric in one.numerics] == [
        ("bone-speed-of-sound", ["1524.3", "m/s"]),
        ("bone-attenuation", ["71.2", "dB/MHz"]),
        ("bone-t-score", ["-2.1", "1"]),
        ("bone-z-score", ["-0.4", "1"]),
    ]


def test_several_rows_are_from_the_devices_memory() -> None:
    found = decode_bone_table(HEAD + ROW + b"\r\n" + ROW.replace(b"P0001", b"P0002"))
    assert [(one.patient["patient_id"], one.from_memory) for one in found] == [("P0001", True), ("P0002", True)]


def test_an_empty_cell_is_not_measured_and_an_unknown_column_is_left() -> None:
    (one,) = decode_bone_table(b"T-score,SOS (m/s),Stiffness\n,1500,80\n")
    assert [(numeric.code.code, numeric.absent) for numeric in one.numerics] == [
        ("bone-speed-of-sound", None),
        ("bone-t-score", AbsentReason.NOT_PERFORMED),
    ]
    assert (one.patient, one.start) == ({}, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"T-score,SOS (m/s)\n-2.1\n",
        TABLE.encode()[:-3],
        b"T-score,SOS (m/s)\n-2.1,1500,3\n",
        b"T-score,SOS (m/s)\nlow,1500\n",
        b"T-score,SOS (m/s)\n-2.1,NaN\n",
        b"T-score,T-score,SOS (m/s)\n1,2,3\n",
        b"T-score,SOS (m/s),Time\n-2.1,1500,23/11/2026\n",
        b'T-score,SOS (m/s)\n"-2.1,1500\n',
        b"T-score,SOS (m/s)\n-2.1,1500\x81\n",
    ],
)
def test_damage_is_a_bad_frame(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_bone_table(raw)


@pytest.mark.parametrize("raw", [HEAD, b"\n", HEAD + ROW * (MOST_ROWS + 1), HEAD + b"," * LARGEST + b"\n"])
def test_none_and_too_many_are_refused(raw: bytes) -> None:
    with pytest.raises(RefusedInput):
        decode_bone_table(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"T-score,SOS\n1,2\n", b"SOS (m/s),BUA (dB/MHz)\n", b"MSH|^~\\&|T-score,SOS (m/s)"]
)
def test_other_tables_are_not_taken(raw: bytes) -> None:
    assert not looks_like_bone_table(raw)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(raw: bytes) -> None:
    looks_like_bone_table(raw)
    for whole in (raw, HEAD + raw, HEAD + ROW + raw):
        try:
            decode_bone_table(whole)
        except RefusedInput:
            continue
