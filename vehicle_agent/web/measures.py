"""What a modality is called on pages, and how long or large a recording is."""

from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from clinic_records.questions import open_questions
from clinic_records.reading import Image, Reading, Waveform
from clinic_web.pages import Pages


def install(pages: Pages) -> None:
    """Give the templates `modality(name)` and `extent(reading)`."""
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

    pages.environment.globals |= {"modality": modality, "extent": extent, "open_questions": open_questions}
