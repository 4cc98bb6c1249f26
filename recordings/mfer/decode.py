"""A whole MFER file -> a decoded recording."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from recordings.ecg_values import filled
from recordings.leads import TWELVE, add_derived_leads, derived_note
from recordings.mfer import tlv
from recordings.mfer.frames import State
from recordings.mfer.tlv import Definition, damaged, definitions
from recordings.mfer.values import age, moment, text
from recordings.signal import DecodedRecording

FORMAT: Final = "mfer"
MAX_BYTES: Final = 64 * 1024 * 1024
_BEGINS: Final = (b"\x40\x20MFR ", b"\x40\x20 MFR ", b"\x40\x20MFER", b"\x40\x20 MFER")
"""MWF_PRE, 32 bytes of it, and the letters that stand first (ISO 22077-1, preamble; biosig's readers know both)."""
_SEX: Final = {1: "M", 2: "F", 3: "O"}
_MAX_NOTES: Final = 100


def looks_like_mfer(raw: bytes) -> bool:
    """Whether it begins with MFER's preamble; the standard allows a file without, but nothing then tells it apart."""
    return raw.startswith(_BEGINS)


def decode_mfer(raw: bytes) -> DecodedRecording:
    """All frames as one recording; III, aVR, aVL and aVF are computed where I and II are there.

    Raises:
        BadFrame: a definition is cut or cannot be, or there is no waveform.
    """
    if len(raw) > MAX_BYTES:
        raise damaged(f"{len(raw)} bytes are more than {MAX_BYTES}")
    state = State()
    told: dict[int, bytes] = {}
    comments: list[bytes] = []
    for definition in _flat(raw):
        if state.define(definition):
            continue
        if definition.tag == tlv.TXC:
            state.charset = text(definition.value, "")
        elif definition.tag == tlv.NTE and len(comments) < _MAX_NOTES:
            comments.append(definition.value)
        else:
            told.setdefault(definition.tag, definition.value)
    if not state.pieces:
        raise damaged("no waveform (MWF_WAV) in it")
    stored = state.signals()
    signals = add_derived_leads(stored) if {s.name for s in stored} & set(TWELVE) else stored
    start = moment(told.get(tlv.TIM, b""), state.order)
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(told, state),
        device=_device(told, state, start),
        start=start,
        signals=signals,
        from_memory=state.is_long_term,
        notes=_cut_note(state) + derived_note(stored, signals) + _comments(comments, state.charset),
    )


def _cut_note(state: State) -> tuple[str, ...]:
    if state.left_out == 0:
        return ()
    longest = max(len(signal.samples) for signal in state.signals())
    return (f"only the first {longest} samples of each channel are read, {state.left_out} are left out",)


def _comments(comments: list[bytes], charset: str) -> tuple[str, ...]:
    return tuple(f"comment: {text(comment, charset)}" for comment in comments)


def _flat(raw: bytes) -> Iterator[Definition]:
    """The definitions with those of groups (MWF_SET) among them."""
    for definition in definitions(raw):
        if definition.tag == tlv.SET:
            yield from definitions(definition.view, 1)
        else:
            yield definition


def _patient(told: dict[int, bytes], state: State) -> dict[str, str]:
    years, born = age(told.get(tlv.AGE, b""), state.order)
    return filled(
        patient_id=text(told.get(tlv.PID, b""), state.charset),
        name=" ".join(text(told.get(tlv.PNM, b""), state.charset).replace("^", " ").split()),
        sex=_SEX.get(int.from_bytes(told.get(tlv.SEX, b"")[:1]), ""),
        age=years,
        birth_date=born,
    )


def _device(told: dict[int, bytes], state: State, start: datetime | None) -> dict[str, str]:
    """MWF_MAN is maker^model^version^serial number."""
    parts = [*text(told.get(tlv.MAN, b""), state.charset).split("^"), "", "", "", ""]
    return filled(
        manufacturer=parts[0],
        model=parts[1],
        serial=parts[3],
        source_id=text(told.get(tlv.UID, b""), state.charset),
        time_zone="assumed" if start else "",
    )
