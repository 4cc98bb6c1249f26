"""A decoded recording in the words of a Reading: its content and whom the device says it measured."""

from datetime import date

from clinic_records.reading import Channel, Content, Document, Image, Subject, Waveform
from recordings.signal import DecodedRecording


def content(decoded: DecodedRecording) -> Content | None:
    """The description a Reading carries instead of the samples."""
    if decoded.frames is not None:
        frames = decoded.frames
        return Image(format=decoded.format, rows=frames.rows, columns=frames.columns, frames=frames.count)
    if decoded.document is not None:
        return Document(decoded.document.media_type, decoded.document.title)
    if not decoded.signals:
        return None
    channels = tuple(Channel(s.name, s.unit, s.sampling_hz, len(s.samples)) for s in decoded.signals)
    return Waveform(format=decoded.format, channels=channels)


def subject(decoded: DecodedRecording) -> Subject:
    """Whom the device says it measured; a birth date that is none is left out, never guessed."""
    told = decoded.patient
    return Subject(
        accession=told.get("accession", ""),
        study=told.get("study", ""),
        patient_id=told.get("patient_id", ""),
        name=told.get("name", ""),
        birth_date=_date(told.get("birth_date", "")),
        sex=told.get("sex", ""),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
