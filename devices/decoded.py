"""From what `recordings` decodes to Readings: every format that a device sends over a line or drops as a file."""

from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.reading import RawBytes, Reading
from devices.delivery import Delivery
from recordings.decode import decode_all
from recordings.describe import content, subject
from recordings.signal import DecodedRecording

LARGEST: Final = 64 << 20
"""Bytes: no recording of a line device comes near; more is refused before it is read."""


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """One Reading for each decoded recording; the numbers are the device's own.

    Raises:
        RefusedInput: not a format we read, or nothing measured in it.
        BadFrame: the bytes are not the format they claim to be.
    """
    size = raw.stat().st_size
    if size > LARGEST:
        raise BadFrame(f"{delivery.device}: {size} bytes; a recording of such a device has at most {LARGEST}")
    data = raw.read_bytes()
    source = RawBytes(sha256_hex(data), size, delivery.media_type)
    return tuple(_reading(delivery, source, decoded, part) for part, decoded in enumerate(decode_all(data)))


def _reading(delivery: Delivery, raw: RawBytes, decoded: DecodedRecording, part: int) -> Reading:
    if not decoded.modality:
        raise RefusedInput(f"{delivery.device}: nothing measured: {'; '.join(decoded.notes)}")
    told = subject(decoded)
    notes = decoded.notes
    if not (told.patient_id or told.accession):
        notes += ("no patient id in the recording",)
    return Reading(
        device=delivery.device,
        modality=decoded.modality,
        stamp=msgspec.structs.replace(delivery.stamp, device_time=decoded.start),
        raw=raw,
        part=part,
        source_id=decoded.device.get("source_id", "") or (delivery.source_id if part == 0 else ""),
        content=content(decoded),
        numerics=decoded.numerics,
        subject=told,
        from_memory=delivery.from_memory or decoded.from_memory,
        notes=notes,
    )
