"""Sealing one big blob, for a child process: it imports as little as it can, because it is big enough."""

from pathlib import Path

import msgspec

from clinic_records.record import Record
from sync.coding.choice import UNKNOWN
from sync.coding.choose import Terms
from sync.coding.table import HEAVY
from sync.keys import OriginKeys, RecipientKey
from sync.seal import seal
from vehicle_agent.store.blob_file import BlobFile
from vehicle_agent.store.durable import require_room


class SealJob(msgspec.Struct, frozen=True):
    """All a child process needs to seal one big blob; picklable. It holds keys: never write it to a disk."""

    record: Record
    blob: BlobFile
    sign: bytes
    recipient: bytes
    created_ms: int
    target: str
    codecs: tuple[str, ...]
    rate: float = UNKNOWN
    is_idle: bool = False
    is_plain: bool = False

    @property
    def is_heavy(self) -> bool:
        """Whether heavy coders may be used."""
        return not HEAVY.isdisjoint(self.codecs)

    def light(self) -> "SealJob":
        """The same without heavy coders."""
        return msgspec.structs.replace(self, codecs=tuple(each for each in self.codecs if each not in HEAVY))


class SealedBlob(msgspec.Struct, frozen=True):
    """A finished wire file at the job's target; picklable."""

    wire_sha256: str
    size: int


def seal_blob(job: SealJob) -> SealedBlob:
    """Seal one blob into the synced file `job.target`; for a child process. A crash leaves only a temp file.

    Raises:
        NotFound: the blob's file is gone.
        RefusedInput: the blob's file is damaged.
        StoreError: what is left of the disk stays for the nurse.
    """
    require_room(Path(job.target).parent, job.blob.size)
    sealed = seal(
        job.record,
        job.blob.plain,
        keys=OriginKeys.from_bytes(job.sign),
        recipient=RecipientKey(job.recipient),
        created_ms=job.created_ms,
        dst=Path(job.target),
        terms=Terms(job.codecs, (), job.rate, job.is_idle),
    )
    return SealedBlob(sealed.wire_sha256, sealed.size)
