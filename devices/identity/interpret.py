"""What a card reader or a scanner said as a Reading: whom it names and no number measured.

The vehicle never keeps such a Reading: cards and scans are events in memory (`DeviceType.subject`). This is the door
for whoever reads a frame on a bench, and for the contract that every row keeps.
"""

from pathlib import Path

from clinic_records.barcode import Kind
from clinic_records.errors import BadFrame
from clinic_records.ids import sha256_hex
from clinic_records.reading import RawBytes, Reading, Subject
from devices.delivery import Delivery
from devices.framing.sam import MOST
from devices.identity import barcode, resident_card


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """The one Reading of a card or a scan.

    Raises:
        BadFrame: not the bytes of a card reader or a scanner.
        RefusedInput: the card could not be read, or is of a kind that is not read.
    """
    if raw.stat().st_size > 2 * MOST:
        raise BadFrame(f"{delivery.device}: no card and no code has {raw.stat().st_size} bytes")
    data = raw.read_bytes()
    is_card = delivery.media_type == resident_card.MEDIA_TYPE
    reading = Reading(
        device=delivery.device,
        modality="identity" if is_card else "barcode",
        stamp=delivery.stamp,
        raw=RawBytes(sha256_hex(data), len(data), delivery.media_type),
        subject=_of_card(data) if is_card else _of_scan(data),
    )
    return (reading,)


def _of_card(data: bytes) -> Subject:
    card = resident_card.read_card(data)
    return Subject(patient_id=card.number, name=card.name, birth_date=card.birth_date, sex=card.sex.value)


def _of_scan(data: bytes) -> Subject:
    scan = barcode.read_scan(data)
    if scan.kind in {Kind.PERSON, Kind.RESIDENT}:
        return Subject(patient_id=scan.value)
    return Subject(accession=scan.value) if scan.kind is Kind.SAMPLE else Subject()
