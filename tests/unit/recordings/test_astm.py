"""ASTM frames and records: real messages, messages built from the standard, and damaged ones."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.reading import AbsentReason
from recordings.astm.analyser import analysers
from recordings.astm.frames import build_frame, checksum, frames_of, text_of
from recordings.astm.message import MAX_BYTES, looks_like_astm
from recordings.astm.results import MOST_RESULTS, decode_astm
from recordings.decode import decode, decode_all

NBSP = "\N{NO-BREAK SPACE}"
HEADER = "H|\\^&|||XP-100^00-13|||||||P|E1394-97|20261123080000"
ORDER = "O|1|S7||^^^^WBC"
END = "L|1|N"


def message(*records: str, codec: str = "utf-8") -> bytes:
    return b"".join(frames_of(record.encode(codec) for record in records))


def result(name: str = "WBC", value: str = "5.5", unit: str = "10*3/uL", flag: str = "N", status: str = "F") -> str:
    return f"R|1|^^^^{name}^1|{value}|{unit}||{flag}||{status}||||20261123075900"


def said(*results: str) -> list[str]:
    (decoded,) = decode_astm(message(HEADER, ORDER, *results, END))
    return [f"{one.code.code}={one.quantity or one.text or one.absent}" for one in decoded.numerics]


def test_the_checksum_is_that_of_a_captured_frame() -> None:
    assert checksum(b"1H|\\^&|||ABX|||||||P|E1394-97|20220727121551\r\x03") == b"58"
    assert build_frame(9, b"x")[1:2] == b"1"


def test_real_sysmex_message_in_one_long_frame(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__sysmex_xp100.txt").read_bytes())
    assert (decoded.format, decoded.modality, len(decoded.numerics)) == ("astm-e1394", "laboratory", 20)
    assert decoded.patient == {"accession": "113"}
    assert decoded.start == datetime(2024, 7, 23, 17, 24, 52, tzinfo=CHINA)
    by_code = {one.code.code: one for one in decoded.numerics}
    assert str(by_code["6690-2"].quantity) == f"5.5{NBSP}10*3/uL"
    assert str(by_code["718-7"].quantity) == f"10.1{NBSP}g/dL"
    assert by_code["4544-3"].context == {"flag": "L"}


def test_real_cobas_message_over_seven_continued_frames(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__cobas_c111.txt").read_bytes())
    assert decoded.patient == {"accession": "T20 10134GA D28"}
    assert [f"{one.code.code} {one.quantity}" for one in decoded.numerics] == [f"1751-7 40.13{NBSP}g/L"]
    assert decoded.device["model"] == "c111"


def test_real_afinion_message_names_the_person_by_the_laboratory_number(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__abbott_afinion2.txt").read_bytes())
    assert decoded.patient == {"patient_id": "3643"}
    assert decoded.device["serial"] == "AF20052397"
    assert [f"{one.code.code} {one.quantity}" for one in decoded.numerics] == [f"4548-4 5.9{NBSP}%"]


def test_real_pentra_message_without_units_gives_words_and_no_numbers(shared_data: Path) -> None:
    decoded = decode((shared_data / "devices/astm/senaite.astm__pentra_xlr.txt").read_bytes())
    assert decoded.patient["name"] == "Mohale Rita"
    assert all(one.quantity is None for one in decoded.numerics)
    by_code = {one.code.code: one for one in decoded.numerics}
    assert by_code["6690-2"].text == "8.5"
    assert by_code["6690-2"].context == {"status": "validity is questionable"}
    assert by_code["704-7"].absent is AbsentReason.ERROR
    assert sum("without a unit" in note for note in decoded.notes) == 1
    assert "comment on PLT: PLATELET AGGREGATS" in decoded.notes


@pytest.mark.parametrize("name", ["sysmex_xp100", "cobas_c111", "abbott_afinion2", "pentra_xlr"])
def test_every_cut_and_every_spoilt_byte_of_a_real_message_is_noticed(shared_data: Path, name: str) -> None:
    raw = (shared_data / f"devices/astm/senaite.astm__{name}.txt").read_bytes()
    for at in range(6, len(raw) - 3, 7):
        with pytest.raises(BadFrame):
            decode_astm(raw[:at])
        with pytest.raises(ClinicError):
            decode(raw[:at] + bytes((raw[at] ^ 0x40,)) + raw[at + 1 :])


def test_every_table_names_known_observations() -> None:
    for family in analysers().values():
        for keys in family.codes.values():
            assert set(keys) <= set(BY_KEY)


def test_units_decide_what_a_name_means_and_are_never_converted() -> None:
    assert said(result("HGB", "101", "g/L")) == [f"718-7=101{NBSP}g/L"]
    assert said(result("HGB", "6.3", "mmol/L")) == [f"astm:HGB=6.3{NBSP}mmol/L"]
    assert said(result("HGB", "101", "")) == ["718-7=101"]
    assert said(result("FOO", "1", "g/L")) == [f"astm:FOO=1{NBSP}g/L"]
    assert said(result("HGB", "101", "furlong")) == ["718-7=101"]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (result(value="-----", status="X"), ["6690-2=error"]),
        (result(value="----"), ["6690-2=error"]),
        (result(value=""), ["6690-2=not-performed"]),
        (result(value="0.1", flag="<"), ["6690-2=<0.1 10*3/uL"]),
        (result(value="1e9"), ["6690-2=1e9 10*3/uL"]),
    ],
)
def test_what_is_no_measurement_is_no_number(record: str, says: list[str]) -> None:
    assert said(record) == says


def test_flags_without_a_value_and_pending_tests_are_only_noted() -> None:
    raw = message(HEADER, ORDER, result("Anemia", "", "", "A"), result("RBC", status="I"), result(), END)
    (decoded,) = decode_astm(raw)
    assert len(decoded.numerics) == 1
    assert decoded.notes == ("Anemia: A", "RBC: pending in the instrument")


def test_orders_and_patients_do_not_mix() -> None:
    first, second = "P|1|A1|||王^秀英||19491231|F", "P|2|A2|||李^雷||19500101|男"
    raw = message(
        HEADER, first, ORDER, result(), "O|2|S8||^^^^RBC", result("RBC", "4", "10*6/uL"), second, "O|1|S9",
        result(value="7"), END, codec="gb18030",
    )  # fmt: skip
    told = [(one.patient["patient_id"], one.patient["name"], one.patient["accession"]) for one in decode_all(raw)]
    assert told == [("A1", "王 秀英", "S7"), ("A1", "王 秀英", "S8"), ("A2", "李 雷", "S9")]


def test_controls_are_nobodys_results() -> None:
    (by_header,) = decode_astm(message(HEADER.replace("|P|", "|Q|"), ORDER, result(), END))
    (by_order,) = decode_astm(message(HEADER, "O|1|S7||^^^^WBC|R||||||Q", result(), END))
    for decoded in (by_header, by_order):
        assert decoded.from_memory
        assert "quality control" in decoded.notes[0]


def test_escapes_and_own_delimiters() -> None:
    raw = b"H!*+%!!!XP-100\rP!1!A%F%1%X41%%H%\rO!1!S+x\rR!1!+++WBC!5.5!10%S%3\rR!2!+++RBC!4!g/L\rL!1\r"
    (decoded,) = decode_astm(raw)
    assert decoded.patient == {"patient_id": "A!1A", "accession": "S"}
    assert decoded.device["model"] == "XP-100"


def test_a_value_in_components_and_names_of_pictures() -> None:
    assert said(result(value="^6.1"), result("SCAT_WDF", "PNG&R&20261123", "")) == [f"6690-2=6.1{NBSP}10*3/uL"]
    assert said(result("X", "NOT DETECTED^", "")) == ["astm:X=NOT DETECTED"]


def test_frames_sent_twice_count_once_and_a_missing_one_is_noticed() -> None:
    frames = list(frames_of(record.encode() for record in (HEADER, ORDER, result(), END)))
    twice = b"\x05" + b"".join(frame + frame for frame in frames) + b"\x04"
    assert decode_astm(twice)[0].numerics == decode_astm(b"".join(frames))[0].numerics
    (gappy,) = decode_astm(frames[0] + frames[2] + frames[3])
    assert "a part may be missing" in gappy.notes[0]


def test_two_messages_in_one_capture() -> None:
    one = message(HEADER, ORDER, result(), END)
    assert len(decode_astm(one + b"\x04\x05" + one.replace(b"5.5", b"5.5"))) == 2


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (message(HEADER, "Q|1|^S7", END), "asks for orders"),
        (message(HEADER, ORDER, END), "no result"),
        (message(HEADER, ORDER, result(status="I"), END), "no result"),
    ],
)
def test_a_message_without_results_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(RefusedInput, match=says):
        decode_astm(raw)


@pytest.mark.parametrize(
    "raw",
    [
        message(HEADER, ORDER, result()),
        message(ORDER, result(), END),
        message("H|\\\\&", ORDER, result(), END),
        b"H|\\^&\r" + b"R|1\r" * 5000 + b"L|1\r",
        b"H|\\^&\rO|1\r" + b"R|1|^^^X|1\r" * (MOST_RESULTS + 1) + b"L|1\r",
        b"H|\\^&\rR" + b"|" * 10_000 + b"\rL|1\r",
        b"H|\\^&|" + b"x" * MAX_BYTES,
    ],
    ids=["no end", "no header", "bad marks", "many records", "many results", "many fields", "too long"],
)
def test_broken_and_boundless_messages_are_bad_frames(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_astm(raw)


LETTERS = st.text(
    st.characters(codec="gb18030", exclude_categories=["C", "Z"], exclude_characters="|\\^&"), max_size=300
)


@given(st.lists(LETTERS, min_size=1, max_size=6))
def test_text_survives_its_frames(texts: Sequence[str]) -> None:
    records = [text.encode("gb18030") for text in texts]
    assert text_of(b"".join(frames_of(records))) == (b"".join(record + b"\r" for record in records), 0)


@given(st.binary(max_size=300))
def test_no_bytes_escape_the_error_tree(noise: bytes) -> None:
    for raw in (b"H|\\^&|" + noise, build_frame(1, b"H|\\^&\r" + noise + b"\rL|1\r"), b"\x021H|\\^&" + noise):
        assert isinstance(looks_like_astm(raw), bool)
        try:
            decode_astm(raw)
        except RefusedInput:
            continue
