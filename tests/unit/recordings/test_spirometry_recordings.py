"""SP80B sessions, standard waveform files and curves made by formula."""

from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from recordings.decode import decode
from recordings.signal import DecodedRecording
from recordings.spirometry.formula import ForcedExpiration
from recordings.spirometry.sp80b import Curve, Sp80bResult, decode_session, encode_session
from recordings.spirometry.sp80b_layout import checksum7, session_size
from recordings.spirometry.waveform_file import decode_waveform_file

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
MADE = ForcedExpiration(3.6, 0.6)
NUMBERS: dict[str, Any] = dict(MADE.numbers())
RESULT = Sp80bResult(TAKEN, "F", 67, 158, number=12, **NUMBERS)
SESSION = encode_session(RESULT, MADE.curve())

GOLDEN = bytes.fromhex(
    # E1, place 1, FVC (1), number 12, 2026-11-23 09:41:07, female, 67 years, 158 cm, ECCS, no drug
    "e1 01 01 0c00 1a 0b 17 09 29 07 01 43 1e01 01 00"
    # FVC 3.60, FEV0.5 2.03, FEV1 2.92, ratio 81.1, FEV3 3.58, FEV6 3.60
    "6802 4b01 2402 2b06 6602 6802"
    # PEF 5.63, FEF25 4.50, FEF50 3.00, FEF75 1.50, FEF25-75 2.73, PEFT, EVOL, checksum
    "3304 4203 2c02 1601 1102 0000 0000 66"
)


def numbers(decoded: DecodedRecording) -> dict[str, tuple[Decimal, str]]:
    return {n.code.code: (n.quantity.value, n.quantity.unit) for n in decoded.numerics if n.quantity}


def test_result_bytes_line_by_line() -> None:
    assert SESSION[:43] == GOLDEN[:43]
    assert SESSION[43] == checksum7(GOLDEN[:43])


def test_wave_frame_bytes() -> None:
    """1.0001 s = 10001 = 00 27 11; -0.001 L/s = FF FF; 0.200 L = 00 C8: top bits of bytes 4, 5 and 6."""
    raw = encode_session(RESULT, Curve(np.array([1.0001]), np.array([-0.001]), np.array([0.2])))
    assert raw[44:].hex(" ") == "e2 01 00 01 00 38 11 27 00 7f 7f 48 00"


def test_session_says() -> None:
    decoded = decode(SESSION)
    assert decoded.format == "sp80b"
    assert decoded.patient == {"sex": "F", "age": "67 a", "height": "158 cm"}
    assert decoded.start == TAKEN
    told = numbers(decoded)
    assert told["19868-9"] == (Decimal("3.60"), "L")
    assert told["20150-9"] == (Decimal("2.92"), "L")
    assert told["19926-5"] == (Decimal("81.1"), "%")
    assert told["19935-6"] == (Decimal("5.63"), "L/s")
    assert told["fef25-75"] == (Decimal("2.73"), "L/s")
    assert decoded.numerics[0].context == {"measurement": "FVC", "attempt": "12"}
    assert [(s.name, s.unit) for s in decoded.signals] == [("time", "s"), ("flow", "L/s"), ("volume", "L")]
    assert decoded.notes == ()


def column(low: float, high: float, count: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, count, elements=st.floats(low, high))


@settings(deadline=None)
@given(st.data(), st.integers(0, 60), st.integers(1, 125))
def test_sessions_come_back(data: st.DataObject, count: int, place: int) -> None:
    time = np.sort(data.draw(column(0, 1600, count)))
    flow, volume = data.draw(column(-32, 32, count)), data.draw(column(-32, 32, count))
    raw = encode_session(RESULT, Curve(time, flow, volume), place=place)
    assert session_size(raw) == len(raw)
    assert all(byte < 0x80 for byte in raw[1:44] + raw[45:])
    decoded = decode_session(raw)
    if count:
        for signal, sent, step in zip(decoded.signals, (time, flow, volume), (1e-4, 1e-3, 1e-3), strict=True):
            assert np.abs(signal.samples - sent).max() <= step / 2 + 1e-9
    else:
        assert decoded.signals == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 60))
def test_damage_raises_only_our_errors(changes: list[tuple[int, int]], cut: int) -> None:
    raw = bytearray(SESSION[: len(SESSION) - cut])
    for place, value in changes:
        raw[place % (len(raw) if place % 2 else 49)] = value
    for damaged in (bytes(raw), bytes(raw[:43]) + bytes((checksum7(bytes(raw[:43])),)) + bytes(raw[44:])):
        with suppress(ClinicError):
            decode_session(damaged)


def test_every_changed_result_byte_is_refused() -> None:
    for place in range(44):
        raw = bytearray(SESSION)
        raw[place] ^= 0x01
        with pytest.raises(BadFrame):
            decode_session(bytes(raw))


@pytest.mark.parametrize("size", [0, 1, 43, 44, 48, 49, len(SESSION) - 1])
def test_cut_session_is_refused(size: int) -> None:
    with pytest.raises(BadFrame, match="ask for"):
        decode_session(SESSION[:size])


