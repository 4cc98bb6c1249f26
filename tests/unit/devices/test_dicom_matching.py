"""Worklist matching against DICOM PS3.4, section C.2.2.2: the whole table, matches and misses."""

from datetime import UTC, date, datetime
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from devices.dicom.matching import answer, matches
from devices.dicom.worklist import WorklistItem
from recordings.person_name import person_name

ITEM = WorklistItem(
    accession="V01-0007",
    patient_id="019ab",
    name="张伟",
    sex="M",
    birth_date=date(1950, 2, 3),
    study_uid="1.2.3",
    modality="ECG",
    device_ae="ECG1",
    scheduled=datetime(2026, 11, 22, 17, 30, tzinfo=UTC),  # 23 November 01:30 in China
)
STEP_KEYS = {
    "ScheduledProcedureStepID",
    "Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime",
}  # fmt: skip


def query(**keys: str) -> Dataset:
    made, step = Dataset(), Dataset()
    for keyword, value in keys.items():
        setattr(step if keyword in STEP_KEYS else made, keyword, value)
    made.ScheduledProcedureStepSequence = [step]
    return made


@pytest.mark.parametrize(
    ("keys", "is_match"),
    [
        ({}, True),
        ({"PatientName": "张伟"}, True),
        ({"PatientName": "张*"}, True),
        ({"PatientName": "张^"}, False),
        ({"PatientName": "张伟^"}, True),
        ({"PatientName": "?伟"}, True),
        ({"PatientName": "张"}, False),
        ({"PatientName": "*"}, True),
        ({"PatientName": "[张]*"}, False),
        ({"PatientName": "张^伟"}, True),
        ({"PatientName": "Zhang^Wei=张^伟"}, True),
        ({"PatientName": "Zhang^Wei=王*"}, False),
        ({"PatientName": "=张*="}, True),
        ({"PatientBirthDate": "19500203"}, True),
        ({"PatientBirthDate": "19400101-19501231"}, True),
        ({"PatientBirthDate": "19600101-19700101"}, False),
        ({"PatientSex": "F"}, False),
        ({"StudyInstanceUID": "1.2.3"}, True),
        ({"StudyInstanceUID": "1.2.4\\1.2.3"}, True),
        ({"StudyInstanceUID": "1.2.4"}, False),
        ({"Modality": "US\\ECG"}, True),
        ({"ScheduledProcedureStepID": "V01-0007"}, True),
        ({"RequestedProcedureID": "other"}, False),
        ({"PatientID": "019AB"}, True),
        ({"PatientID": "019a"}, False),
        ({"AccessionNumber": "V01-0007"}, True),
        ({"AccessionNumber": "V01-0008"}, False),
        ({"AccessionNumber": "V01-*"}, True),
        ({"AccessionNumber": "V01.0007"}, False),
        ({"Modality": "ECG"}, True),
        ({"Modality": "US"}, False),
        ({"ScheduledStationAETitle": "ECG1"}, True),
        ({"ScheduledStationAETitle": "US1"}, False),
        ({"ScheduledProcedureStepStartDate": "20261123"}, True),
        ({"ScheduledProcedureStepStartDate": "20261122"}, False),
        ({"ScheduledProcedureStepStartDate": "20261101-20261130"}, True),
        ({"ScheduledProcedureStepStartDate": "20261124-"}, False),
        ({"ScheduledProcedureStepStartDate": "-20261123"}, True),
        ({"ScheduledProcedureStepStartDate": "20261123-20261123"}, True),
        ({"ScheduledProcedureStepStartTime": "0100-0200"}, True),
        ({"ScheduledProcedureStepStartTime": "0131-0200"}, False),
        ({"ScheduledProcedureStepStartTime": "013000.000"}, True),
        ({"PatientWeight": "70"}, True),
    ],
)
def test_key(keys: dict[str, str], is_match: bool) -> None:
    assert matches(query(**keys), ITEM) is is_match


def test_query_without_a_step_sequence_matches_by_its_other_keys() -> None:
    made = Dataset()
    made.PatientID = "019ab"
    assert matches(made, ITEM)
    made.ScheduledProcedureStepSequence = []
    assert matches(made, ITEM)


def test_item_for_any_device_is_answered_for_the_one_that_asks() -> None:
    anyone = WorklistItem("A", "P", "李", "F", None, "1.2", "US", "", ITEM.scheduled)
    asked = query(ScheduledStationAETitle="US9")
    assert matches(asked, anyone)
    found = answer(asked, anyone, "US9")
    assert found.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "US9"
    assert found.PatientBirthDate == ""


def test_answer_fills_what_is_known_and_returns_the_rest_empty() -> None:
    found = answer(query(PatientWeight="", Modality=""), ITEM, "ECG1")
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert (str(found.PatientName), found.PatientBirthDate, found.PatientSex) == ("张伟", "19500203", "M")
    assert found.PatientWeight is None
    assert found.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "20261123"


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="\\^="), max_size=20))
def test_no_key_ever_crashes_or_is_taken_for_a_pattern(text: str) -> None:
    item = WorklistItem("A", "P", text.strip() or "x", "M", None, "1.2", "ECG", "", ITEM.scheduled)
    if not set("*?") & set(text) and text.strip():
        assert matches(query(PatientName=text), item)
    matches(query(PatientName=text, ScheduledProcedureStepStartDate="20261123"), item)


def sent(made: Dataset) -> Dataset:
    """As it comes over the wire."""
    target = BytesIO()
    pydicom.dcmwrite(target, made, implicit_vr=False, little_endian=True)
    target.seek(0)
    return pydicom.dcmread(target, force=True)


@pytest.mark.parametrize("name", ["张伟", "王璡", "欧阳娜娜", "𠮷田"])
@pytest.mark.parametrize("charset", ["ISO_IR 192", "GB18030", "GBK", "\\ISO 2022 IR 58", "ISO_IR 100", ""])
def test_chinese_names_both_ways_in_the_devices_own_character_set(charset: str, name: str) -> None:
    item = WorklistItem("A", "P", name, "F", None, "1.2", "US", "", ITEM.scheduled)
    asked = query(SpecificCharacterSet=charset)
    codec = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk", "\\ISO 2022 IR 58": "gb2312"}.get(charset)
    if codec:
        try:
            name.encode(codec)
        except UnicodeEncodeError:
            codec = None
    if codec:
        asked.PatientName = f"{name[0]}*" if codec != "gb2312" else f"={name[0]}*"
        assert matches(sent(asked), item)
        asked.PatientName = "陈*" if codec != "gb2312" else "=陈*"
        assert not matches(sent(asked), item)
        asked.PatientName = ""
    found = sent(answer(sent(asked), item, "US1"))
    assert person_name(found) == (name, "")
    spoken = found.SpecificCharacterSet
    assert (spoken if isinstance(spoken, str) else "\\".join(spoken)) == (charset if codec else "ISO_IR 192")
