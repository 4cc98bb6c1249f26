"""What a modality is called on pages, and how long or large a recording is."""

from typing import Any, Final

from jinja2 import pass_context
from jinja2.runtime import Context

from clinic_records.questions import open_questions
from clinic_records.reading import Image, Numeric, Reading, Waveform
from clinic_web.pages import Pages

_OF_WHAT: Final = ("meal", "laterality", "site", "fetus", "tracking", "method", "derivation")
"""Words of a number's context that say what it is a number of, in the order shown."""
_ASKED: Final = ("meal", "site")
"""Those of them whose words are among the answers to a question: a device that told them itself is not asked about."""
_PROGRESS: Final = {
    "examination in progress": "reading.exam_begun",
    "examination completed": "reading.exam_done",
    "examination discontinued on the device": "reading.exam_broken_off",
}
"""Note of an examination's progress -> what the page says."""


def install(pages: Pages) -> None:
    """Give the templates `modality(name)`, `extent(reading)`, `of_what(number)` and `progress(reading)`."""
    catalogue = pages.catalogue

    @pass_context
    def modality(context: Context, name: str) -> str:
        text = catalogue.texts.get(f"modality.{name}")
        return text.in_lang(context["lang"]) if text else name

    @pass_context
    def extent(context: Context, reading: Reading) -> str:
        lang: str = context["lang"]
        content: Any = reading.content
        if isinstance(content, Waveform) and content.channels:
            first = content.channels[0]
            rated = [channel for channel in content.channels if channel.sampling_hz]
            seconds = max((channel.samples / channel.sampling_hz for channel in rated), default=0.0)
            kind = "reading.leads" if reading.modality == "ecg" else "reading.channels"
            return catalogue.say(
                lang, kind, n=len(content.channels), seconds=f"{seconds:.3g}", hz=f"{first.sampling_hz:g}"
            )
        if isinstance(content, Image):
            return catalogue.say(lang, "reading.image", n=content.frames, columns=content.columns, rows=content.rows)
        return ""

    @pass_context
    def progress(context: Context, reading: Reading) -> str:
        key = next((_PROGRESS[note] for note in reading.notes if note in _PROGRESS), "")
        return catalogue.say(context["lang"], key) if key else ""

    @pass_context
    def named(context: Context, number: Numeric) -> str:
        said = (
            (word, catalogue.texts.get(f"answer.{word}") if key in _ASKED else None) for key, word in of_what(number)
        )
        return ", ".join(text.in_lang(context["lang"]) if text else word for word, text in said)

    pages.environment.globals |= {
        "modality": modality,
        "extent": extent,
        "open_questions": open_questions,
        "progress": progress,
        "of_what": named,
    }


def of_what(number: Numeric) -> list[tuple[str, str]]:
    """Which meal, side, place or child a number is of, in the device's words; a number is nothing without it."""
    return [(key, number.context[key]) for key in _OF_WHAT if number.context.get(key)]
