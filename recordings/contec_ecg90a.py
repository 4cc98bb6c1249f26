"""Contec ECG90A, the cart's own `.ECG` file -> a decoded recording.

43 bytes of head (case number 8, 2 unknown, time 20, 2 unknown, name 8, sex, age, weight), then 800 times a second 8
unsigned 16-bit samples, then 37 bytes. 5000 nV a step around 2048; 0x6800 where no electrode was on. Found by Rigacci
on his device (rigacci.org wiki, "Contec ECG90A Electrocardiograph - ECG File Format") and agreed with by three of its
files; Contec publishes nothing. The first two columns are leads II and III: of both readings only this one gives a
lead I and aVR that a heart can make. Little-endian; no checksum.
"""

import re
import struct
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from recordings.arrays import FloatArray
from recordings.ecg_values import filled, local_time
from recordings.leads import TWELVE, add_derived_leads
from recordings.signal import DecodedRecording, Signal

FORMAT: Final = "contec-ecg90a"
HEAD: Final = struct.Struct("<8s2s20s2s8sBBB")
TAIL_BYTES: Final = 37
STORED: Final = ("II", "III", "V1", "V2", "V3", "V4", "V5", "V6")
SAMPLING_HZ: Final = 800.0
STEP_UV: Final = 5.0
ZERO: Final = 2048
NO_ELECTRODE: Final = 0x6800
_ROW: Final = 2 * len(STORED)
_MAX_BYTES: Final = 2 * 1024 * 1024
"""More than two minutes, four times the longest file seen; bounds memory."""
_STAMP: Final = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\0")
_SEX: Final = {0: "F", 1: "M"}
"""255 stands for not entered."""
_SEND_AGAIN = Hint(
    "文件不完整。请从心电图机的存储卡重新拷贝。", "The file is cut; copy it from the cart's memory card again."
)


def looks_like_ecg90a(raw: bytes) -> bool:
    """Whether the time stands where the head has it, with NUL bytes on both sides."""
    return bool(_STAMP.match(raw[10:30])) and raw[8:10] == bytes(2) and raw[30:32] == bytes(2)


def decode_ecg90a(raw: bytes) -> DecodedRecording:
    """The eight leads stored and the four that follow from II and III; NaN where no electrode was on.

    Raises:
        BadFrame: the file is cut, or not of this format.
    """
    samples_bytes = len(raw) - HEAD.size - TAIL_BYTES
    if not looks_like_ecg90a(raw):
        raise _damaged("no time at byte 10")
    if not 0 < samples_bytes <= _MAX_BYTES or samples_bytes % _ROW:
        raise _damaged(f"{samples_bytes} bytes of samples are not rows of {_ROW}")
    stored = np.frombuffer(raw, "<u2", samples_bytes // 2, HEAD.size).reshape(-1, len(STORED))
    ends = np.flatnonzero(~stored.any(axis=1))
    if len(ends):
        raise _damaged(f"the curve ends at row {ends[0] + 1} of {len(stored)}")
    values = (stored.astype(np.float64) - ZERO) * STEP_UV
    values[stored == NO_ELECTRODE] = np.nan
    columns = dict(zip(STORED, values.T.copy(), strict=True))
    start = local_time(raw[10:29].decode("ascii"), "%Y-%m-%d %H:%M:%S")
    _, _, _, _, name, sex, age, weight = HEAD.unpack_from(raw)
    return DecodedRecording(
        format=FORMAT,
        patient=filled(
            name=_text(name),
            sex=_SEX.get(sex, ""),
            age=f"{age} a" if age else "",
            weight=f"{weight} kg" if weight else "",
        ),
        device={
            "manufacturer": "Contec",
            "model": "ECG90A",
            "source_id": f"{_text(raw[:8])} {_text(raw[10:30])}",
            **({"time_zone": "assumed"} if start else {}),
        },
        start=start,
        signals=_twelve(columns),
        notes=_notes(stored),
        from_memory=True,  # the cart keeps its cases on a card, which is read later (hazard H02)
    )


def _twelve(columns: dict[str, FloatArray]) -> tuple[Signal, ...]:
    """Lead I = II - III (Einthoven); aVR, aVL and aVF then as everywhere."""
    with_one = {"I": columns["II"] - columns["III"], **columns}
    return add_derived_leads(Signal(name, "uV", SAMPLING_HZ, samples) for name, samples in with_one.items())


def _notes(stored: "np.ndarray[tuple[int, ...], np.dtype[np.uint16]]") -> tuple[str, ...]:
    derived = [name for name in TWELVE if name not in STORED]
    notes = [f"computed from leads II and III: {', '.join(derived)}"]
    off = [name for name, is_off in zip(STORED, (stored == NO_ELECTRODE).all(axis=0), strict=True) if is_off]
    if off:
        notes.append(f"no electrode was on: {', '.join(off)}")
    beyond = int(((stored >= 2 * ZERO) & (stored != NO_ELECTRODE)).sum())
    if beyond:
        notes.append(f"{beyond} samples are beyond the 12 bits of the converter")
    return tuple(notes)


def _text(field: bytes) -> str:
    value = field.split(b"\0", 1)[0]
    try:
        return value.decode("gb18030").strip()
    except UnicodeDecodeError:
        return ""


def _damaged(message: str) -> BadFrame:
    return BadFrame(f"Contec ECG90A: {message}", hint=_SEND_AGAIN)


def encode_ecg90a(columns: dict[str, FloatArray], *, case: str, taken: str, name: str = "", sex: str = "") -> bytes:
    """A file as the cart writes it, for simulator and tests: `columns` by STORED, in microvolts; NaN = no electrode."""
    rows = np.column_stack([columns[lead] for lead in STORED])
    stored = np.where(np.isnan(rows), NO_ELECTRODE, np.rint(np.nan_to_num(rows) / STEP_UV) + ZERO).astype("<u2")
    sex_code = {"F": 0, "M": 1}.get(sex, 255)
    head = HEAD.pack(case.encode(), b"", taken.encode(), b"", name.encode("gb18030")[:8], sex_code, 0, 0)
    return head + stored.tobytes() + bytes(TAIL_BYTES)
