"""Result messages -> recordings: ORU^R01 and its kin, laboratory OUL messages, IHE PCD-01.

One recording for each OBR group (HL7 v2.5.1 section 7.3.1; OUL^R22, section 7.3.7, puts the specimen before it). A
message that carries no results (ADT, orders, acknowledgements) is refused by name; in a file of several messages it is
only noted.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from recordings.hl7.groups import Group, groups_of
from recordings.hl7.message import Message, read_batch
from recordings.hl7.moments import moment
from recordings.hl7.subject import accession_of, device_of, patient_of
from recordings.modality_of_codes import modality_of
from recordings.signal import DecodedRecording

FORMAT: Final = "hl7-v2"
RESULT_EVENTS: Final[Mapping[str, frozenset[str]]] = {
    "ORU": frozenset({"", "R01", "R30", "R31", "R32"}),
    "OUL": frozenset({"R21", "R22", "R23", "R24"}),
}
"""MSH-9: message code -> trigger events that carry results. R30 to R32 are of point-of-care devices (section 7.3.3)."""
_MOST_NOTES: Final = 60
_NO_RESULTS = Hint(
    "这条消息里没有检查结果。请在设备上设置发送结果（ORU）。",
    "This message carries no results. Set the device to send results (ORU).",
)
_PURPOSES: Final[Mapping[str, str]] = {"D": "debugging", "T": "training"}
"""MSH-11 (table 0103) that is not production."""
_CONTROL_SPECIMENS: Final = frozenset({"Q", "C", "B", "E"})
"""SPM-11 (table 0369): control, calibrator, blind sample, electronic control."""
_CONTROL_RUNS: Final[Mapping[str, str]] = {"1": "calibration", "2": "quality control"}
"""MSH-16 of Mindray's host interface (BS series, section 2.4.1), where HL7 has the acknowledgement type."""


def decode_hl7(raw: bytes) -> tuple[DecodedRecording, ...]:
    """The results of every message in a file or block, one recording for each group.

    Raises:
        BadFrame: not HL7 v2, damaged, or beyond the limits of `recordings.hl7.message`.
        RefusedInput: no result in it, or a character set we do not read; the message says which.
    """
    batch = read_batch(raw)
    taken: list[tuple[Message, Group]] = []
    refusals: list[str] = []
    for message in batch.messages:
        code, event = message.kind
        if event not in RESULT_EVENTS.get(code, ()):
            refusals.append(f"{code[:10]}^{event[:10]} carries no results")
            continue
        groups = [group for group in groups_of(message) if group.says_something]
        if not groups:
            refusals.append(f"{code}^{event} has no observation (OBX)")
        taken += [(message, group) for group in groups]
    reasons = tuple(dict.fromkeys(refusals))[:_MOST_NOTES]
    if not taken:
        raise RefusedInput(f"HL7 message: {'; '.join(reasons)}", hint=_NO_RESULTS)
    notes = batch.notes + tuple(f"left out: {reason}" for reason in reasons)
    return tuple(_recording(message, group, notes) for message, group in taken)


def _recording(message: Message, group: Group, notes: tuple[str, ...]) -> DecodedRecording:
    modality = "document" if group.is_report else modality_of(group.numerics, "laboratory")
    started = min(group.times, default=None) or moment(message.header.text(7))
    if started and not group.times:
        notes = ("no time of measurement: the time is that of the message (MSH-7)", *notes)
    control = _control_run(message, group)
    accession = accession_of(group.obr, group.specimen, is_laboratory=modality == "laboratory")
    if control:
        notes = (f"a {control} run, nobody's result", *notes)
    if purpose := _PURPOSES.get(message.header.text(11), ""):
        notes = (f"the sender calls it a {purpose} message (MSH-11)", *notes)
    return DecodedRecording(
        format=FORMAT,
        patient=patient_of(group.pid) | ({"accession": accession} if accession else {}),
        device=device_of(message.header, zone_is_assumed=started is not None and not started[1]),
        start=started[0] if started else None,
        numerics=tuple(group.numerics),
        notes=(*notes, *message.notes, *group.notes[:_MOST_NOTES]),
        modality=modality,
        from_memory=bool(control),
    )


def _control_run(message: Message, group: Group) -> str:
    """What it is where it is nobody's: SPM-11, or Mindray's MSH-16."""
    if group.specimen is not None and group.specimen.text(11) in _CONTROL_SPECIMENS:
        return "quality control"
    return _CONTROL_RUNS.get(message.header.text(16), "")
