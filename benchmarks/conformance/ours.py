"""What `clinic device decode` makes of one file."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from clinic_records.errors import ClinicError
from recordings.decode import decode_all
from recordings.signal import DecodedRecording


@dataclass(frozen=True, slots=True)
class Verdict:
    """One file: what was decoded, or why not."""

    file: Path
    recordings: tuple[DecodedRecording, ...]
    refusal: str

    @property
    def format(self) -> str:
        """Of the recordings; a dash where it was refused."""
        return self.recordings[0].format if self.recordings else "-"

    def words(self) -> str:
        """The verdict in one line of the table."""
        if not self.recordings:
            return f"refused: {self.refusal}"
        return "decoded: " + "; ".join(
            what if count == 1 else f"{count} x {what}" for what, count in Counter(map(_what, self.recordings)).items()
        )


def verdict(file: Path) -> Verdict:
    """Decode it; a refusal is a verdict, anything else that is raised is our mistake and goes through."""
    try:
        return Verdict(file, decode_all(file.read_bytes(), file.name), "")
    except ClinicError as error:
        return Verdict(file, (), str(error))


def _what(one: DecodedRecording) -> str:
    parts: list[str] = []
    if one.frames is not None:
        parts.append(
            f"{one.frames.count} frame{'s' * (one.frames.count > 1)} of {one.frames.columns} x {one.frames.rows}"
        )
    if one.signals:
        rates = sorted({signal.sampling_hz for signal in one.signals})
        most = max(len(signal.samples) for signal in one.signals)
        hertz = ", ".join(f"{rate:g}" for rate in rates)
        parts.append(f"{len(one.signals)} channel{'s' * (len(one.signals) > 1)} of {most} samples at {hertz} Hz")
    if one.numerics:
        absent = sum(number.absent is not None for number in one.numerics)
        parts.append(f"{len(one.numerics)} number{'s' * (len(one.numerics) > 1)}" + f", {absent} absent" * bool(absent))
    return ", ".join(parts) or (one.notes[0][:80] if one.notes else "no values")
