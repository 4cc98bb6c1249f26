"""Texts of small laboratory devices: two captured messages, packets built from the documents, and damaged ones."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.reading import AbsentReason
from recordings.decode import decode, decode_all
from recordings.laboratory import clinitek50, mini_vidas
from recordings.laboratory.text import LONGEST, said
from recordings.signal import DecodedRecording

NBSP = "\N{NO-BREAK SPACE}"


def vidas(*fields: str) -> bytes:
    body = "".join(f"\x1e{field}|" for field in fields).encode() + mini_vidas.GS
    return mini_vidas.STX + body + mini_vidas.checksum(body)


def clinitek(*lines: str) -> bytes:
    body = b"\r\n" + "".join(f"{line}\r\n" for line in lines).encode()
    return b"\x02" + body + clinitek50.checksum(body) + b"\x03"


CLINITEK = clinitek(
    "6510  01.02 2611230759", "#008 YELLOW", "GLU  NEGATIVE", "SG   >=1.030", "pH   5.5", "PRO* 1+", "OBL* Ca 10 Ery/uL"
)
SPOTCHEM = b"\x0226/11/23 07:59 ID# S-17   [Plasma] Na       139  mmol/L K        4.1  mmol/L \x03"
DIRUI = (
    b"\x02\r\nDate:2026-11-23 07:59\r\nNo. 0017\r\nID\xa3\xbaS-17\r\n"
    b"*UBG\xab1+\xab34umol/L\r\n PRO\xab-\r\n PH\xab6.5\r\n SG\xab1.015\r\n VC\xab-\r\n\x03"
)
URIT = (
    b"\x02\r\nID:S-17\r\nNO.000017 2026-11-23\r\n     07:59:30\r\n"
    b" LEU -  0 CELL/uL\r\n*BLD +2  80 CELL/uL\r\n pH  6.0\r\n SG  1.020\r\n Vc  +-  0.6mmol/L\r\n\x03"
)


def told(decoded: DecodedRecording) -> dict[str, str]:
    return {one.code.code: str(one.quantity or one.text or one.absent) for one in decoded.numerics}


def test_real_mini_vidas_message(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__mini_vidas.txt").read_bytes())
    assert (decoded.format, decoded.modality) == ("mini-vidas", "laboratory")
    assert decoded.patient == {"accession": "Z1G021SCR"}
    assert decoded.start == datetime(2024, 10, 25, 18, 35, tzinfo=CHINA)
    (antibody,) = decoded.numerics
    assert (antibody.code.code, antibody.text, antibody.context) == ("13952-7", "Positif", {"value": "0.05"})


def test_real_spotchem_message(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__spotchem_el.txt").read_bytes())
    assert decoded.patient == {"accession": "1DC042FP"}
    assert decoded.start == datetime(2024, 10, 29, 13, 8, tzinfo=CHINA)
    assert told(decoded) == {"2951-2": f"131{NBSP}mmol/L", "2823-3": f"9.7{NBSP}mmol/L", "2075-0": f"96{NBSP}mmol/L"}


@pytest.mark.parametrize("name", ["mini_vidas", "spotchem_el"])
def test_a_cut_real_message_is_noticed_wherever_it_is_cut(shared_data: Path, name: str) -> None:
    raw = (shared_data / f"devices/astm/senaite.astm__{name}.txt").read_bytes()
    for at in range(1, len(raw) - 1):
        with pytest.raises(ClinicError):
            decode(raw[:at])


def test_mini_vidas_values_without_a_verdict_and_several_tests() -> None:
    raw = vidas("mtrsl", "ciS-17", "rtTSH", "qn2.31 mmol/L", "td11/23/26", "tt07:59", "rtHBCT", "qlNegatif", "rtX")
    assert told(decode(raw)) == {"vidas:TSH": f"2.31{NBSP}mmol/L", "13952-7": "Negatif", "vidas:X": "not-performed"}


def test_mini_vidas_spoilt_or_without_results() -> None:
    raw = vidas("mtrsl", "rtHBCT", "qn0.05")
    with pytest.raises(BadFrame, match="checksum"):
        decode(raw.replace(b"0.05", b"0.06"))
    for other in (vidas("mtmpr", "rtHBCT"), vidas("mtrsl", "ciS-17")):
        with pytest.raises(RefusedInput, match="result"):
            decode(other)


def test_electrolytes_of_another_specimen_keep_their_own_names() -> None:
    assert told(decode(SPOTCHEM)) == {"2951-2": f"139{NBSP}mmol/L", "2823-3": f"4.1{NBSP}mmol/L"}
    assert told(decode(SPOTCHEM.replace(b"Plasma", b"Urine"))).keys() == {"spotchem:Na", "spotchem:K"}
    failed = decode(SPOTCHEM.replace(b"4.1", b"---")).numerics[1]
    assert (failed.quantity, failed.absent) == (None, AbsentReason.ERROR)
    with pytest.raises(BadFrame, match="not understood"):
        decode(SPOTCHEM.replace(b"4.1", b""))


def test_clinitek_checksums_of_the_published_packets() -> None:
    """The two packets of the source, with the sums it prints for them."""
    identity = b"\r\n6510  01.02 9706201349\r\nDEUTSCH - CONV.\r\nMULTISTIX 8 SG\r\n"
    assert clinitek50.checksum(identity) == b"48"


def test_clinitek_record() -> None:
    decoded = decode(CLINITEK)
    assert (decoded.format, decoded.modality) == ("clinitek-50", "urinalysis")
    assert decoded.start == datetime(2026, 11, 23, 7, 59, tzinfo=CHINA)
    assert told(decoded) == {
        "urine-colour": "YELLOW",
        "25428-4": "NEGATIVE",
        "5811-5": ">=1.030",
        "5803-2": f"5.5{NBSP}[pH]",
        "20454-5": "1+",
        "5794-3": "Ca 10 Ery/uL",
    }
    marked = [one.code.code for one in decoded.numerics if one.context == {"flag": "A"}]
    assert marked == ["20454-5", "5794-3"]


def test_clinitek_date_that_is_none_is_left_out() -> None:
    body = ("6510  01.02 2313110759", "#1", "GLU  NEGATIVE")
    assert decode(clinitek(*body)).start is None


@pytest.mark.parametrize(
    "raw",
    [
        CLINITEK.replace(b"1+", b"2+"),
        CLINITEK[:-1],
        clinitek("6510  01.02 2611230759", "#1"),
        clinitek("6510  01.02 2611230759", "#1", "GLU  NEGATIVE", "?"),
        DIRUI[:-1],
        DIRUI.replace(b" PRO", b"?PRO"),
        b"\x02ID:1\r\n LEU -\r\n NIT -\r\n PH 5" + b"\r\n GLU -" * 900 + b"\x03",
    ],
)
def test_damaged_strips_are_bad_frames(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(raw)


def test_dirui_text_with_full_width_colon_and_its_column_byte() -> None:
    decoded = decode(DIRUI)
    assert (decoded.format, decoded.modality) == ("urine-text", "urinalysis")
    assert decoded.patient == {"accession": "S-17"}
    assert decoded.start == datetime(2026, 11, 23, 7, 59, tzinfo=CHINA)
    assert told(decoded) == {
        "5818-0": "1+ 34umol/L",
        "20454-5": "-",
        "5803-2": f"6.5{NBSP}[pH]",
        "5811-5": f"1.015{NBSP}1",
        "urine-ascorbate": "-",
    }
    assert decoded.numerics[0].context == {"flag": "A"}


def test_urit_text() -> None:
    decoded = decode(URIT)
    assert decoded.start == datetime(2026, 11, 23, 7, 59, 30, tzinfo=CHINA)
    assert decoded.patient == {"accession": "S-17"}
    assert decoded.notes == ("the device's number 000017",)
    assert told(decoded)["5799-2"] == "- 0 CELL/uL"
    assert told(decoded)["5803-2"] == f"6.0{NBSP}[pH]"
    assert [one.code.code for one in decoded.numerics if one.context] == ["5794-3"]


def test_an_unknown_field_of_the_strip_stays_the_devices_own() -> None:
    assert told(decode(URIT.replace(b" Vc ", b" CRE")))["urine:CRE"] == "+- 0.6mmol/L"


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        ("1.0", "mmol/L", f"2951-2 1.0{NBSP}mmol/L"),
        ("1.0", "g/L", f"x:Na 1.0{NBSP}g/L"),
        ("1.0", "", "2951-2 1.0"),
        ("1e5", "mmol/L", "2951-2 1e5 mmol/L"),
        ("--", "mmol/L", "2951-2 error"),
        ("", "mmol/L", "2951-2 not-performed"),
    ],
)
def test_a_number_needs_a_unit_of_its_observations_kind(value: str, unit: str, says: str) -> None:
    one = said("loinc:2951-2", "x:Na", value, unit)
    assert f"{one.code.code} {one.quantity or one.text or one.absent}" == says


@given(st.sampled_from([CLINITEK, SPOTCHEM, DIRUI, URIT, vidas("mtrsl", "rtHBCT", "qn1")]), st.data())
def test_no_damage_escapes_the_error_tree(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    spoilt = raw[:at] + data.draw(st.binary(max_size=20)) + raw[data.draw(st.integers(at, len(raw))) :]
    try:
        assert decode_all(spoilt)
    except RefusedInput:
        return


def test_messages_have_a_largest_size() -> None:
    for raw in (SPOTCHEM, URIT, CLINITEK):
        with pytest.raises(BadFrame):
            decode(raw[:-1] + b" " * LONGEST + raw[-1:])
