"""GDT: lengths in bytes of the file's own encoding, records, what a result says, and what is none."""

from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from devices.simulators.gdt_files import BLOW, NITRIC_OXIDE, result_file
from recordings.decode import decode_all
from recordings.gdt.decode import decode_gdt
from recordings.gdt.encode import encode_record
from recordings.gdt.lines import MAX_BYTES, looks_like_gdt, read_records
from recordings.signal import DecodedRecording

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
BLOW_FILE = result_file("LUFU02", BLOW, TAKEN)


def one(raw: bytes) -> DecodedRecording:
    (decoded,) = decode_gdt(raw)
    return decoded


def result(*fields: tuple[str, str]) -> Numeric:
    """The only test of a record with these fields."""
    (numeric,) = one(encode_record("6310", fields)).numerics
    return numeric


def test_lines_are_written_as_the_standard_has_them() -> None:
    raw = encode_record("6310", [("3101", "Gültig")], "cp437")
    assert raw == b"01380006310\r\n" + b"0158100000043\r\n" + b"0153101G\x81ltig\r\n"
    assert len(raw) == 43
    assert encode_record("6310", [("3101", "Gültig")], "utf-8").splitlines()[2] == "0163101Gültig".encode()


def test_a_blow() -> None:
    decoded = one(BLOW_FILE)
    assert (decoded.format, decoded.modality, decoded.start) == ("gdt", "spirometry", TAKEN)
    assert decoded.patient == {
        "patient_id": "17",
        "name": "Wang Xiuying",
        "birth_date": "1959-01-02",
        "sex": "F",
        "height": "158 cm",
        "weight": "61.5 kg",
    }
    assert decoded.device == {"model": "SPIRO", "examination": "LUFU02", "time_zone": "assumed"}
    assert [(n.code.system, n.code.code, str(n.quantity)) for n in decoded.numerics] == [
        ("loinc", "19868-9", "3.20\N{NO-BREAK SPACE}L"),
        ("loinc", "20150-9", "2.41\N{NO-BREAK SPACE}L"),
        ("loinc", "19926-5", "75.3\N{NO-BREAK SPACE}%"),
        ("loinc", "19935-6", "6.35\N{NO-BREAK SPACE}L/s"),
        ("local", "fef50", "2.90\N{NO-BREAK SPACE}L/s"),
    ]
    assert decoded.notes == ()


def test_exhaled_nitric_oxide_is_of_its_own_kind_whatever_8402_says() -> None:
    decoded = one(result_file("LUFU00", NITRIC_OXIDE, TAKEN))
    assert decoded.modality == "gas"
    assert decoded.numerics[0].quantity == Quantity(Decimal(31), "[ppb]")


@pytest.mark.parametrize(
    ("ident", "unit", "code"),
    [
        ("MEF75", "l/s", "fef25"),
        ("MEF25", "l/s", "fef75"),
        ("FEF25", "l/s", "fef25"),
        ("fev1 / fvc", "%", "19926-5"),
        ("FVC", "l/s", "gdt:FVC"),
        ("FVC", "", "gdt:FVC"),
        ("CO", "ppm", "exhaled-co"),
        ("CO", "%", "gdt:CO"),
        ("FVC Soll", "l", "gdt:FVC Soll"),
    ],
)
def test_a_name_means_something_only_with_its_unit(ident: str, unit: str, code: str) -> None:
    assert result(("8410", ident), ("8420", "3.2"), ("8421", unit)).code.code == code


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("3,20", "l", "3.20\N{NO-BREAK SPACE}L"),
        ("-1.5", "l", "-1.5\N{NO-BREAK SPACE}L"),
        ("<3", "l", "<3 l"),
        ("3.2", "Liter", "3.2 Liter"),
        ("3.2", "", "3.2"),
        ("1e5", "l", "1e5 l"),
        ("auffällig", "", "auffällig"),
    ],
)
def test_values(value: str, unit: str, shown: str) -> None:
    numeric = result(("8410", "FVC"), ("8420", value), ("8421", unit))
    assert str(numeric.quantity or numeric.text) == shown


def test_a_test_without_value_is_absent_and_never_zero() -> None:
    numeric = result(("8410", "FVC"), ("8420", ""), ("8421", "l"))
    assert (numeric.quantity, numeric.absent) == (None, AbsentReason.NOT_PERFORMED)
    assert result(("8410", "X"), ("8480", "two"), ("8480", "lines")).text == "two\nlines"


def test_context_of_a_result() -> None:
    numeric = result(
        ("8410", "FVC"), ("8420", "3"), ("8421", "l"), ("8422", "-"), ("8461", "2.5"), ("8462", "4"), ("8470", "late")
    )
    assert numeric.context == {"flag": "-", "reference": "2.5-4", "comment": "late"}


def test_findings_without_numbers() -> None:
    decoded = one(encode_record("6310", [("8402", "EKG01"), ("6220", "Sinusrhythmus"), ("6305", "C:\\a.pdf")]))
    assert (decoded.modality, decoded.numerics) == ("ecg", ())
    assert decoded.notes == ("finding: Sinusrhythmus", "file: C:\\a.pdf")


