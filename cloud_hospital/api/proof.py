"""GET /api/v1/proof: hashes of everything held, computed now from the bytes, to be compared with the vehicles'."""

import hashlib
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from clinic_records.ids import sha256_hex
from cloud_hospital.api.access import bearer, log_pull, need_statutory
from cloud_hospital.api.answers import json_answer
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import blobs, entries, quarantine


class ProvenEntry(msgspec.Struct, frozen=True):
    """One version held; `sha256` is of its payload bytes as they are stored now."""

    id: str
    revision: int
    sha256: str
    kind: str
    vehicle: str


class ProvenBlob(msgspec.Struct, frozen=True):
    """One blob held; `sha256` names it, `is_intact` says that its file has that hash now."""

    sha256: str
    size: int
    vehicle: str
    is_intact: bool


class Proof(msgspec.Struct, frozen=True):
    """Everything held; `quarantined` envelopes are kept too but are not counted as received."""

    epoch: str
    entries: list[ProvenEntry]
    blobs: list[ProvenBlob]
    quarantined: int


def prove(hospital: Hospital) -> Proof:
    """Read every payload and every blob again and hash it."""
    with reading(hospital.engine) as connection:
        columns = (entries.c.id, entries.c.revision, entries.c.kind, entries.c.vehicle, entries.c.payload)
        held = [
            ProvenEntry(row.id, row.revision, sha256_hex(row.payload), row.kind, row.vehicle)
            for row in connection.execute(select(*columns).order_by(entries.c.n))
        ]
        named = connection.execute(select(blobs).order_by(blobs.c.vehicle, blobs.c.sha256)).all()
        aside = len(connection.execute(select(quarantine.c.n)).all())
    files = [
        ProvenBlob(row.sha256, row.size, row.vehicle, _hash_of(hospital.folder.root / row.path) == row.sha256)
        for row in named
    ]
    return Proof(hospital.log.current(), held, files, aside)


def proof_router(hospital: Hospital) -> APIRouter:
    """The proof's part of the interface; statutory tokens only."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/proof")
    def get_proof(request: Request) -> Response:
        """Hashes of all entries and blobs."""
        caller = need_statutory(bearer(hospital, request))
        proof = prove(hospital)
        log_pull(hospital, caller, "proof", "", "", len(proof.entries))
        return json_answer(proof)

    return router


def _hash_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
