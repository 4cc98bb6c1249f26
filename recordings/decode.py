"""Raw bytes of unknown format -> decoded recordings; the bytes decide, a name only helps to word a refusal."""

from dataclasses import replace
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from recordings.formats import FORMATS, Format
from recordings.scp_ecg.decode import decode_scp
from recordings.signal import DecodedRecording
from recordings.unread import name_of

MAX_BYTES: Final = 1024 * 1024 * 1024

_NAMES = ", ".join(one.name for one in FORMATS)
_UNKNOWN = Hint(
    f"能识别的格式：{_NAMES}。请确认文件来自哪台设备。",
    f"Known formats: {_NAMES}. Check which device wrote it.",
)
_SEVERAL = Hint("文件里有好几份记录。", "The file holds several recordings.")


def decode_all(raw: bytes, name_hint: str = "") -> tuple[DecodedRecording, ...]:
    """The recordings in `raw`, whatever known format it has; at least one.

    Raises:
        BadFrame: the bytes are of a known format, but cut or damaged.
        RefusedInput: not a format this version reads, or whole but without anything measured; the message says which.
    """
    if len(raw) > MAX_BYTES:
        raise RefusedInput(f"{len(raw)} bytes are more than a recording can have ({MAX_BYTES})")
    for one in FORMATS:
        if one.fits(raw):
            return _read(one, raw)
    if name_hint.lower().endswith(".scp"):
        return (decode_scp(raw),)  # refuses, saying why such a file is not of the standard
    raise RefusedInput(f"not a format this version reads: {name_of(raw)}, {len(raw)} bytes", hint=_UNKNOWN)


def decode(raw: bytes, name_hint: str = "") -> DecodedRecording:
    """The only recording in `raw`.

    Raises:
        BadFrame, RefusedInput: as `decode_all`; and there are several.
    """
    found = decode_all(raw, name_hint)
    if len(found) > 1:
        raise RefusedInput(f"{len(found)} recordings of format {found[0].format} where one was expected", hint=_SEVERAL)
    return found[0]


def _read(one: Format, raw: bytes) -> tuple[DecodedRecording, ...]:
    found = one.read(raw)
    if not found:
        raise RefusedInput(f"{one.name}: nothing measured in it")
    return tuple(each if each.modality else replace(each, modality=one.modality) for each in found)
