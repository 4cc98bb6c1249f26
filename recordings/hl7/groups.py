"""The segments of a result message, gathered by OBR: whose, which specimen, what was observed and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from clinic_records.reading import Numeric
from recordings.hl7.message import Message, Segment
from recordings.hl7.moments import moment
from recordings.hl7.observation import LONGEST_NOTE, observe

SPECIMEN_FIRST: Final = "OUL"
"""Message code whose SPM stands before the OBR it belongs to; in ORU it follows."""
_LOOK_BACK: Final = 20
"""Notes among which a repeated one is looked for."""
_REPORT_TYPES: Final = frozenset({"TX", "FT", "ED", "RP"})
_RESULT_TYPES: Final = frozenset({"NM", "SN", "CE", "CWE", "CNE", "CF"})


@dataclass(slots=True)
class Group:
    """One OBR with what belongs to it; `times` are (instant, whether its zone was stated)."""

    pid: Segment | None
    obr: Segment | None
    specimen: Segment | None = None
    observations: list[Segment] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    numerics: list[Numeric] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    times: list[tuple[datetime, bool]] = field(default_factory=list)

    def take(self, segment: Segment) -> None:
        """One more segment of it."""
        if segment.name == "OBX":
            self.observations.append(segment)
        elif segment.name == "SPM":
            self.specimen = segment
        elif segment.name == "NTE":
            self.comments.append(f"comment: {segment.plain(segment.raw(3))[:LONGEST_NOTE]}")

    @property
    def is_report(self) -> bool:
        """Whether it holds text or documents to be read, and nothing measured or coded."""
        kinds = {obx.text(2).upper() for obx in self.observations}
        return bool(kinds & _REPORT_TYPES) and not kinds & _RESULT_TYPES

    @property
    def says_something(self) -> bool:
        """Whether an observation of it gave a number, a word or a note."""
        return bool(self.numerics or self.notes)

    def read(self) -> None:
        """Fill `numerics`, `notes` and `times` from the observations; comments come last."""
        name = self._specimen_name()
        for obx in self.observations:
            observed = observe(obx, name)
            self.numerics += observed.numerics
            self.notes += [note for note in observed.notes if note not in self.notes[-_LOOK_BACK:]]
            when = moment(obx.text(14))
            if when and observed.is_result:
                self.times.append(when)
        if not self.times and self.obr is not None and (when := moment(self.obr.text(7))):
            self.times.append(when)
        if self.says_something:
            self.notes += self.comments

    def _specimen_name(self) -> str:
        """What the sample is called: SPM-4, else OBR-15 (source, or its text)."""
        if self.specimen is not None:
            return self.specimen.text(4, 2) or self.specimen.text(4)
        return (self.obr.text(15, 1, 2) or self.obr.text(15)).strip() if self.obr else ""


def groups_of(message: Message) -> list[Group]:
    """The groups of one message, read; an OBX before any OBR makes a group of its own."""
    groups = list(_gather(message))
    for group in groups:
        group.read()
    return groups


def _gather(message: Message) -> Iterator[Group]:
    specimen_first = message.kind[0] == SPECIMEN_FIRST
    opens = {"PID", "OBR", "SPM"} if specimen_first else {"PID", "OBR"}
    pid: Segment | None = None
    specimen: Segment | None = None
    current: Group | None = None
    for segment in message.segments[1:]:
        if segment.name in opens:
            if current:
                yield current
            current = None
        if segment.name == "PID":
            pid, specimen = segment, None
        elif segment.name == "SPM" and specimen_first:
            specimen = segment
        elif segment.name in {"OBR", "OBX"}:
            current = current or Group(pid, segment if segment.name == "OBR" else None, specimen)
        if current:
            current.take(segment)
    if current:
        yield current
