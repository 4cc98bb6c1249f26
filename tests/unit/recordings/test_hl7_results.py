"""What HL7 v2 result messages say: values, statuses, whose, when; real files, and two other parsers beside ours."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import hl7
import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import RefusedInput
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from devices.simulators.hl7_devices import chemistry_message, haematology_message, monitor_message, spirometer_message
from recordings.decode import decode_all
from recordings.hl7.encode import Field, escaped, message, segment
from recordings.hl7.results import decode_hl7
from recordings.signal import DecodedRecording

HEADER: tuple[Field, ...] = (
    "LAB",
    "V",
    "",
    "",
    "20261123094107",
    "",
    ("ORU", "R01"),
    "7",
    "P",
    "2.5.1",
    *[""] * 5,
    "UNICODE UTF-8",
)
TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
VERDICTS = {
    "connect__batch03.hl7": 1,
    "dcm4che__OMI_O23.hl7": "OMI^O23 carries no results",
    "dcm4che__ORU_R01-SR.hl7": 1,
    "gnumed__2001-09-21_17-56.HL7": 10,
    "hapi-hl7v2__messages.txt": "ORU^R01 has no observation (OBX); BAR^P01 carries no results",
    "node-hl7-complete__ORU_R01_2.5.1_SampleTestCase1.hl7": 1,
    "node-hl7-complete__ORU_R01_2.5.1_SampleTestCase2.hl7": 1,
    "node-hl7-complete__ORU_R01_2.5.1_SampleTestCase3.hl7": 1,
    "node-hl7-complete__adt-example.hl7": "ADT^A01 carries no results",
    "node-hl7-complete__cerner_en.hl7": 1,
    "node-hl7-complete__oru-example.hl7": "ORU^R01 has no observation (OBX)",
    "node-hl7-complete__realm-cj-badloinc.hl7": 1,
}


def decoded(*lines: str, header: tuple[Field, ...] = HEADER) -> DecodedRecording:
    (found,) = decode_hl7(message(header, lines))
    return found


def observed(*fields: Field) -> Numeric:
    """The only number of a message whose OBX has these fields from OBX-2 on."""
    (numeric,) = decoded(segment("OBX", "1", *fields)).numerics
    return numeric


HB = ("718-7", "Haemoglobin", "LN")


def test_number_with_its_unit_reference_and_flag() -> None:
    numeric = observed("NM", HB, "", "131", ("g/L", "g/L", "UCUM"), "130-175", "L", "", "", "F")
    assert numeric.quantity == Quantity(Decimal(131), "g/L")
    assert (numeric.code.system, numeric.code.code, numeric.code.display) == ("loinc", "718-7", "Haemoglobin")
    assert numeric.context == {"flag": "L", "reference": "130-175"}


@pytest.mark.parametrize(
    ("kind", "value", "unit", "flag", "shown"),
    [
        ("NM", "-0.5", "mmol/L", "", "-0.5\N{NO-BREAK SPACE}mmol/L"),
        ("NM", " .5 ", "mmol/l", "", "0.5\N{NO-BREAK SPACE}mmol/L"),
        ("NM", "5.", "mg/dl", "", "5\N{NO-BREAK SPACE}mg/dL"),
        ("NM", "5", "furlongs", "", "5 furlongs"),
        ("NM", "5", "G/L", "", "5 G/L"),
        ("NM", "5", "", "", "5"),
        ("NM", "1E5", "g/L", "", "1E5 g/L"),
        ("NM", "<5", "mmol/L", "", "<5 mmol/L"),
        ("NM", "33.3", "mmol/L", ">", ">33.3 mmol/L"),
        ("NM", "0.6", "mmol/L", "<", "<0.6 mmol/L"),
        ("NM", "9" * 16, "g/L", "", "9" * 16 + " g/L"),
        ("NM", "٥", "g/L", "", "٥ g/L"),
        ("SN", ("", "7.4"), "kPa", "", "7.4\N{NO-BREAK SPACE}kPa"),
        ("SN", ("=", "7.4"), "kPa", "", "7.4\N{NO-BREAK SPACE}kPa"),
        ("SN", ("<", "5"), "mmol/L", "", "<5 mmol/L"),
        ("SN", ("", "1", "-", "5"), "mmol/L", "", "1-5 mmol/L"),
        ("SN", ("", "1", ":", "128"), "", "", "1:128"),
        ("ST", "7.4", "mmol/L", "", "7.4\N{NO-BREAK SPACE}mmol/L"),
        ("ST", "7.4", "", "", "7.4"),
        ("ST", "1+", "", "", "1+"),
        ("ST", "阴性", "", "", "阴性"),
        ("CE", ("260385009", "Negative", "SCT"), "", "", "Negative"),
        ("CWE", ("260385009", "", "SCT"), "", "", "260385009"),
    ],
)
def test_values(kind: str, value: str | tuple[str, ...], unit: str, flag: str, shown: str) -> None:
    numeric = observed(kind, HB, "", value, unit, "", flag, "", "", "F")
    assert str(numeric.quantity or numeric.text) == shown
    assert numeric.absent is None


@pytest.mark.parametrize(
    ("kind", "value", "status", "reason"),
    [
        ("NM", "", "F", AbsentReason.NOT_PERFORMED),
        ("NM", "", "X", AbsentReason.NOT_PERFORMED),
        ("NM", "0", "X", AbsentReason.NOT_PERFORMED),
        ("NM", "NaN", "F", AbsentReason.NOT_A_NUMBER),
    ],
)
def test_no_result_is_never_zero(kind: str, value: str, status: str, reason: AbsentReason) -> None:
    numeric = observed(kind, HB, "", value, "g/L", "", "", "", "", status)
    assert (numeric.quantity, numeric.absent, numeric.text) == (None, reason, "")


@pytest.mark.parametrize(("flags", "shown"), [("H~N", "H"), ("L~A", "L A"), ("N", ""), ("HH^panic^HL70078", "HH")])
def test_flags(flags: str, shown: str) -> None:
    (found,) = decode_hl7(message(HEADER, [f"OBX|1|NM|718-7^Hb^LN||131|g/L||{flags}|||F"]))
    assert found.numerics[0].context.get("flag", "") == shown


def test_a_counters_sample_number_is_its_fillers() -> None:
    (found,) = decode_hl7(haematology_message())
    assert found.patient["accession"] == "S-0002"
    assert [str(n.quantity) for n in found.numerics][2:4] == ["104\N{NO-BREAK SPACE}g/L", "33.8\N{NO-BREAK SPACE}%"]
    assert found.numerics[2].context == {"reference": "110-160", "flag": "L"}


def test_explicit_null_is_no_value() -> None:
    raw = message(HEADER, ['OBX|1|NM|718-7^Hb^LN||""|g/L|||||F'])
    assert decode_hl7(raw)[0].numerics[0].absent is AbsentReason.NOT_PERFORMED


@pytest.mark.parametrize(
    ("status", "words"), [("D", "deleted"), ("W", "wrong"), ("I", "pending"), ("N", "not asked"), ("O", "ordered only")]
)
def test_withdrawn_results_are_named_and_not_given(status: str, words: str) -> None:
    found = decoded(
        segment("OBX", "1", "NM", HB, "", "131", "g/L", "", "", "", "", "F"),
        segment("OBX", "2", "NM", ("789-8", "RBC", "LN"), "", "4", "10*12/L", "", "", "", "", status),
    )
    assert len(found.numerics) == 1
    assert any("RBC" in note and words in note for note in found.notes)


@pytest.mark.parametrize(("status", "word"), [("C", "corrected"), ("P", "preliminary"), ("R", "unverified")])
def test_statuses_a_reader_must_know(status: str, word: str) -> None:
    assert observed("NM", HB, "", "131", "g/L", "", "", "", "", status).context == {"status": word}


def test_wrong_loinc_becomes_a_local_code_and_is_said() -> None:
    found = decoded(segment("OBX", "1", "NM", ("718-8", "Hb", "LN"), "", "131", "g/L"))
    assert found.numerics[0].code.system == "local"
    assert "check digit" in found.notes[-1]


def test_second_coding_is_taken_where_the_first_is_local() -> None:
    numeric = observed("NM", ("hgb", "Hgb", "L", "718-7", "Hgb", "LN"), "", "13.1", "g/dl")
    assert (numeric.code.system, numeric.code.code) == ("loinc", "718-7")
    assert numeric.quantity == Quantity(Decimal("13.1"), "g/dL")


@pytest.mark.parametrize(
    ("specimen", "unit", "system"),
    [
        ("serum", "mmol/L", "loinc"),
        ("血清", "mmol/L", "loinc"),
        ("urine", "mmol/L", "local"),
        ("", "mmol/L", "local"),
        ("serum", "mg/dL", "local"),
        ("serum", "", "local"),
    ],
)
def test_analysers_abbreviation_is_mapped_only_with_specimen_and_unit(specimen: str, unit: str, system: str) -> None:
    order = segment("OBR", "1", "S-1", "", "", *[""] * 10, specimen)
    found = decoded(order, segment("OBX", "1", "NM", "9", "Glu", "5.3", unit))
    assert found.numerics[0].code.system == system
    assert found.numerics[0].code.code == ("14749-6" if system == "loinc" else "hl7:9")


def test_pcd01_rows_of_devices_and_channels_are_no_results() -> None:
    (found,) = decode_hl7(monitor_message(taken=TAKEN))
    assert [(n.code.code, str(n.quantity)) for n in found.numerics] == [
        ("8480-6", "128\N{NO-BREAK SPACE}mm[Hg]"),
        ("8462-4", "79\N{NO-BREAK SPACE}mm[Hg]"),
        ("8478-0", "95\N{NO-BREAK SPACE}mm[Hg]"),
        ("8867-4", "71\N{NO-BREAK SPACE}/min"),
        ("59408-5", "97\N{NO-BREAK SPACE}%"),
    ]
    assert found.numerics[0].context == {"status": "unverified", "containment": "1.1.1.1"}
    assert (found.modality, found.start) == ("blood-pressure", TAKEN)
    assert "accession" not in found.patient  # the number is the monitor's own, in OBR-2 and OBR-3 alike


def test_unknown_mdc_term_keeps_its_system() -> None:
    numeric = observed("NM", ("151712", "MDC_AWAY_X", "MDC"), "1.1.1.1", "3", ("262688", "MDC_DIM_PERCENT", "MDC"))
    assert (numeric.code.system, numeric.code.code, str(numeric.quantity)) == (
        "mdc",
        "151712",
        "3\N{NO-BREAK SPACE}%",
    )


def test_whose_what_and_when() -> None:
    found = decoded(
        segment("PID", "1", "", ("17", "", "", "", "PI"), "", ("王", "秀英"), "", "19590102030405", "F"),
        segment("OBR", "1", "S-1", "F-1", "", "", "", "20261123094107"),
        segment("OBX", "1", "NM", HB, "", "131", "g/L"),
    )
    assert found.patient == {
        "patient_id": "17",
        "name": "王秀英",
        "birth_date": "1959-01-02",
        "sex": "F",
        "accession": "S-1",
    }
    assert found.device == {"manufacturer": "LAB", "model": "V", "time_zone": "assumed"}
    assert (found.start, found.modality, found.format, found.from_memory) == (TAKEN, "laboratory", "hl7-v2", False)


def test_the_observations_own_time_is_better_than_the_orders() -> None:
    when = [*[""] * 7, "20261123100000+0800"]
    found = decoded(
        segment("OBR", "1", "", "", "", "", "", "20261123094107"),
        segment("OBX", "1", "NM", HB, "", "131", "g/L", *when),
    )
    assert found.start == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert "time_zone" not in found.device


def test_without_a_time_of_measurement_the_messages_own_is_the_latest_it_can_be() -> None:
    found = decoded(segment("OBR", "1"), segment("OBX", "1", "NM", HB, "", "131", "g/L"))
    assert found.start == TAKEN
    assert "MSH-7" in found.notes[0]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("17^^^H^PI~8^^^H^MR", "8"),
        ("17^^^H^PI~8^^^H^SS", "17"),
        ("17~8", "17"),
        ('""', ""),
        ("^^^H^MR", ""),
    ],
)
def test_which_of_several_numbers_names_the_person(written: str, number: str) -> None:
    raw = message(HEADER, [f"PID|1|2|{written}", segment("OBX", "1", "NM", HB, "", "131", "g/L")])
    assert decode_hl7(raw)[0].patient.get("patient_id", "") == (number or ("" if written == '""' else "2"))


def test_each_order_is_a_recording_of_its_person() -> None:
    hb = segment("OBX", "1", "NM", HB, "", "131", "g/L")
    raw = message(
        HEADER,
        [
            *(segment("PID", "1", "", "A"), segment("OBR", "1", "S-1"), hb, segment("OBR", "2", "S-2"), hb),
            *(segment("PID", "2", "", "B"), segment("OBR", "1", "S-3"), hb, segment("OBR", "2", "S-4")),
        ],
    )
    assert [(d.patient["patient_id"], d.patient["accession"]) for d in decode_all(raw)] == [
        ("A", "S-1"),
        ("A", "S-2"),
        ("B", "S-3"),
    ]


def test_specimen_stands_before_its_order_in_oul_and_behind_it_in_oru() -> None:
    hb = segment("OBX", "1", "NM", HB, "", "131", "g/L")
    samples = [segment("SPM", "1", ("S-1",), "", "SER"), segment("SPM", "2", ("S-2",), "", "UR")]
    orders = [segment("OBR", "1"), segment("OBR", "2")]
    oul = (*HEADER[:6], ("OUL", "R22"), *HEADER[7:])
    first = decode_hl7(message(oul, [samples[0], orders[0], hb, samples[1], orders[1], hb]))
    second = decode_hl7(message(HEADER, [orders[0], hb, samples[0], orders[1], hb, samples[1]]))
    assert [d.patient["accession"] for d in first] == [d.patient["accession"] for d in second] == ["S-1", "S-2"]


def test_control_and_calibration_runs_never_bind_by_themselves() -> None:
    hb = segment("OBX", "1", "NM", HB, "", "131", "g/L")
    control = decoded(segment("OBR", "1"), hb, segment("SPM", "1", "C-1", *[""] * 8, "Q"))
    mindray = decoded(segment("OBR", "1"), hb, header=(*HEADER[:13], "2", *HEADER[14:]))
    assert control.from_memory
    assert mindray.from_memory
    assert "nobody's result" in control.notes[0]
    assert not decode_hl7(chemistry_message())[0].from_memory


def test_reports_and_documents_go_to_the_notes() -> None:
    report = decoded(segment("OBX", "1", "FT", ("22034-3", "REPORT", "LN"), "", "long " * 60 + "\nend"))
    assert (report.modality, report.numerics) == ("document", ())
    assert report.notes[-1].startswith("REPORT: long long")
    assert report.notes[-1].endswith("\nend")
    pdf = ("", "AP", "PDF", "Base64", "JVBERi0xLjQK" * 500)
    document = decoded(segment("OBX", "1", "ED", ("11502-2", "Report", "LN"), "", pdf))
    assert "document AP/PDF (Base64)" in document.notes[-1]
    assert "JVBER" not in document.notes[-1]


@pytest.mark.parametrize(
    ("make", "modality"),
    [(chemistry_message, "laboratory"), (spirometer_message, "spirometry"), (monitor_message, "blood-pressure")],
)
def test_modality_is_known_by_the_codes(make: Callable[[], bytes], modality: str) -> None:
    assert decode_hl7(make())[0].modality == modality


@pytest.mark.parametrize("kind", [("ADT", "A01"), ("ORM", "O01"), ("ACK",), ("ORU", "R40"), ("QRY", "Q02")])
def test_other_messages_are_refused_by_name(kind: tuple[str, ...]) -> None:
    raw = message((*HEADER[:6], kind, *HEADER[7:]), [segment("OBX", "1", "NM", HB, "", "131", "g/L")])
    with pytest.raises(RefusedInput, match=kind[0]):
        decode_hl7(raw)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(st.decimals(-99999, 99999, places=3), WORDS)
def test_numbers_and_words_come_back(number: Decimal, word: str) -> None:
    assert observed("NM", HB, "", str(number), "g/L").quantity == Quantity(number, "g/L")
    text = observed("ST", ("X", "x", "L"), "", f"_{word}_")
    assert text.text == f"_{word}_"
    assert escaped(word).count("|") == 0


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_real_files_land_with_an_honest_verdict(name: str, shared_data: Path) -> None:
    raw = (shared_data / "devices" / "hl7v2" / name).read_bytes()
    expected = VERDICTS[name]
    if isinstance(expected, str):
        with pytest.raises(RefusedInput) as refused:
            decode_all(raw)
        assert expected in str(refused.value)
    else:
        assert len(decode_all(raw)) == expected


def test_every_real_file_has_its_verdict_here(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "devices" / "hl7v2").iterdir()} == set(VERDICTS)


def ours(raw: bytes) -> list[tuple[str, str]]:
    """(code, value as written) of every numeric result."""
    return [
        (numeric.code.code.removeprefix("hl7:"), str(numeric.quantity.value) if numeric.quantity else numeric.text)
        for one in decode_hl7(raw)
        for numeric in one.numerics
    ]


def theirs(raw: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The same as python-hl7 and as hl7apy see it."""
    text = raw.decode("utf-8").replace("\r\n", "\r").replace("\n", "\r")
    first: list[tuple[str, str]] = []
    second: list[tuple[str, str]] = []
    for one in hl7.split_file(text) if hl7.isfile(text) else [text]:
        parsed = hl7.parse(one)
        second_parsed = parse_message(one, find_groups=False)
        if "OBX" not in {str(line[0]) for line in parsed}:
            continue
        first += [(str(line[3][0][0]), str(line[5])) for line in parsed.segments("OBX") if str(line[2]) == "NM"]
        second += [(obx.obx_3.obx_3_1.value, obx.obx_5.value) for obx in second_parsed.obx if obx.obx_2.value == "NM"]
    return first, second


