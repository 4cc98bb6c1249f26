"""For a device whose message is a few words of text: from bytes to a Reading, with the care every decoder owes."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from clinic_records.reading import AbsentReason, Numeric, RawBytes, Reading, Subject
from devices.delivery import Delivery

LONGEST: Final = 64 << 10
"""Bytes: what is longer is no message of a simple device."""


class Said(NamedTuple):
    """What a message says.

    Attributes:
        subject: whom the device names, where it has a field for it.
        notes: what a reader of the numbers should know, in English.
    """

    numerics: tuple[Numeric, ...]
    subject: Subject = Subject()
    notes: tuple[str, ...] = ()


def measured(key: str, value: str, unit: str, **context: str) -> Numeric:
    """The number the device gave, in the unit the device gave (law 10).

    Args:
        key: `system:code` of clinic_records/observations.py.
        value: its digits.
        unit: UCUM; another kind of unit than the code's is refused.
        context: what its meaning depends on.

    Raises:
        RefusedInput: no number, or a unit that cannot be the code's.
    """
    row = BY_KEY[key]
    found = quantity(value, unit)
    found.to(row.unit)
    return Numeric(row.as_code(), found, context=context)


def not_measured(key: str, reason: AbsentReason = AbsentReason.ERROR) -> Numeric:
    """The device tried and has no number: an error code is a reason, never a value (hazard H07)."""
    return Numeric(BY_KEY[key].as_code(), absent=reason)


def reading_of(delivery: Delivery, raw: Path, modality: str, read: Callable[[str], Said]) -> tuple[Reading, ...]:
    """The one Reading of a message of text.

    Args:
        delivery: what is known of the message.
        raw: the file with its bytes.
        modality: of the catalog row.
        read: text without the white space around it -> what it says; raises BadFrame or RefusedInput, nothing else.

    Raises:
        BadFrame: too long, not ASCII, or what `read` raises.
        RefusedInput: the message says nothing, or what `read` raises.
    """
    size = raw.stat().st_size
    if size > LONGEST:
        raise BadFrame(f"{delivery.device}: {size} bytes are no message of such a device")
    data = raw.read_bytes()
    if not data.isascii():
        raise BadFrame(f"{delivery.device}: not ASCII text")
    said = read(data.decode("ascii").strip())
    if not said.numerics:
        raise RefusedInput(f"{delivery.device}: the message holds no measurement")
    source = RawBytes(sha256_hex(data), size, delivery.media_type)
    reading = Reading(
        device=delivery.device,
        modality=modality,
        stamp=delivery.stamp,
        raw=source,
        source_id=delivery.source_id,
        numerics=said.numerics,
        subject=said.subject,
        from_memory=delivery.from_memory,
        notes=said.notes,
    )
    return (reading,)
