"""POCT1-A messages: results of persons and of controls, values, and XML that means harm."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.reading import AbsentReason, Numeric
from devices.simulators.poct1a_devices import GLUCOSE, HBA1C, service
from recordings.decode import decode_all
from recordings.poct1a.decode import decode_poct1a
from recordings.poct1a.message import MAX_BYTES, element, looks_like_poct1a, moment, write_message

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
MESSAGE = write_message("OBS.R01", "7", TAKEN, service(HBA1C, TAKEN))

GOLDEN = b"""<?xml version="1.0" encoding="utf-8"?>
<OBS.R01>
 <HDR><HDR.message_type V="OBS.R01"/><HDR.control_id V="10003"/><HDR.version_id V="POCT1"/></HDR>
 <SVC>
  <SVC.role_cd V="OBS"/><SVC.observation_dttm V="2026-11-01T16:29:54-05:00"/><SVC.status_cd V="NRM"/>
  <PT>
   <PT.patient_id V="P 17"/><PT.birth_date V="1959-01-02"/><PT.gender_cd V="F"/>
   <OBS>
    <OBS.observation_id V="2341-6" DN="Glu" SN="LN"/><OBS.value V="145" U="mg/dL"/><OBS.method_cd V="M"/>
    <OBS.status_cd V="A"/><OBS.interpretation_cd V="HH"/><OBS.normal_lo-hi_limit V="[80;120]" U="mg/dL"/>
   </OBS>
   <OBS><OBS.observation_id V="Flu A" SN="QUIDEL"/><OBS.qualitative_value V="negative"/></OBS>
  </PT>
  <OPR><OPR.operator_id V="nurse 1"/></OPR>
  <ORD><ORD.order_id V="S-1"/></ORD>
  <RGT><RGT.name V="strip"/><RGT.lot_number V="L42"/></RGT>
  <NTE><NTE.text V="first drop"/></NTE>
 </SVC>