@pytest.mark.parametrize(
    ("code", "codec", "name", "is_noted"),
    [
        ("1", "ascii", "G}ltig", False),
        ("2", "cp437", "Gültig", False),
        ("2", "cp850", "Gültig", False),
        ("3", "iso8859-1", "Gültig", False),
        ("3", "utf-8", "王秀英", True),
        ("", "utf-8", "王秀英", True),
        ("", "cp437", "Gültig", True),
    ],
)
def test_character_sets(code: str, codec: str, name: str, is_noted: bool) -> None:
    fields = [("9206", code)] * bool(code) + [("3101", name), ("8410", "FVC")]
    decoded = one(encode_record("6310", fields, codec))
    assert decoded.patient["name"] == name.replace("}", "ü")
    assert bool(decoded.notes) is is_noted


def test_bare_line_feeds_count_as_two() -> None:
    assert one(BLOW_FILE.replace(b"\r\n", b"\n")).numerics == one(BLOW_FILE).numerics


def test_a_cut_file_is_refused_wherever_it_is_cut() -> None:
    for size in range(12, len(BLOW_FILE) - 2):
        with pytest.raises(BadFrame):
            decode_gdt(BLOW_FILE[:size])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"01380006310\r\n0208410FVC\r\n", "line 2 .field 8410. should have 20 bytes and has 12"),
        (b"01380006310\r\nhello\r\n", "line 2 does not begin"),
        (b"0128410FVC\r\n01380006310\r\n", "before any record"),
        (b"01380006310\r\n014810000100\r\n", "should have 100 bytes and has 27"),
        (b"01380006310\r\n", "no test"),
        (b"0" * (MAX_BYTES + 1), "more than"),
        (b"0098410\n" * 10_001, "lines"),
        (b"", "no record"),
    ],
)
def test_damage_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(RefusedInput, match=words):
        decode_gdt(raw)


def test_lengths_counted_in_characters_are_understood_and_too_short_ones_said() -> None:
    line = "0163101王秀英AB\r\n".encode()  # 5 characters + 9 is 14, 11 bytes + 9 is 20
    assert "says 16 bytes" in one(b"01380006310\r\n" + line + b"0128410FVC\r\n").notes[1]
    line = "0143101王秀英AB\r\n".encode()
    assert len(one(b"01380006310\r\n" + line + b"0128410FVC\r\n").notes) == 1


def test_several_records() -> None:
    patient = encode_record("6301", [("3000", "1")])
    assert len(decode_gdt(patient + BLOW_FILE + BLOW_FILE)) == 2
    with pytest.raises(RefusedInput, match="6301 is a patient's data"):
        decode_gdt(patient)


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ([("6200", "23112026"), ("6201", "094107")], TAKEN),
        ([("6200", "20261123"), ("6201", "0941")], TAKEN.replace(second=0)),
        ([("7278", "20261123"), ("7279", "094107")], TAKEN),
        ([("6200", "23112026")], None),
        ([("6200", "31022026"), ("6201", "094107")], None),
        ([("6200", "23112026"), ("6201", "250000")], None),
        ([("6200", "01010001"), ("6201", "000000")], None),
    ],
)
def test_when(fields: list[tuple[str, str]], start: datetime | None) -> None:
    assert one(encode_record("6310", [*fields, ("8410", "FVC")])).start == start


def test_looks() -> None:
    assert looks_like_gdt(BLOW_FILE)
    assert looks_like_gdt(b"01380006301\n")
    assert not looks_like_gdt(b"0138000631")
    assert not looks_like_gdt(b"01380006310x")
    assert decode_all(BLOW_FILE)[0].format == "gdt"


def test_real_files_hold_no_results_and_say_so(shared_data: Path) -> None:
    folder = shared_data / "devices" / "gdt_xdt"
    verdicts = {
        "gnumed__APW-cp850.gdt": "a patient's data",
        "gnumed__xdt_sample-karsten_hilbert.dat": "0020 is no result",
    }
    assert {path.name for path in folder.iterdir()} == set(verdicts)
    for name, words in verdicts.items():
        with pytest.raises(RefusedInput, match=words):
            decode_all((folder / name).read_bytes())
    (patient,) = read_records((folder / "gnumed__APW-cp850.gdt").read_bytes())
    assert patient.first("3107") == "Prinzen-Garde-Weg"
    assert patient.first("3106") == "50677 Köln"
    assert patient.notes == ()


FIELDS = st.lists(
    st.tuples(
        st.from_regex(r"[34678][0-9]{3}", fullmatch=True).filter(lambda name: name != "8000"),
        st.text(st.characters(codec="cp437", exclude_characters="\r\n\x1a"), max_size=40),
    ),
    max_size=10,
)


@settings(deadline=None)
@given(FIELDS.filter(lambda fields: not any(name in {"8100", "9206", "9106"} for name, _ in fields)))
def test_records_come_back(fields: list[tuple[str, str]]) -> None:
    (record,) = read_records(encode_record("6310", [("9206", "2"), *fields, ("8315", "END")], "cp437"))
    if record.notes == ():
        assert list(record.fields[3:-1]) == fields


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5), st.binary(max_size=80))
def test_damage_raises_only_our_errors(changes: list[tuple[int, int]], noise: bytes) -> None:
    raw = bytearray(BLOW_FILE)
    for place, value in changes:
        raw[place] = value
    for damaged in (bytes(raw), b"01380006310\r\n" + noise, bytes(raw[:100]) + noise):
        with suppress(ClinicError):
            decode_all(damaged)


def test_what_a_line_cannot_hold_is_refused() -> None:
    for content, codec in (("x" * 991, "ascii"), ("a\nb", "ascii"), ("王", "cp437")):
        with pytest.raises(RefusedInput):
            encode_record("6310", [("3101", content)], codec)
