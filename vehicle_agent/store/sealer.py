"""Sealer: from outbox rows to envelopes in the spool, and receipts back (sync rule 5)."""

import msgspec

from sync.enrolment import Enrolment
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store


class SealJob(msgspec.Struct, frozen=True):
    """All a child process needs to seal one big blob; picklable."""


class Sealed(msgspec.Struct, frozen=True):
    """A finished wire file."""

    path: str
    wire_sha256: str
    size: int


def seal_blob(job: SealJob) -> Sealed:
    """Seal one blob into a durable wire file of the spool; for a child process. A crash leaves only a temp file."""
    raise NotImplementedError


class Sealer:
    """Bound to one open store; its hook seals small rows right after each commit.

    The agent's loop: `for job in sealer.jobs(): sealer.finish(job, await run_in_child(seal_blob, job))`,
    and `sealer.merge_receipts()` now and then; `sealer.reconcile()` once after unlock.
    """

    def __init__(self, store: Store, spool: Spool, *, keys: DeviceKeys, hospital: Enrolment) -> None:
        raise NotImplementedError

    def reconcile(self) -> int:
        """After unlock: seal again what a crash kept out of the spool, and merge receipts. Returns rows repaired."""
        raise NotImplementedError

    def jobs(self, limit: int = 8) -> list[SealJob]:
        """Big blobs that wait to be sealed, most urgent first."""
        raise NotImplementedError

    def finish(self, job: SealJob, sealed: Sealed) -> None:
        """Hand a sealed blob to the spool."""
        raise NotImplementedError

    def merge_receipts(self) -> int:
        """Move journalled verdicts into the outbox; returns how many rows changed."""
        raise NotImplementedError
