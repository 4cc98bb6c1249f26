"""Pulse oximeters' packets: right numbers, special codes, damage; each protocol by its documents."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.reading import AbsentReason, Numeric
from recordings.decode import decode_all
from recordings.oximetry import cms50, cms50_9byte, cms50_history, decode, masimo, nellcor, nonin, stored
from recordings.oximetry.packet import Cut, walk
from recordings.oximetry.span import MAX_BYTES
from recordings.signal import DecodedRecording

PLETH = tuple(range(25))
CUTS: dict[str, tuple[Cut, bytes]] = {
    "nonin-7": (nonin.cut, nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH)),
    "nonin-2": (nonin.cut, nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH, form=2)),
    "cms50": (cms50.cut, cms50.encode_packet(pulse=72, spo2=97, pleth=50)),
    "cms50-9byte": (cms50_9byte.cut, cms50_9byte.encode_packet(pulse=72, spo2=97, pleth=50)),
    "nellcor": (nellcor.cut, nellcor.print_line()),
    "masimo": (masimo.cut, masimo.print_line()),
}


def numbers(decoded: DecodedRecording) -> dict[str, Decimal | None]:
    return {one.code.code: one.quantity.value if one.quantity else None for one in decoded.numerics}


def spo2_of(decoded: DecodedRecording) -> Numeric:
    return next(one for one in decoded.numerics if one.code.code == "59408-5")


@pytest.mark.parametrize("form", [2, 7])
@pytest.mark.parametrize("pulse", [18, 127, 128, 129, 255, 256, 300])
def test_nonin_pulse_has_nine_bits(form: int, pulse: int) -> None:
    (decoded,) = decode_all(nonin.encode_packet(pulse=pulse, spo2=98, pleth=PLETH, form=form) * 6)
    assert (decoded.format, decoded.modality) == ("nonin", "oximetry")
    assert numbers(decoded) == {"59408-5": 98, "8889-8": pulse}
    assert spo2_of(decoded).context["good_s"] == "2"


def test_nonin_curve_is_8_bit_in_format_2_and_16_bit_in_format_7() -> None:
    high = tuple(256 * sample + 7 for sample in range(25))
    (seven,) = decode.decode_nonin(nonin.encode_packet(pulse=72, spo2=97, pleth=high)).signals
    (two,) = decode.decode_nonin(nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH, form=2)).signals
    assert seven.samples.tolist() == list(high)
    assert (two.samples.tolist(), two.sampling_hz) == (list(PLETH), 75.0)


@pytest.mark.parametrize(("pulse", "spo2"), [(None, 97), (72, None), (None, None), (72, 101), (0, 97), (72, 0)])
def test_nonin_missing_and_impossible_values_are_absent_never_numbers(pulse: int | None, spo2: int | None) -> None:
    decoded = decode.decode_nonin(nonin.encode_packet(pulse=pulse, spo2=spo2, pleth=PLETH) * 30)
    assert numbers(decoded) == {"59408-5": None, "8889-8": None}
    assert {one.absent for one in decoded.numerics} == {AbsentReason.ERROR}
    assert "no value" in decoded.notes[0]


@pytest.mark.parametrize(
    ("status", "is_value", "says"),
    [
        (0x40, False, ""),
        (0x20, False, "artifact"),
        (0x10, False, "pulse-search"),
        (0x08, False, ""),
        (0x04, True, "low"),
    ],
)
def test_nonin_status_bits(status: int, *, is_value: bool, says: str) -> None:
    decoded = decode.decode_nonin(nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH, status=status) * 9)
    assert (spo2_of(decoded).quantity is not None) is is_value
    assert says in " ".join(decoded.notes)


def test_yellow_perfusion_is_not_called_low() -> None:
    decoded = decode.decode_nonin(nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH, status=0x06) * 9)
    assert decoded.notes == ()


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, nonin.PACKET_SIZE - 1), st.integers(1, 255), st.sampled_from([2, 7]))
def test_nonin_packet_with_any_byte_changed_gives_no_value(at: int, change: int, form: int) -> None:
    good = nonin.encode_packet(pulse=72, spo2=97, pleth=PLETH, form=form)
    bad = bytearray(nonin.encode_packet(pulse=200, spo2=60, pleth=PLETH, form=form))
    bad[at] ^= change
    decoded = decode.decode_nonin(good + bytes(bad) + good)
    assert numbers(decoded) == {"59408-5": 97, "8889-8": 72}
    assert spo2_of(decoded).context["lowest"] == "97"
    (pleth,) = decoded.signals
    assert np.isnan(pleth.samples).sum() == 25
    assert "125 bytes" in decoded.notes[0]


def test_published_packets_of_the_second_cms50_are_read_as_their_authors_read_them() -> None:
    stream = bytes.fromhex("01e085b396c1e1ffff 01e085b096c1e1ffff 01e085ae95c1e1ffff") * 40
    (decoded,) = decode_all(stream)
    assert decoded.format == "cms50-9byte"
    assert numbers(decoded) == {"59408-5": 97, "8889-8": 65}
    assert decoded.signals[0].samples[:3].tolist() == [0x33, 0x30, 0x2E]
    idle = bytes.fromhex("01e184c0908080ffff") * 120
    assert numbers(decode_all(idle)[0]) == {"59408-5": None, "8889-8": None}
    assert cms50_9byte.encode_packet(pulse=65, spo2=97, pleth=0x33) == stream[:9]


@pytest.mark.parametrize("pulse", [1, 127, 128, 200, 254])
@pytest.mark.parametrize("module", [cms50, cms50_9byte])
def test_cms50_pulse_has_eight_bits(module: object, pulse: int) -> None:
    encode: Callable[..., bytes] = module.encode_packet  # type: ignore[attr-defined]  # two modules of one shape
    (decoded,) = decode_all(encode(pulse=pulse, spo2=99, pleth=64) * 120)
    assert numbers(decoded) == {"59408-5": 99, "8889-8": pulse}


@pytest.mark.parametrize(
    ("first", "third", "pulse", "spo2"),
    [
        (0x98, 0, 72, 97),
        (0x88, 0x10, 72, 97),
        (0x88, 0x20, 72, 97),
        (0x88, 0, 0, 97),
        (0x88, 0, 72, 127),
        (0x88, 0x40, 127, 97),
    ],
)
def test_cms50_finger_out_probe_error_search_and_special_codes(first: int, third: int, pulse: int, spo2: int) -> None:
    decoded = decode.decode_cms50(bytes((first, 20, third, pulse, spo2)) * 120)
    assert numbers(decoded) == {"59408-5": None, "8889-8": None}


def test_cms50_lost_byte_costs_its_packet_only() -> None:
    one = cms50.encode_packet(pulse=72, spo2=97, pleth=50)
    for at in range(5):
        broken = one[:at] + one[at + 1 :]
        decoded = decode.decode_cms50(one * 100 + broken + one * 100)
        assert numbers(decoded) == {"59408-5": 97, "8889-8": 72}
        assert len(decoded.signals[0].samples) >= 199


def test_weak_signal_of_cms50_is_noted() -> None:
    decoded = decode.decode_cms50(cms50.encode_packet(pulse=72, spo2=97, pleth=50, strength=1) * 120)
    assert decoded.notes == ("low-signal during 100 % of the measurement",)


def test_history_gives_curves_and_medians_and_is_from_memory() -> None:
    points = [(72, 97)] * 50 + [(0, 0)] * 10 + [(160, 88)] * 5
    (decoded,) = decode_all(cms50_history.encode_history(points))
    assert decoded.from_memory
    assert numbers(decoded) == {"59408-5": 97, "8889-8": 72}
    spo2, pulse = decoded.signals
    assert (spo2.sampling_hz, len(spo2.samples), pulse.samples[-1]) == (1.0, 65, 160)
    assert np.isnan(spo2.samples[50:60]).all()


def test_history_cut_damaged_and_empty_is_refused() -> None:
    whole = cms50_history.encode_history([(72, 97)] * 50)
    for size in range(len(whole)):
        with pytest.raises(RefusedInput):
            stored.decode_history(whole[:size])
    with pytest.raises(BadFrame, match="marks"):
        stored.decode_history(whole[:-1] + b"\xff")
    with pytest.raises(RefusedInput, match="none with a value"):
        stored.decode_history(cms50_history.encode_history([(0, 0)] * 9))


def test_masimo_lines_as_a_rad_8_printed_them() -> None:
    text = b"".join(
        b"02/22/16 22:47:%d SN=0000056661 SPO2=098%% BPM=%03d PI=0%d.60%% SPCO=--.-%% SPMET=--.-%% DESAT=-- "
        b"PIDELTA=+-- ALARM=0000 EXC=000800\r\n\r\n" % (45 + at, 96 + at, at)
        for at in range(3)
    )
    (decoded,) = decode_all(text)
    assert decoded.format == "masimo-lines"
    assert numbers(decoded) == {"59408-5": 98, "8889-8": 97, "61006-3": Decimal("1.60")}
    assert decoded.start == datetime(2016, 2, 22, 22, 47, 45, tzinfo=CHINA)
    assert decoded.notes == ()


@pytest.mark.parametrize("bit", [0x001, 0x002, 0x008, 0x010, 0x020, 0x040, 0x080, 0x400])
def test_masimo_exceptions_take_the_value_away(bit: int) -> None:
    decoded = decode.decode_masimo(masimo.print_line(exceptions=0x800 | bit) * 9)
    assert spo2_of(decoded).absent is AbsentReason.ERROR


def test_low_perfusion_index_is_said_beside_the_value() -> None:
    decoded = decode.decode_masimo(masimo.print_line(index="00.32", exceptions=0x804) * 9)
    assert numbers(decoded)["59408-5"] == 97
    assert any("perfusion index below 0.5 %" in note for note in decoded.notes)
    assert any("low-perfusion" in note for note in decoded.notes)


def test_masimo_digit_lost_on_the_line_gives_no_other_value() -> None:
    line = masimo.print_line(pulse=132)
    decoded = decode.decode_masimo(line + line.replace(b"132", b"13") + line)
    assert numbers(decoded)["8889-8"] == 132
    assert spo2_of(decoded).context["good_s"] == "2"


@pytest.mark.parametrize(
    ("line", "spo2"),
    [
        (b"12-NOV-98 14:00:05   100    120    50", 100),
        (b"12-NOV-98 14:00:05    85*   120    50    SL", 85),
        (b"12-NOV-98 14:00:05    97    120    50    MO", None),
        (b"12-NOV-98 14:00:05   ---    ---   ---    SD", None),
        (b"12-NOV-98 14:00:05   ---    ---   ---    AO PS", None),
    ],
)
def test_nellcor_lines(line: bytes, spo2: int | None) -> None:
    heading = (
        b"NPB-295 VERSION 2.0.0.0 CRC: XXXX SpO2 Limit: 70-100% PR Limit: 60-160BPM\r\nTIME %SPO2 BPM PA Status\r\n"
    )
    (decoded,) = decode_all(heading + (line + b"\r\n") * 4)
    assert decoded.format == "nellcor-lines"
    assert numbers(decoded)["59408-5"] == spo2
    assert decoded.start == datetime(1998 + 100, 11, 12, 14, 0, 5, tzinfo=CHINA)


@pytest.mark.parametrize(
    "line", [b"31-FEB-26 10:00:00  97  72  50", b"12-NOX-26 10:00:00  97  72  50", b"", b"97 72 50"]
)
def test_what_is_no_line_gives_nothing(line: bytes) -> None:
    assert nellcor.read_line(line) is None
    assert masimo.read_line(line) is None


@pytest.mark.parametrize("name", CUTS)
@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_walk_takes_every_byte_once_and_finds_packets_between_garbage(name: str, data: st.DataObject) -> None:
    cut, packet = CUTS[name]
    pieces = data.draw(st.lists(st.one_of(st.binary(max_size=30), st.just(packet), st.just(packet[:-2])), max_size=12))
    raw = b"".join(pieces)
    found = list(walk(raw, cut))
    assert b"".join(piece for piece, _ in found) == raw
    assert all(piece for piece, _ in found)


@pytest.mark.parametrize("name", CUTS)
def test_span_without_packets_or_too_long_is_refused(name: str) -> None:
    decode_it = {
        "nonin-7": decode.decode_nonin,
        "nonin-2": decode.decode_nonin,
        "cms50": decode.decode_cms50,
        "cms50-9byte": decode.decode_cms50_9byte,
        "nellcor": decode.decode_nellcor,
        "masimo": decode.decode_masimo,
    }[name]
    with pytest.raises(BadFrame, match="no packet"):
        decode_it(b"\x07\x0b\x0d" * 400)
    with pytest.raises(BadFrame, match="at most"):
        decode_it(CUTS[name][1] * (MAX_BYTES // len(CUTS[name][1]) + 1))


def test_other_formats_are_not_taken_for_an_oximeter() -> None:
    for raw in (
        b"",
        b"\x01",
        b"\x80",
        b"\xf2",
        b"MSH|^~\\&|x",
        b"\x80\x01\x02\x03\x04" * 5,
        b"\xff" * 4000,
        bytes(4000),
    ):
        with pytest.raises(RefusedInput):
            decode_all(raw)
