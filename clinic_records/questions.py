"""What a person must say beside a number, because its meaning depends on it and no device knows it (hazards H05, H06).

A glucose of 6.5 mmol/L is good two hours after a meal and not when fasting; a device that tells the context itself
(in `Numeric.context`) is not asked about.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from clinic_records.reading import Reading


class Question(NamedTuple):
    """One thing to ask: the word it is kept under and the answers, the commonest first."""

    key: str
    answers: tuple[str, ...]


QUESTIONS: Final[Mapping[str, tuple[Question, ...]]] = {
    "glucose": (Question("meal", ("fasting", "after-meal-2h", "random")),),
    "blood-pressure": (Question("arm", ("left", "right")), Question("posture", ("sitting", "supine", "standing"))),
    "oximetry": (Question("oxygen", ("air", "oxygen")),),
    "temperature": (Question("site", ("forehead", "ear", "axilla", "oral")),),
}
"""Modality -> what is asked. Fasting means 8 hours or more (H05)."""


def open_questions(reading: Reading, answers: Mapping[str, str]) -> list[Question]:
    """What is still to be asked: neither the device nor a person has said it."""
    told = {key for numeric in reading.numerics for key in numeric.context}
    return [
        question
        for question in QUESTIONS.get(reading.modality, ())
        if question.key not in told and question.key not in answers
    ]
