"""SCP: Huffman tables, differences, reference beats, whole records."""

import struct
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from recordings.arrays import FloatArray
from recordings.scp_ecg.bimodal import expand, stored_samples
from recordings.scp_ecg.decode import decode_scp
from recordings.scp_ecg.encode import EcgForScp, encode_scp
from recordings.scp_ecg.huffman import HuffmanCoder, encode_default, read_tables
from recordings.scp_ecg.leads import Lead, write_leads
from recordings.scp_ecg.record import join, split
from recordings.scp_ecg.samples import SampleHead, differentiate, write_samples
from recordings.scp_ecg.tags import HeaderFields, write_header

INT16 = hnp.arrays(np.int64, st.integers(1, 300), elements=st.integers(-32768, 32767))

DEFAULT_CODES = {
    0: "0", 1: "100", -1: "101", 2: "1100", -2: "1101", 3: "11100", -3: "11101", 4: "111100", -4: "111101",
    5: "1111100", -5: "1111101", 6: "11111100", -6: "11111101", 7: "111111100", -7: "111111101", 8: "1111111100",
    -8: "1111111101", 9: "111111111000001001", -9: "111111111011110111", -128: "111111111010000000",
    128: "11111111110000000010000000", -32768: "11111111111000000000000000",
}  # fmt: skip
"""EN 1064 annex C.3.7.6, written out."""


@pytest.mark.parametrize(("value", "bits"), DEFAULT_CODES.items())
def test_default_table_is_the_standards(value: int, bits: str) -> None:
    filled = bits + "0" * (-len(bits) % 8)
    assert encode_default(np.array([value])) == int(filled, 2).to_bytes(len(filled) // 8, "big")


@settings(deadline=None)
@given(INT16)
def test_default_table_both_ways(values: np.ndarray) -> None:
    assert (HuffmanCoder().decode(encode_default(values), len(values), "lead") == values).all()


@settings(deadline=None)
@given(INT16, st.integers(1, 40))
def test_codes_that_end_early_are_refused(values: np.ndarray, more: int) -> None:
    """Fill bits are at most seven, so eight more samples than there are cannot be found in them."""
    with pytest.raises(BadFrame, match="data ends at sample"):
        HuffmanCoder().decode(encode_default(values), len(values) + 7 + more, "lead")


def test_own_tables_with_a_change_between_them() -> None:
    """Table 1: `0` = 5, `10` = change to table 2, `11` = 4 raw bits; table 2: `0` = -7, `1` = back to table 1."""
    one = struct.pack("<BBBhI", 1, 1, 1, 5, 0) + struct.pack("<BBBhI", 2, 2, 0, 2, 0b01)
    one += struct.pack("<BBBhI", 2, 6, 1, 0, 0b11)
    two = struct.pack("<BBBhI", 1, 1, 1, -7, 0) + struct.pack("<BBBhI", 1, 1, 0, 1, 1)
    coder = read_tables(struct.pack("<HH", 2, 3) + one + struct.pack("<H", 2) + two)
    bits = "0" + "10" + "0" + "0" + "1" + "11" + "1110" + "0"
    data = int(bits.ljust(16, "0"), 2).to_bytes(2, "big")
    assert coder.decode(data, 5, "lead").tolist() == [5, -7, -7, -2, 5]


@pytest.mark.parametrize(
    "section",
    [
        b"",
        struct.pack("<H", 0),
        struct.pack("<H", 1),
        struct.pack("<HH", 1, 500),
        struct.pack("<H", 5000) + (struct.pack("<H", 1) + struct.pack("<BBBhI", 16, 16, 1, 0, 0)) * 5000,
        struct.pack("<HHBBBhI", 1, 1, 0, 16, 1, 0, 8),
        struct.pack("<HHBBBhI", 1, 1, 30, 40, 1, 0, 8),
        struct.pack("<HH", 1, 2) + struct.pack("<BBBhI", 1, 1, 1, 0, 0) * 2,
    ],
)
def test_unusable_tables_are_refused(section: bytes) -> None:
    with pytest.raises(BadFrame, match="section 2"):
        read_tables(section)


def test_table_that_changes_for_ever_ends() -> None:
    """Two tables that only send to each other use up their bits and end."""
    change = struct.pack("<H", 1) + struct.pack("<BBBhI", 1, 1, 0, 2, 0)
    coder = read_tables(struct.pack("<H", 2) + change + change)
    with pytest.raises(BadFrame):
        coder.decode(bytes(100), 1, "lead")


@settings(deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 200)), elements=st.floats(-8000, 8000)),
    st.booleans(),
    st.sampled_from([1000, 2500, 5000]),
)
def test_records_come_back(samples: FloatArray, is_compressed: bool, multiplier: int) -> None:
    """Within half a step; III, aVR, aVL and aVF follow."""
    taken = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
    leads = {"I": samples[0], "II": samples[1]}
    raw = encode_scp(EcgForScp(HeaderFields("1", "张三", taken), leads, 500, multiplier, is_compressed))
    decoded = decode_scp(raw)
    back = {signal.name: signal.samples for signal in decoded.signals}
    for name, sent in leads.items():
        assert np.abs(back[name] - sent).max() <= multiplier / 2000 + 1e-9
    assert np.allclose(back["aVR"], -(back["I"] + back["II"]) / 2)
    assert np.allclose(back["III"] + back["I"], back["II"])
    assert np.allclose(back["aVL"], back["I"] - back["II"] / 2)
    assert np.allclose(back["aVF"], back["II"] - back["I"] / 2)
    assert decoded.start == taken
    assert decoded.patient["name"] == "张三"


