"""Raw bytes of unknown format -> a decoded recording; the bytes decide, a name only helps to word a refusal."""

from collections.abc import Callable
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from recordings.dicom_file import bad_dicom, looks_like_dicom, read_dataset
from recordings.dicom_image import decode_image_dataset
from recordings.dicom_waveform import decode_waveform_dataset
from recordings.scp_ecg.decode import decode_scp
from recordings.scp_ecg.record import looks_like_scp
from recordings.signal import DecodedRecording
from recordings.spirometry.sp80b import decode_session
from recordings.spirometry.sp80b_layout import RESULT_SIZE, RESULT_TYPE, WAVE_TYPE
from recordings.spirometry.waveform_file import decode_waveform_file, looks_like_waveform_file
from recordings.unread import name_of

MAX_BYTES: Final = 1024 * 1024 * 1024

_UNKNOWN = Hint(
    "能识别的格式：SCP-ECG、DICOM 心电和图像、SP80B 肺功能、.wf 波形。请确认文件来自哪台设备。",
    "Known formats: SCP-ECG, DICOM ECG and pictures, SP80B spirometry, .wf waveforms. Check which device wrote it.",
)


def _decode_dicom(raw: bytes) -> DecodedRecording:
    dataset = read_dataset(raw)
    if "WaveformSequence" in dataset:
        return decode_waveform_dataset(dataset)
    if "PixelData" in dataset:
        return decode_image_dataset(dataset)
    raise bad_dicom("the file holds neither a waveform nor pictures")


def _looks_like_session(raw: bytes) -> bool:
    return raw[:1] == bytes((RESULT_TYPE,)) and raw[RESULT_SIZE : RESULT_SIZE + 1] in {b"", bytes((WAVE_TYPE,))}


_FORMATS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], DecodedRecording]], ...]] = (
    (looks_like_dicom, _decode_dicom),
    (looks_like_scp, decode_scp),
    (_looks_like_session, decode_session),
    (looks_like_waveform_file, decode_waveform_file),
)
"""(does it look like it, decode it), asked in this order."""


def decode(raw: bytes, name_hint: str = "") -> DecodedRecording:
    """The recording in `raw`, whatever known format it has.

    Raises:
        BadFrame: the bytes are of a known format, but cut or damaged.
        RefusedInput: not a format this version reads; the message names it where it is known.
    """
    if len(raw) > MAX_BYTES:
        raise RefusedInput(f"{len(raw)} bytes are more than a recording can have ({MAX_BYTES})")
    for looks_like, decode_format in _FORMATS:
        if looks_like(raw):
            return decode_format(raw)
    if name_hint.lower().endswith(".scp"):
        return decode_scp(raw)  # refuses, saying why such a file is not of the standard
    raise RefusedInput(f"not a format this version reads: {name_of(raw)}, {len(raw)} bytes", hint=_UNKNOWN)