</OBS.R01>
"""


def result(observation: str) -> Numeric:
    """The only number of one OBS with this content."""
    raw = write_message("OBS.R01", "1", TAKEN, f"<SVC><PT><OBS>{observation}</OBS></PT></SVC>")
    return decode_poct1a(raw)[0].numerics[0]


def test_a_result_of_a_person() -> None:
    (decoded,) = decode_all(GOLDEN)
    assert (decoded.format, decoded.modality, decoded.from_memory) == ("poct1a", "laboratory", False)
    assert decoded.patient == {"patient_id": "P 17", "birth_date": "1959-01-02", "sex": "F", "accession": "S-1"}
    assert decoded.device == {"operator": "nurse 1", "reagent_lot": "L42"}
    assert decoded.start == datetime(2026, 11, 1, 21, 29, 54, tzinfo=UTC)
    glucose, flu = decoded.numerics
    assert (glucose.code.system, glucose.code.code, glucose.code.display) == ("loinc", "2341-6", "Glu")
    assert str(glucose.quantity) == "145\N{NO-BREAK SPACE}mg/dL"
    assert glucose.context == {"flag": "HH", "reference": "[80;120]"}
    assert (flu.code.system, flu.code.code, flu.text) == ("local", "poct1a:Flu A", "negative")
    assert decoded.notes == ("comment: first drop",)


def test_simulated_results() -> None:
    (decoded,) = decode_poct1a(MESSAGE)
    assert [(n.code.code, str(n.quantity)) for n in decoded.numerics] == [
        ("4548-4", "6.8\N{NO-BREAK SPACE}%"),
        ("59261-8", "51\N{NO-BREAK SPACE}mmol/mol"),
    ]
    assert decode_poct1a(write_message("OBS.R01", "1", TAKEN, service(GLUCOSE, TAKEN)))[0].modality == "glucose"


@pytest.mark.parametrize(
    ("value", "unit", "flag", "shown"),
    [
        ("7.2", "mmol/L", "N", "7.2\N{NO-BREAK SPACE}mmol/L"),
        ("7.2", "mmol/l", "", "7.2\N{NO-BREAK SPACE}mmol/L"),
        ("33.3", "mmol/L", ">", ">33.3 mmol/L"),
        ("0.6", "mmol/L", "<", "<0.6 mmol/L"),
        ("HI", "mmol/L", "", "HI mmol/L"),
        ("7.2", "", "", "7.2"),
        ("7.2", "widgets", "", "7.2 widgets"),
        ("1e3", "mmol/L", "", "1e3 mmol/L"),
    ],
)
def test_values(value: str, unit: str, flag: str, shown: str) -> None:
    observation = element("OBS.observation_id", "GLU") + element("OBS.value", value, U=unit)
    numeric = result(observation + element("OBS.interpretation_cd", flag))
    assert str(numeric.quantity or numeric.text) == shown


def test_no_value_is_absent() -> None:
    numeric = result(element("OBS.observation_id", "GLU") + element("OBS.value", "", U="mmol/L"))
    assert (numeric.quantity, numeric.absent) == (None, AbsentReason.NOT_PERFORMED)


@pytest.mark.parametrize(
    ("name", "unit", "code"),
    [
        ("HbA1c", "%", "4548-4"),
        ("A1C", "mmol/mol", "59261-8"),
        ("HbA1c", "g/L", "poct1a:HbA1c"),
        ("X", "%", "poct1a:X"),
    ],
)
def test_hba1c_by_name_and_unit(name: str, unit: str, code: str) -> None:
    assert result(element("OBS.observation_id", name) + element("OBS.value", "6", U=unit)).code.code == code


def test_wrong_loinc_is_local() -> None:
    observation = element("OBS.observation_id", "2341-7", SN="LN", DN="Glu") + element("OBS.value", "6", U="mmol/L")
    assert result(observation).code.code == "poct1a:2341-7"


@pytest.mark.parametrize("status", ["D", "R"])
def test_discarded_results_are_named_and_not_given(status: str) -> None:
    observation = element("OBS.observation_id", "GLU") + element("OBS.value", "6", U="mmol/L")
    body = f"<SVC><PT><OBS>{observation}{element('OBS.status_cd', status)}</OBS></PT></SVC>"
    (decoded,) = decode_poct1a(write_message("OBS.R01", "1", TAKEN, body))
    assert decoded.numerics == ()
    assert "GLU" in decoded.notes[0]


@pytest.mark.parametrize("role", ["LQC", "CAL", "PRF", "QC"])
def test_control_runs_never_bind_by_themselves(role: str) -> None:
    (decoded,) = decode_poct1a(write_message("OBS.R02", "1", TAKEN, service(GLUCOSE, TAKEN, role=role)))
    assert decoded.from_memory
    assert role in decoded.notes[0]
    (unsaid,) = decode_poct1a(write_message("OBS.R02", "1", TAKEN, service(GLUCOSE, TAKEN)))
    assert unsaid.from_memory


def test_each_service_is_a_recording_of_its_person() -> None:
    body = service(GLUCOSE, TAKEN, patient="A") + service(GLUCOSE, TAKEN, patient="B")
    found = decode_poct1a(write_message("OBS.R01", "1", TAKEN, body))
    assert [one.patient["patient_id"] for one in found] == ["A", "B"]


@pytest.mark.parametrize("kind", ["HEL.R01", "DST.R01", "ACK.R01", "EOT.R01", "END.R01"])
def test_words_of_the_dialogue_are_refused_by_name(kind: str) -> None:
    with pytest.raises(RefusedInput, match=f"{kind} is a word of the dialogue"):
        decode_all(write_message(kind, "1", TAKEN))


def test_a_message_without_observation() -> None:
    with pytest.raises(RefusedInput, match="no observation"):
        decode_poct1a(write_message("OBS.R01", "1", TAKEN, "<SVC><PT/></SVC>"))


@pytest.mark.parametrize(
    "raw",
    [
        b'<!DOCTYPE OBS.R01 [<!ENTITY a "aaaa">]><OBS.R01>&a;</OBS.R01>',
        b'<!DOCTYPE OBS.R01 SYSTEM "file:///etc/passwd" [<!ENTITY % x SYSTEM "x">]><OBS.R01/>',
        b"<OBS.R01>" + b"<SVC>" * 200,
        b"<OBS.R01>" + b"<SVC/>" * 60_000 + b"</OBS.R01>",
        b"<OBS.R01><SVC></OBS.R01>",
        b"<OBS.R01/>" + b" " * MAX_BYTES,
        b"<OBS.R01>\xff</OBS.R01>",
        MESSAGE[:-20],
    ],
)
def test_hostile_or_broken_xml_is_refused(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_poct1a(raw)
    with pytest.raises(RefusedInput):
        decode_all(raw)


def test_looks() -> None:
    assert looks_like_poct1a(GOLDEN)
    assert looks_like_poct1a(MESSAGE)
    assert not looks_like_poct1a(b"<OBS.R1/>")
    assert not looks_like_poct1a(b"OBS.R01")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-23T09:41:07+08:00", (TAKEN, True)),
        ("2026-11-23T09:41:07", (TAKEN, False)),
        ("2026-11-23T01:41:07.00-00:00", (TAKEN, True)),
        ("2026-11-23", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("noon", None),
        ("", None),
    ],
)
def test_moments(written: str, expected: tuple[datetime, bool] | None) -> None:
    assert moment(written) == expected


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(WORDS)
def test_words_come_back(word: str) -> None:
    text = f"_{word}_"
    numeric = result(element("OBS.observation_id", text) + element("OBS.qualitative_value", text))
    assert (numeric.code.display, numeric.text) == (text, text)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(MESSAGE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_raises_only_our_errors(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(MESSAGE)
    for place, value in changes:
        raw[place] = value
    with suppress(ClinicError):
        decode_poct1a(bytes(raw))