def test_what_a_made_record_says(small_scp: bytes) -> None:
    decoded = decode_scp(small_scp)
    assert [signal.name for signal in decoded.signals][:6] == ["I", "II", "III", "aVR", "aVL", "aVF"]
    assert {signal.unit for signal in decoded.signals} == {"uV"}
    assert decoded.patient == {"patient_id": "P-17", "name": "王秀英", "sex": "F", "age": "67 a"}
    assert decoded.device == {"model": "EC12", "manufacturer": "Made"}
    numbers = {n.code.code: str(n.quantity.value) for n in decoded.numerics if n.quantity}
    assert numbers == {"8867-4": "75", "8637-1": "800", "8636-3": "410"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"leads": {"I": np.zeros(5), "II": np.zeros(6)}}, "one length"),
        ({"leads": {"I": np.zeros(0)}}, "one length"),
        ({"leads": {"XX": np.zeros(5)}}, "XX"),
        ({"leads": {"I": np.full(5, np.nan)}}, "not numbers"),
        ({"leads": {"I": np.full(5, 1e6)}}, "16 bits"),
        ({"leads": {"I": np.zeros(40000)}, "is_compressed": False}, "80000 bytes"),
        ({"leads": {"I": np.array([0.0, 30000, 0, 30000])}}, "uncompressed"),
        ({"sampling_hz": 333.3}, "333.3 Hz"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(header: HeaderFields, change: dict[str, object], words: str) -> None:
    fields: dict[str, object] = {"header": header, "leads": {"I": np.zeros(5)}, "sampling_hz": 500}
    with pytest.raises(RefusedInput, match=words):
        encode_scp(EcgForScp(**{**fields, **change}))  # type: ignore[arg-type]  # a table of wrong fields


@settings(deadline=None)
@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(1, 80), st.integers(0, 30)), max_size=4),
    st.integers(1, 5),
)
def test_bimodal_keeps_protected_samples(length: int, zones: list[tuple[int, int]], factor: int) -> None:
    """A constant comes back as itself everywhere, a protected sample as itself always."""
    lead = Lead("I", 1, length)
    protected = tuple(sorted((first, first + size) for first, size in zones))
    count = stored_samples(lead, protected, factor)
    assert count <= length
    assert (expand(np.full(count, 7), lead, protected, factor) == 7).all()
    if factor == 1:
        assert (expand(np.arange(length), lead, protected, 1) == np.arange(length)).all()


def test_reference_beat_is_added_back(make_ecg: Callable[..., dict[str, FloatArray]], header: HeaderFields) -> None:
    """Residual plus beat, fiducial on fiducial, inside the subtraction's stretch only."""
    whole = np.rint(make_ecg(600)["I"] / 5).astype(np.int64)
    beat = np.rint(200 * np.hanning(80)).astype(np.int64)
    residual = whole.copy()
    subtractions = [(0, 101, 141, 180), (0, 421, 461, 500), (1, 300, 310, 320)]
    for kind, first, fiducial, last in subtractions:
        if kind == 0:
            for sample in range(first, last + 1):
                residual[sample - 1] -= beat[sample - fiducial + 41 - 1]
    section4 = struct.pack("<HHH", 160, 41, 3) + b"".join(struct.pack("<HIII", *s) for s in subtractions)
    head = SampleHead(5000, 2000, 2, is_bimodal=False)
    section3 = bytearray(write_leads(["I"], 600))
    section3[1] |= 1
    raw = join(
        {
            1: write_header(header),
            2: (19999).to_bytes(2, "little"),
            3: bytes(section3),
            4: section4,
            5: write_samples(head, [encode_default(differentiate(beat))]),
            6: write_samples(head, [encode_default(differentiate(residual))]),
        }
    )
    assert (decode_scp(raw).signals[0].samples == whole * 5.0).all()


