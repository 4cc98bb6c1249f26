"""ECG files in bytes: Contec ECG90A, Healforce pages, MFER. Files we build, real ones where they are, damaged ones."""

import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from devices.simulators.ecg_healforce import healforce_page
from recordings.arrays import FloatArray
from recordings.contec_ecg90a import STORED, decode_ecg90a, encode_ecg90a, looks_like_ecg90a
from recordings.decode import decode
from recordings.healforce import decode_healforce, looks_like_healforce
from recordings.leads import TWELVE
from recordings.mfer import tlv
from recordings.mfer.decode import decode_mfer
from recordings.mfer.encode import EcgForMfer, encode_mfer
from recordings.mfer.tlv import definitions
from recordings.mfer.values import ByteOrder, scaled
from recordings.scp_ecg.leads import NUMBERS

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
Leads = dict[str, FloatArray]


@pytest.fixture(scope="module")
def leads(make_ecg: Callable[..., Leads]) -> Leads:
    made = make_ecg(600, 150)
    return made | {"III": made["II"] - made["I"]}


# ---- Contec ECG90A


@pytest.fixture(scope="module")
def card_file(leads: Leads) -> bytes:
    columns = {name: leads[name] for name in STORED} | {"V6": np.full(600, np.nan)}
    return encode_ecg90a(columns, case="0000053", taken="2020-11-24 07:19:13", name="王秀英", sex="F")


def test_ecg90a_is_read_as_it_was_written(card_file: bytes, leads: Leads) -> None:
    decoded = decode(card_file)
    assert (decoded.format, decoded.modality) == ("contec-ecg90a", "ecg")
    assert decoded.patient == {"name": "王秀英", "sex": "F"}
    assert decoded.device["source_id"] == "0000053 2020-11-24 07:19:13"
    assert decoded.start == datetime(2020, 11, 23, 23, 19, 13, tzinfo=UTC)
    assert tuple(s.name for s in decoded.signals) == TWELVE
    found = {s.name: s.samples for s in decoded.signals}
    assert {s.sampling_hz for s in decoded.signals} == {800.0}
    for name in ("I", *STORED[:-1]):
        assert np.abs(found[name] - leads[name]).max() == 0
    assert np.abs(found["aVF"] - (leads["II"] + leads["III"]) / 2).max() == 0
    assert np.isnan(found["V6"]).all()
    assert decoded.notes == (
        "computed from leads II and III: I, aVR, aVL, aVF",
        "no electrode was on: V6",
    )


@pytest.mark.parametrize("at", [10, 42, 43, 79, 80, 500, -1, -16 - 1])
def test_cut_ecg90a_is_refused(card_file: bytes, at: int) -> None:
    with pytest.raises(BadFrame, match="Contec ECG90A: "):
        decode_ecg90a(card_file[:at])


def test_ecg90a_that_ends_early_or_is_none(card_file: bytes) -> None:
    with pytest.raises(BadFrame, match="the curve ends at row 3 of 600"):
        decode_ecg90a(card_file[: 43 + 32] + bytes(16) + card_file[43 + 48 :])
    for spoilt in (card_file[:12] + b"x" + card_file[13:], card_file[:8] + b"x" + card_file[9:], bytes(200)):
        assert not looks_like_ecg90a(spoilt)
    beyond = card_file[:43] + b"\xff\x7f" + card_file[45:]
    assert "1 samples are beyond the 12 bits of the converter" in decode_ecg90a(beyond).notes


def test_ecg90a_time_that_is_none_is_left_out(card_file: bytes) -> None:
    decoded = decode_ecg90a(card_file.replace(b"2020-11-24", b"2020-13-24"))
    assert (decoded.start, "time_zone" in decoded.device) == (None, False)