@pytest.mark.parametrize(
    "name",
    [
        "connect__batch03.hl7",
        "gnumed__2001-09-21_17-56.HL7",
        "node-hl7-complete__ORU_R01_2.5.1_SampleTestCase1.hl7",
        "node-hl7-complete__ORU_R01_2.5.1_SampleTestCase3.hl7",
    ],
)
def test_two_other_parsers_read_the_same_numbers_from_real_files(name: str, shared_data: Path) -> None:
    raw = (shared_data / "devices" / "hl7v2" / name).read_bytes()
    told = {value.split(" ")[0] for _, value in ours(raw)}
    for other in theirs(raw):
        assert other
        assert {value for _, value in other} <= told


@pytest.mark.parametrize("make", [chemistry_message, haematology_message, spirometer_message, monitor_message])
def test_two_other_parsers_read_the_same_from_the_simulators(make: Callable[[], bytes]) -> None:
    raw = make()
    for other in theirs(raw):
        assert [value for _, value in other] == [value for _, value in ours(raw)]


@pytest.mark.parametrize("make", [spirometer_message, monitor_message])
def test_simulated_messages_keep_the_schema_of_their_version(make: Callable[[], bytes]) -> None:
    """hl7apy knows each version's segments, data types and table of message structures."""
    parsed = parse_message(make().decode(), find_groups=True)
    assert parsed.name == "ORU_R01"
    assert parsed.validate() is True