@pytest.mark.parametrize("missing", [1, 3, 6])
def test_missing_section_is_named(small_scp: bytes, missing: int) -> None:
    bodies = {number: body for number, body in split(small_scp).items() if number != missing}
    with pytest.raises(BadFrame, match=f"section {missing} is missing"):
        decode_scp(join(bodies))


@pytest.mark.parametrize(
    ("number", "body", "words"),
    [
        (3, b"\x0c\x00", "section 3: 12 leads in 2 bytes"),
        (3, b"\x01\x00" + struct.pack("<IIB", 1, 0xFFFFFFFF, 1), "runs from sample 1 to 4294967295"),
        (3, b"\x02\x00" + struct.pack("<IIB", 1, 1_000_000, 1) * 2, "more than 1500000 samples"),
        (3, b"\x01\x00" + struct.pack("<IIB", 9, 3, 1), "runs from sample 9 to 3"),
        (6, struct.pack("<HHBB", 0, 2000, 0, 0), "multiplier 0"),
        (6, struct.pack("<HHBB", 5000, 0, 0, 0), "interval 0"),
        (6, struct.pack("<HHBB", 5000, 2000, 7, 0), "difference code 7"),
        (6, struct.pack("<HHBB", 5000, 2000, 0, 1) + bytes(40), "section 5 is missing"),
        (1, b"\x00\xff\xff", "tag 0 says 65535 bytes"),
        (1, b"", "section 1"),
        (7, b"\xff\x00\x00\x00\x00\x00", "section 7: 255 beats"),
        (8, bytes(8) + b"\x02\x01\xff\xff", "section 8: statement 1"),
    ],
)
def test_field_outside_its_range_is_named(small_scp: bytes, number: int, body: bytes, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_scp(join({**split(small_scp), number: body}))


def rewritten_leads(raw: bytes, first: int, last: int) -> bytes:
    """The record with every lead running from `first` to `last` in section 3."""
    bodies = dict(split(raw))
    section = bytearray(bodies[3])
    for lead in range(section[0]):
        struct.pack_into("<II", section, 2 + 9 * lead, first, last)
    return join({**bodies, 3: bytes(section)})


@pytest.fixture(scope="module")
def plain_scp(header: HeaderFields, make_ecg: Callable[..., dict[str, FloatArray]]) -> bytes:
    return encode_scp(EcgForScp(header, make_ecg(200), 500, 5000, is_compressed=False))


@pytest.mark.parametrize(("first", "last"), [(0, 199), (0, 200), (1, 200)])
def test_writers_that_count_samples_from_zero(plain_scp: bytes, first: int, last: int) -> None:
    """Both kinds are about: the last sample's number, or their number (demo.scp of RigacciOrg/ecg-contec)."""
    decoded = decode_scp(rewritten_leads(plain_scp, first, last))
    whole = decode_scp(plain_scp)
    for one, other in zip(decoded.signals, whole.signals, strict=True):
        assert (one.samples == other.samples).all()
    assert decoded.notes == whole.notes


def test_lead_cut_by_its_writer_is_shown_and_said(plain_scp: bytes) -> None:
    decoded = decode_scp(rewritten_leads(plain_scp, 1, 250))
    assert {len(signal.samples) for signal in decoded.signals} == {200}
    assert "the record holds fewer samples than it says of I, II, V1, V2, V3, V4, V5, V6" in decoded.notes


def test_more_beats_than_a_heart_has_are_damage(plain_scp: bytes) -> None:
    section3 = bytearray(split(plain_scp)[3])
    section3[1] |= 1
    bodies = {**split(plain_scp), 3: bytes(section3), 4: struct.pack("<HHH", 100, 25, 65535) + bytes(1 << 20)}
    bodies[5] = bodies[6]
    with pytest.raises(BadFrame, match="section 4: 65535 beats, more than 1200"):
        decode_scp(join(bodies))


def test_derived_leads_are_said(plain_scp: bytes) -> None:
    assert "computed from leads I and II: III, aVR, aVL, aVF" in decode_scp(plain_scp).notes


def test_bimodal_lead_that_is_short_is_damage(plain_scp: bytes) -> None:
    bodies = dict(split(rewritten_leads(plain_scp, 1, 250)))
    head = SampleHead(5000, 2000, 0, is_bimodal=True)
    residual = bodies[6][6 + 16 :]
    bodies[6] = write_samples(head, [residual[400 * k : 400 * (k + 1)] for k in range(8)])
    zones = struct.pack("<HHH", 100, 25, 1) + struct.pack("<HIII", 1, 1, 2, 3) + struct.pack("<II", 1, 20)
    beat = write_samples(SampleHead(5000, 2000, 0, is_bimodal=False), [bytes(100)] * 8)
    with pytest.raises(BadFrame, match="fewer samples than its protected stretches need"):
        decode_scp(join({**bodies, 4: zones, 5: beat}))