def test_real_ecg90a(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/contec_ecg90a/ecg-contec__0000053.ECG").read_bytes())
    assert [len(s.samples) for s in decoded.signals] == [29748] * 12
    found = {s.name: s.samples - np.median(s.samples) for s in decoded.signals}
    assert np.percentile(found["I"], 99.9) > 500, "R waves of lead I point up"
    assert np.percentile(found["aVR"], 0.1) < -400, "those of aVR down"


# ---- Healforce


@pytest.fixture(scope="module")
def page(leads: Leads) -> bytes:
    return healforce_page(leads, TAKEN, first_sample=4501)


def test_healforce_page_is_read_as_it_was_written(page: bytes, leads: Leads) -> None:
    decoded = decode(page)
    assert (decoded.format, decoded.modality, len(page)) == ("healforce-scp", "ecg", 32768)
    assert decoded.patient == {}
    assert decoded.start == datetime(2026, 11, 23, 1, 41, 37, tzinfo=UTC), "the second page of 30 s"
    for signal in decoded.signals[:3]:
        assert (signal.unit, signal.sampling_hz) == ("uV", 150.0)
        assert np.abs(signal.samples - leads[signal.name]).max() <= 5
    assert [s.name for s in decoded.signals] == ["I", "II", "III", "aVR", "aVL", "aVF"]
    assert [(n.code.code, str(n.quantity and n.quantity.value)) for n in decoded.numerics] == [("8867-4", "71")]


@settings(deadline=None)
@given(
    rows=hnp.arrays(
        np.int64, st.tuples(st.integers(1, 20).map(lambda n: 4 * n), st.just(3)), elements=st.integers(-512, 511)
    )
)
def test_healforce_samples_round_trip(rows: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    columns: Leads = {name: np.multiply(rows[:, k], 10.0) for k, name in enumerate(("I", "II", "III"))}
    found = decode_healforce(healforce_page(columns, TAKEN)).signals
    assert all((signal.samples == columns[signal.name]).all() for signal in found[:3])


def test_every_flipped_byte_of_a_page_is_noticed(page: bytes) -> None:
    length = struct.unpack_from("<H", page, 4)[0]
    for at in (*range(0, 82, 3), *range(90, length, 97), length - 1):
        spoilt = page[:at] + bytes((page[at] ^ 0x10,)) + page[at + 1 :]
        with pytest.raises(BadFrame):
            decode_healforce(spoilt)
    with pytest.raises(BadFrame, match="only 700 came"):
        decode_healforce(page[:700])


def test_scp_record_is_no_healforce_page(small_scp: bytes, page: bytes) -> None:
    assert not looks_like_healforce(small_scp)
    assert decode(small_scp).format == "scp-ecg"
    with pytest.raises(BadFrame, match="no section 0 of this device"):
        decode_healforce(small_scp)


def test_real_healforce_page(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/scp/healforcescpecg__62.SCP").read_bytes())
    one, two, three = (s.samples for s in decoded.signals[:3])
    assert len(one) == 4500
    assert np.abs(two - one - three).max() <= 110
    assert decoded.start == datetime(2019, 8, 7, 16, 35, 40, tzinfo=UTC)
    assert [str(n.quantity and n.quantity.value) for n in decoded.numerics] == ["61"]


# ---- MFER


def holter(leads: Leads, order: ByteOrder = "big", block: int = 0) -> bytes:
    chosen = {name: leads[name] for name in ("I", "II", "V5")}
    told = {"patient_id": "P-17", "name": "王^秀英", "sex": "F", "maker": "M^X^1^S9"}
    return encode_mfer(EcgForMfer(chosen, 150, TAKEN, **told, block=block, order=order))  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("block", [0, 150, 1])
def test_mfer_is_read_as_it_was_written(leads: Leads, order: ByteOrder, block: int) -> None:
    decoded = decode(holter(leads, order, block))
    assert (decoded.format, decoded.modality) == ("mfer", "ecg")
    assert decoded.patient == {"patient_id": "P-17", "name": "王 秀英", "sex": "F"}
    assert decoded.device == {"manufacturer": "M", "model": "X", "serial": "S9", "time_zone": "assumed"}
    assert decoded.start == TAKEN.astimezone(UTC)
    assert [s.name for s in decoded.signals] == ["I", "II", "III", "aVR", "aVL", "aVF", "V5"]
    for signal in decoded.signals:
        if signal.name in leads:
            assert (signal.unit, signal.sampling_hz) == ("uV", 150.0)
            assert np.abs(signal.samples - leads[signal.name]).max() <= 0.5 + 0.5 * (signal.name == "III")


@settings(deadline=None)
@given(
    table=hnp.arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.integers(-32768, 32767)),
    repeats=st.integers(1, 4),
    order=st.sampled_from(["big", "little"]),
)
def test_mfer_round_trip(
    table: np.ndarray[tuple[int, int], np.dtype[np.int64]], repeats: int, order: ByteOrder
) -> None:
    samples = {
        name: np.tile(np.where(row == -32768, np.nan, row * 2.5), repeats)
        for name, row in zip(("V1", "V2", "V3", "V4"), table, strict=False)
    }
    raw = encode_mfer(EcgForMfer(samples, 250, TAKEN, step_nv=2500, block=table.shape[1], order=order))
    for signal in decode_mfer(raw).signals:
        np.testing.assert_allclose(signal.samples, samples[signal.name], rtol=1e-12)


def definition(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value


PREAMBLE = definition(tlv.PRE, b"MFR ".ljust(32))
ONE_CHANNEL = PREAMBLE + definition(tlv.IVL, b"\x01\xfd\x04")  # every 4 x 10^-3 s


def test_mfer_defaults_offsets_and_types() -> None:
    wave = definition(tlv.WAV, bytes((1, 2, 200)))
    sen = definition(tlv.SEN, b"\x00\xfb\x02")  # 2 x 10^-5 V
    raw = ONE_CHANNEL + definition(tlv.DTP, b"\x03") + definition(tlv.OFF, b"\x0a") + definition(tlv.NUL, b"\xc8") + sen
    (signal,) = decode_mfer(raw + wave).signals
    assert (signal.name, signal.unit, signal.sampling_hz) == ("channel 1", "uV", 250.0)
    np.testing.assert_array_equal(signal.samples, [220.0, 240.0, np.nan])
    (plain,) = decode_mfer(PREAMBLE + definition(tlv.WAV, b"\x00\x05")).signals
    assert (plain.unit, plain.sampling_hz, plain.samples.tolist()) == ("uV", 1000.0, [5.0])


def test_mfer_channels_may_differ_and_lengths_be_indefinite() -> None:
    pressure = definition(tlv.LDN, b"\x00\x8f") + definition(tlv.SEN, b"\x01\x00\x01") + definition(tlv.BLK, b"\x01")
    slow = definition(tlv.IVL, b"\x00\x00\x64")
    raw = (
        PREAMBLE
        + definition(tlv.IVL, b"\x00\x00\x00\xc8")
        + definition(tlv.CHN, b"\x02")
        + definition(tlv.BLK, b"\x02")
        + bytes((tlv.ATT, 0, 4))
        + definition(tlv.LDN, b"\x00\x02")
        + bytes((tlv.ATT, 1, 0x80))
        + pressure
        + slow
        + b"\0\0"
        + b"\x1e\x81\x0c"
        + struct.pack(">6h", 1, 2, 90, 3, 4, 91)
        + bytes((tlv.END,))
        + b"whatever follows"
    )
    two, blood = decode_mfer(raw).signals
    assert (two.name, two.sampling_hz, two.samples.tolist()) == ("II", 200.0, [1.0, 2.0, 3.0, 4.0])
    assert (blood.name, blood.unit, blood.sampling_hz) == ("blood pressure", "mm[Hg]", 100.0)
    assert blood.samples.tolist() == [90.0, 91.0]


@pytest.mark.parametrize("block", [0, 150, 4])
def test_mfer_longer_than_we_read_is_cut_and_said(leads: Leads, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode_mfer(holter(leads, block=0))
    monkeypatch.setattr("recordings.mfer.frames.MAX_SAMPLES", 3 * 130)
    cut = decode_mfer(holter(leads, block=block))
    for one, other in zip(cut.signals, whole.signals, strict=True):
        assert (one.name, len(one.samples)) == (other.name, 130)
        assert (one.samples == other.samples[:130]).all()
    assert cut.notes[0] == "only the first 130 samples of each channel are read, 1410 are left out"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (definition(tlv.NTE, b"")[:1] + b"\x83\x01\x00\x01" + bytes(70_000), "a value of 65537 bytes"),
        (definition(tlv.WAV, b"\x00\x00") * 10_001, "more than 10000 pieces"),
        (b"", "no waveform"),
        (definition(tlv.WAV, b"\x00"), "1 bytes of waveform"),
        (definition(tlv.DTP, b"\x09") + definition(tlv.WAV, b"\x00\x00"), "data type 9"),
        (definition(tlv.CMP, b"\x00\x01" + bytes(8)) + definition(tlv.WAV, b"\x00\x00"), "compressed"),
        (definition(tlv.CHN, b"\x00"), "0 channels"),
        (definition(tlv.CHN, b"\xff\xff"), "65535 channels"),
        (definition(tlv.BLK, b"\x00") + definition(tlv.WAV, b"\x00\x00"), "block of 0"),
        (definition(tlv.BLK, b"\xff\xff\xff\xff") + definition(tlv.WAV, b"\x00\x00"), "2 bytes of waveform"),
        (definition(tlv.SEQ, b"\x09") + definition(tlv.WAV, b"\x00\x00"), "9 sequences"),
        (definition(tlv.IVL, b"\x02\x00\x01") + definition(tlv.WAV, b"\x00\x00"), "not by time"),
        (definition(tlv.IVL, b"\x00\x7f\x01") + definition(tlv.WAV, b"\x00\x00"), r"10\^127"),
        (definition(tlv.SEN, b"\x00\x00") + definition(tlv.WAV, b"\x00\x00"), "not unit, exponent"),
        (definition(tlv.SEN, b"\x00\x12\x7f") + definition(tlv.WAV, b"\x7f\xff"), "beyond"),
        (b"\x1e\x84\xff\xff\xff\xff", "lead outside"),
        (b"\x1e\x85\x00", "a length of 5 bytes"),
        (b"\x1e", "has no length"),
        (b"\x3f\x80\x80\x80", "does not end"),
        (b"\x3f\x00\x80\x09\x02\x00", "lead outside|does not end"),
        (definition(tlv.WFM, b"\x01") * 20_001, "more than 20000 definitions"),
    ],
)
def test_damaged_mfer_is_named(rest: bytes, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_mfer(PREAMBLE + rest)


def test_nested_groups_do_not_recurse_without_end() -> None:
    nested = b""
    for _ in range(30):
        nested = definition(tlv.SET, nested[:120])
    with suppress(BadFrame):
        decode_mfer(PREAMBLE + nested)
    with pytest.raises(BadFrame, match="nested deeper"):
        list(definitions(b"\x01\x00", 9))


@pytest.mark.parametrize(
    ("value", "number"), [(b"\x00\xfd\x02", 0.002), (b"\x00\xf7\x13\x88", 5e-06), (b"\x00\x02\x05", 500.0)]
)
def test_numbers_keep_their_digits(value: bytes, number: float) -> None:
    assert scaled(value, "big", tlv.IVL) == (0, number)


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_spoilt_files_raise_only_our_errors(data: st.DataObject, card_file: bytes, page: bytes, leads: Leads) -> None:
    raw = bytearray(data.draw(st.sampled_from([card_file, page, holter(leads), holter(leads, "little", 50)])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(raw), 300) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with suppress(ClinicError):
        decode(bytes(raw))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"leads": {"I": np.zeros(4), "II": np.zeros(5)}}, r"lengths \[4, 5\]"),
        ({"leads": {"left": np.zeros(4)}}, "unknown leads"),
        ({"leads": {"I": np.full(4, 40_000.0)}}, "beyond 16 bits"),
        ({"block": 3}, "blocks of 3"),
    ],
)
def test_what_mfer_cannot_hold_is_refused(change: dict[str, object], words: str) -> None:
    fields: dict[str, object] = {"leads": {"I": np.zeros(4)}, "sampling_hz": 250, "taken": TAKEN}
    with pytest.raises(RefusedInput, match=words):
        encode_mfer(EcgForMfer(**{**fields, **change}))  # type: ignore[arg-type]  # a table of wrong fields


def test_what_comes_from_a_memory_says_so(card_file: bytes, page: bytes, leads: Leads) -> None:
    """Hazard H02: such a recording never binds by itself."""
    assert decode(card_file).from_memory
    assert decode(page).from_memory
    assert decode(holter(leads)).from_memory
    resting = holter(leads).replace(definition(tlv.WFM, b"\x02"), definition(tlv.WFM, b"\x01"))
    assert not decode(resting).from_memory


def test_lead_codes_are_scps() -> None:
    assert (NUMBERS["I"], NUMBERS["V6"], NUMBERS["III"]) == (1, 8, 61)