def with_result_byte(place: int, value: int) -> bytes:
    head = bytearray(SESSION[:43])
    head[place] = value
    return bytes(head) + bytes((checksum7(bytes(head)),)) + SESSION[44:]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [(1, 0x7E, "no record"), (2, 9, "measurement code 9"), (6, 13, "date and time"), (11, 5, "sex code 5")],
)
def test_result_field_outside_its_range_is_named(place: int, value: int, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_session(with_result_byte(place, value))


def test_time_that_runs_backwards_is_refused() -> None:
    curve = Curve(np.array([1.0, 0.5]), np.zeros(2), np.zeros(2))
    with pytest.raises(BadFrame, match="backwards"):
        decode_session(encode_session(RESULT, curve))


def test_result_that_differs_from_its_curve_is_noted() -> None:
    curve = MADE.curve()
    raw = encode_session(RESULT, Curve(curve.time_s, curve.flow_l_s, curve.volume_l / 2))
    assert decode_session(raw).notes == ("the curve reaches 1.800 L, the device's FVC is 3.60 L",)


@pytest.mark.parametrize(
    "curve",
    [
        Curve(np.array([2000.0]), np.zeros(1), np.zeros(1)),
        Curve(np.zeros(1), np.array([40.0]), np.zeros(1)),
        Curve(np.zeros(1), np.zeros(1), np.array([np.nan])),
        Curve(np.zeros(20000), np.zeros(20000), np.zeros(20000)),
    ],
)
def test_what_a_session_cannot_hold_is_refused(curve: Curve) -> None:
    with pytest.raises(RefusedInput):
        encode_session(RESULT, curve)


@settings(deadline=None)
@given(st.floats(0.5, 8), st.floats(0.2, 3), st.floats(3, 15))
def test_formula_agrees_with_its_own_curve(fvc: float, tau: float, duration: float) -> None:
    """Closed forms against the sampled curve: integral of flow = volume, highest = PEF, FEV1, mid flow."""
    made = ForcedExpiration(fvc, tau, duration, rate_hz=1000)
    curve = made.curve()
    end = curve.time_s[-1]
    assert curve.flow_l_s.max() == pytest.approx(made.pef, rel=0.01)
    integral = np.cumsum((curve.flow_l_s[1:] + curve.flow_l_s[:-1]) / 2000)
    assert np.allclose(integral, curve.volume_l[1:], atol=0.002 * fvc)
    assert made.volume_at(float(end)) == pytest.approx(curve.volume_l[-1])
    assert made.fev(1.0) == pytest.approx(float(np.interp(1.04, curve.time_s, curve.volume_l)), abs=1e-3 * fvc)
    quarter, most = np.interp([0.25 * fvc, 0.75 * fvc], curve.volume_l, curve.time_s)
    assert made.fef2575 == pytest.approx(fvc / 2 / (most - quarter), rel=0.01)
    assert made.time_of(made.volume_at(0.05)) == pytest.approx(0.05)


def test_formula_refuses_no_lung() -> None:
    with pytest.raises(RefusedInput):
        ForcedExpiration(30, 0.6)


def test_standard_waves_reach_their_nominal_values(shared_data: Path) -> None:
    """All files; FVC of volume files and PEF of flow files within 1 % of the file's own header."""
    files = sorted(shared_data.rglob("*.wf"))
    assert len(files) > 100
    for path in files:
        decoded = decode(path.read_bytes(), path.name)
        flow, volume = decoded.signals
        assert (flow.name, flow.unit, volume.name, volume.unit) == ("flow", "L/s", "volume", "L")
        told = numbers(decoded)
        stored = decoded.notes[0].split()[0]
        code, reached = ("19868-9", volume) if stored == "volume" else ("19935-6", flow)
        nominal = float(told[code][0])
        if any("nominal" in note and "reaches" in note for note in decoded.notes):
            assert path.name.removeprefix("ISO23747__").startswith("ProfB0720")
        else:
            assert reached.samples.max() == pytest.approx(nominal, rel=0.01), path.name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Header]\nType=VT\n", "Data"),
        ("[Header]\nType=VT\n[Data]\n1\n2\n", "Freq"),
        ("[Header]\nType=VT\nFreq=0\n[Data]\n1\n2\n", "outside"),
        ("[Header]\nType=XX\nFreq=100\n[Data]\n1\n2\n", "'XX'"),
        ("[Header]\nType=VT\nFreq=100\n[Data]\n1\nnan\n", "line 6"),
        ("[Header]\nType=VT\nFreq=100\n[Data]\n1\nabc\n", "'abc'"),
        ("[Header]\nType=FT\nFreq=100\n[Data]\n1\n1e300\n", "'1e300' is beyond"),
        ("[Header]\nType=VT\nFreq=100\n[Parameters]\nFVC=x\n[Data]\n1\n2\n", "FVC"),
    ],
)
def test_broken_wave_file_is_named(text: str, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_waveform_file(text.encode())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_in_a_wave_file_raises_only_our_errors(noise: bytes) -> None:
    for raw in (b"[Header]\n" + noise, b"[Header]\nType=FT\nFreq=9\n[Data]\n1\n2\n" + noise):
        with suppress(ClinicError):
            decode(raw)
