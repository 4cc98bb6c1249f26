"""A number whose meaning depends on something is asked about until the device or a person has said it."""

from datetime import UTC, datetime

import msgspec

from clinic_records.clock import Stamp
from clinic_records.ids import BlobHash, DeviceId
from clinic_records.quantity import quantity
from clinic_records.questions import QUESTIONS, open_questions
from clinic_records.reading import Code, Numeric, RawBytes, Reading

GLUCOSE = Reading(
    DeviceId("g1"),
    "glucose",
    Stamp(datetime(2026, 11, 23, tzinfo=UTC)),
    RawBytes(BlobHash("0" * 64), 1, "x/y"),
    numerics=(Numeric(Code("loinc", "14743-9", "Glucose"), quantity("6.5", "mmol/L")),),
)


def test_asked_until_a_person_or_the_device_has_said_it() -> None:
    assert [question.key for question in open_questions(GLUCOSE, {})] == ["meal"]
    assert open_questions(GLUCOSE, {"meal": "fasting"}) == []
    (numeric,) = GLUCOSE.numerics
    told = msgspec.structs.replace(numeric, context={"meal": "fasting"})
    assert open_questions(msgspec.structs.replace(GLUCOSE, numerics=(told,)), {}) == []


def test_nothing_is_asked_about_what_needs_nothing() -> None:
    assert open_questions(msgspec.structs.replace(GLUCOSE, modality="ecg"), {}) == []
    assert all(len(question.answers) > 1 for asked in QUESTIONS.values() for question in asked)
