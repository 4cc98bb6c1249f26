"""Worklist orders: what lets a DICOM device pick the person, so that its objects bind by accession (law 9)."""

import hashlib
import uuid
from datetime import datetime
from typing import Final

import msgspec

from clinic_records.ids import DeviceId, EncounterId, PatientId

ACCESSION_CHARACTERS: Final = 16
"""Length limit of AccessionNumber (0008,0050), value representation SH (DICOM PS3.5, 6.2)."""

SAMPLE_CHARACTERS: Final = 10
"""Length of a sample number: a person types it at an analyser, and Sysmex analysers take 15 characters at most."""
SAMPLED: Final = frozenset({"laboratory", "urinalysis"})
"""Modalities that measure a sample: the analyser gives its number back, long after the person has gone."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, which are misread when typed at a device."""


class Order(msgspec.Struct, frozen=True):
    """One worklist entry: this encounter's person on this device. `modality` is DICOM's (0008,0060)."""

    accession: str
    study_uid: str
    encounter: EncounterId
    patient: PatientId
    device: DeviceId
    modality: str
    scheduled: datetime


def accession_of(encounter: EncounterId, device: DeviceId) -> str:
    """The accession of this encounter on this device: 80 bits of SHA-256 over both ids in base 32, 16 characters."""
    number = int.from_bytes(_digest(encounter, device)[:10], "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))


def sample_of(encounter: EncounterId, device: DeviceId) -> str:
    """The sample number of this encounter on this analyser; its result comes back under it."""
    return accession_of(encounter, device)[:SAMPLE_CHARACTERS]


def sample_order(encounter: EncounterId, patient: PatientId, device: DeviceId, scheduled: datetime) -> Order:
    """The order whose accession is the sample number; no worklist shows it."""
    order = new_order(encounter, patient, device, "", scheduled)
    return msgspec.structs.replace(order, accession=sample_of(encounter, device))


def new_order(
    encounter: EncounterId, patient: PatientId, device: DeviceId, modality: str, scheduled: datetime
) -> Order:
    """The order of this encounter on this device; asking twice gives the same numbers.

    The study UID is a UUID-derived one under 2.25 (DICOM PS3.5, B.2).
    """
    study = uuid.UUID(bytes=_digest(encounter, device)[10:26], version=4)
    accession = accession_of(encounter, device)
    return Order(accession, f"2.25.{study.int}", encounter, patient, device, modality, scheduled)


def _digest(encounter: EncounterId, device: DeviceId) -> bytes:
    return hashlib.sha256(f"order\0{encounter}\0{device}".encode()).digest()
