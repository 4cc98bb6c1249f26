"""From a recording that `recordings` decodes to a Reading: SCP-ECG and spirometer sessions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import BadFrame
from clinic_records.ids import sha256_hex
from clinic_records.reading import RawBytes, Reading
from devices.delivery import Delivery
from recordings.decode import decode
from recordings.describe import content, subject

LARGEST: Final = 16 << 20
"""Bytes: no recording of a line device comes near; more is refused before it is read."""
MODALITIES: Final[Mapping[str, str]] = {
    "scp-ecg": "ecg",
    "sp80b": "spirometry",
    "spirometry-wf": "spirometry",
}
"""Format of the decoder -> modality of the Reading."""


def interpret(delivery: Delivery, raw: Path) -> Reading:
    """The Reading of a decoded recording; its numbers are the device's own.

    Raises:
        RefusedInput: a format no driver of ours delivers.
        BadFrame: the bytes are not the format they claim to be.
    """
    size = raw.stat().st_size
    if size > LARGEST:
        raise BadFrame(f"{delivery.device}: {size} bytes; a recording of a line device has at most {LARGEST}")
    data = raw.read_bytes()
    decoded = decode(data)
    if decoded.format not in MODALITIES:
        raise BadFrame(f"{delivery.device}: the bytes are {decoded.format}, not {delivery.media_type}")
    told = subject(decoded)
    notes = decoded.notes
    if not (told.patient_id or told.accession):
        notes += ("no patient id in the recording",)
    return Reading(
        device=delivery.device,
        modality=MODALITIES[decoded.format],
        stamp=msgspec.structs.replace(delivery.stamp, device_time=decoded.start),
        raw=RawBytes(sha256_hex(data), size, delivery.media_type),
        source_id=delivery.source_id or decoded.device.get("source_id", ""),
        content=content(decoded),
        numerics=decoded.numerics,
        subject=told,
        from_memory=delivery.from_memory,
        notes=notes,
    )
