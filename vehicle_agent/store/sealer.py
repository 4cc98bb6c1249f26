"""Sealer: from outbox rows to envelopes in the spool, and receipts back (sync rule 5).

The two databases never share a transaction. The outbox is written first; what a crash keeps out of the spool is found
again by `reconcile`, because its row still says `queued`, and the spool takes each (incarnation, seq) once.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import structlog

from clinic_records.clock import Clock, Origin, SystemClock, to_ms
from clinic_records.errors import ClinicError, StoreError
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane, Record
from sync.abilities import UNHEARD, Abilities
from sync.coding.choice import UNKNOWN
from sync.coding.choose import Terms
from sync.coding.table import HEAVY
from sync.envelope import Codec
from sync.seal import Sealed, seal
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.durable import TEMP_SUFFIX
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outbox import (
    OutboxRow,
    mark_resealed,
    mark_spooled,
    refusals,
    requeue,
    rows_where,
    set_verdict,
)
from vehicle_agent.store.outgoing import JournalEntry, Spooled
from vehicle_agent.store.records import get_version
from vehicle_agent.store.seal_job import SealedBlob, SealJob
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

AT_COMMIT: Final = 1024 * 1024
"""Bytes of payload sealed in the writer's thread right after the commit, before Save is answered: every record and
every ECG or spirometry blob, so that an urgent one is on its way even if the box loses power a moment later. A
megabyte costs 20 to 50 ms; what is larger goes to a child process."""

PICTURE: Final = 64 * 1024
"""Bytes of a blob in the least urgent lane up to which the same holds: what is larger there is a picture, whose coder's
libraries are only in the children."""

RESEALED: Final = frozenset({"codec", "wire-hash", "recipient"})
"""Reasons of a refusal that lie in how a thing was sealed: not decoded there, damaged on our disk, or for an older key
of the hospital. It is sealed anew from the store, once, plain (sync rule 13)."""

IDLE_S: Final = 2.0
"""Seconds of sending that the spool must hold, or a coder is what the link waits for. Our choice."""

_LOOKED_AT: Final = 32  # envelopes of each lane
_CURSOR: Final = "sealer/journal"
_RESEALED: Final = "sealer/resealed/"
_BATCH: Final = 200  # rows a transaction
_PORTION: Final = 16  # rows sealed before the courier is told: some 50 ms
_ALL: Final = -1  # SQLite: no limit
_IS_SMALL: Final = f"state = 'queued' AND size <= CASE WHEN lane = '{Lane.P4}' THEN {PICTURE} ELSE {AT_COMMIT} END"
_IS_BIG: Final = f"state = 'queued' AND size > CASE WHEN lane = '{Lane.P4}' THEN {PICTURE} ELSE {AT_COMMIT} END"

_log = structlog.get_logger(__name__)


Key = tuple[int, int]
"""(incarnation, seq) of an outbox row."""


class Mark(NamedTuple):
    """An outbox row that lies in the spool, under which name and in which lane."""

    key: Key
    wire_sha256: str
    lane: Lane


class Sealer:
    """Bound to one open store. Its hook seals small rows right after each commit.

    The agent calls `reconcile` after unlock until it succeeds, then in a loop
    `for job in sealer.jobs(): sealer.finish(job, <seal_blob(job) run in a child>)`, and `merge_receipts` now and then.

    Attributes:
        failures: (incarnation, seq) -> why it could not be sealed in this run; a person must look, the rest goes on.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        *,
        keys: DeviceKeys,
        clock: Clock | None = None,
        on_spooled: Callable[[], None] = lambda: None,
        rate: Callable[[], float] = lambda: UNKNOWN,
    ) -> None:
        """Both are called from the writer's thread.

        `on_spooled` whenever there is more to send or a lane was raised; `rate` for the link's, bytes/s, that small
        things are to be coded for.
        """
        self._store = store
        self._spool = spool
        self._keys = keys.sign
        self._clock = clock or SystemClock()
        self._on_spooled = on_spooled
        self._rate = rate
        self._unmarked: dict[Key, None] = {}  # in the spool, but the outbox does not say so yet
        self.failures: dict[Key, str] = {}
        store.writer.after_commit(self._after_commit)

    def reconcile(self) -> int:
        """After unlock: seal what a crash or a lost spool kept out of it, and merge receipts. Returns rows repaired.

        Commits go on beside it, so it sweeps nothing: Outgoing.sweep is for the start, before there is a sealer.
        """
        repaired = self._requeue_lost()
        rows = self._store.read(lambda conn: rows_where(conn, "state = 'queued'", limit=_ALL))
        known = [Mark(_key(row), *found) for row in rows if (found := self._spool.up.find(*_key(row)))]
        self._mark(known)
        done = {mark.key for mark in known}
        rows = [row for row in rows if _key(row) not in done and _is_small(row)]
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            self._mark(self._store.read(lambda conn, batch=batch: self._seal(conn, batch)))  # type: ignore[misc]
        self.merge_receipts()
        self._store.write(lambda _: None)  # its hook raises what a crash kept from being raised
        return len(repaired | done | {_key(row) for row in rows})

    def _requeue_lost(self) -> set[Key]:
        """Rows that were in the spool and are not: it is older than the store, or new; which they were.

        Both came from a backup, or the spool was damaged and taken away. Its journal then counts anew, too.
        """
        rows = self._store.read(lambda conn: rows_where(conn, "state IN ('spooled', 'refused')", limit=_ALL))
        lost = {_key(row) for row in rows if self._spool.up.find(*_key(row)) is None}
        if lost:
            _log.warning("sealer.lost", rows=len(lost))
            self._store.write(lambda conn: requeue(conn, lost))
        if self._spool.up.journalled() < self._cursor():
            self._store.write(lambda conn: put_setting(conn, _CURSOR, None))
        return lost

    def _cursor(self) -> int:
        return int(self._store.read(lambda conn: get_setting(conn, _CURSOR)) or b"0")

    def unsealed(self) -> dict[Key, Lane]:
        """Outbox rows that are not known to be in the spool; Outgoing.counts says which of them it has by now."""
        rows = self._store.read(lambda conn: rows_where(conn, "state = 'queued'", limit=_ALL))
        return {_key(row): row.lane for row in rows}

    def seal_late(self) -> None:
        """Seal small rows that the hook could not (the spool's disk was full); failures of this run are left out."""
        rows = self._store.read(lambda conn: rows_where(conn, _IS_SMALL, limit=_ALL))
        if any(_key(row) not in self._unmarked and _key(row) not in self.failures for row in rows):
            self._store.write(lambda _: None)  # its hook seals them

    def jobs(self, limit: int = 8, *, rate: float = UNKNOWN) -> list[SealJob]:
        """Big blobs that wait to be sealed, most urgent first; `rate` is the link's, bytes/s."""
        rows = self._store.read(lambda conn: rows_where(conn, _IS_BIG, limit=_ALL))
        again = [row for row in self._to_reseal() if not _is_small(row)]
        is_idle = self._is_idle(rate)
        jobs: list[SealJob] = []
        for row in sorted([*rows, *again], key=lambda row: row.lane):
            if len(jobs) < limit and _key(row) not in self._unmarked and _key(row) not in self.failures:
                jobs.append(msgspec.structs.replace(self._job(row), rate=rate, is_idle=is_idle))
        return jobs

    def reseal(self) -> int:
        """Seal anew, plain, what was refused for how it was sealed; big blobs come as `jobs`. Returns how many."""
        rows = [row for row in self._to_reseal() if _is_small(row) and _key(row) not in self.failures]
        done = 0
        for row in rows:
            try:
                sealed = self._store.read(lambda conn, row=row: self._sealed(conn, row, is_plain=True))  # type: ignore[misc]
            except ClinicError as error:
                self._note_failure(_key(row), str(error))
                continue
            self._replace(Spooled(*_key(row), row.lane, sealed.wire_sha256, sealed.size, data=sealed.data))
            done += 1
        return done

    def refused(self) -> Counter[str]:
        """How many rows stand refused, by the hospital's reason."""
        return Counter(self._store.read(refusals).values())

    def _to_reseal(self) -> list[OutboxRow]:
        def job(conn: Connection) -> list[OutboxRow]:
            wanted = {
                key
                for key, reason in refusals(conn).items()
                if reason in RESEALED and get_setting(conn, _resealed(key)) is None
            }
            rows = rows_where(conn, "state = 'refused'", limit=_ALL) if wanted else []
            return [row for row in rows if _key(row) in wanted]

        return self._store.read(job)

    def _replace(self, item: Spooled) -> None:
        key = (item.incarnation, item.seq)
        wire_sha256, _ = self._spool.up.replace(item)

        def mark(conn: Connection) -> None:
            mark_resealed(conn, *key, wire_sha256)
            put_setting(conn, _resealed(key), b"1")

        self._store.write(mark)

    def finish(self, job: SealJob, sealed: SealedBlob) -> None:
        """Hand a sealed blob to the spool; durable on return."""
        at = job.record.origin
        item = Spooled(at.incarnation, at.seq, job.record.lane, sealed.wire_sha256, sealed.size, path=Path(job.target))
        if job.is_plain:
            self._replace(item)
            return
        self._mark([Mark(key, *found) for key, found in self._spool.up.add([item]).items()])

    def fail(self, job: SealJob, reason: str) -> None:
        """A child could not seal it: leave it out for this run, and say so."""
        self._note_failure((job.record.origin.incarnation, job.record.origin.seq), reason)

    def merge_receipts(self) -> int:
        """Move journalled verdicts into the outbox; returns how many there were."""
        merged = 0
        while True:
            entries = self._spool.up.journal(self._cursor(), _BATCH)
            if not entries:
                return merged

            def merge(conn: Connection, entries: Sequence[JournalEntry] = entries) -> None:
                for entry in entries:
                    set_verdict(conn, entry.incarnation, entry.seq, entry.wire_sha256, entry.receipt)
                put_setting(conn, _CURSOR, str(entries[-1].number).encode())

            self._store.write(merge)
            merged += len(entries)

    def _after_commit(self, conn: Connection) -> None:
        passed = len(self._unmarked) + len(self.failures)
        rows = rows_where(conn, _IS_SMALL, limit=_BATCH + passed)
        rows = [row for row in rows if _key(row) not in self._unmarked and _key(row) not in self.failures]
        marks: list[Mark] = []
        for start in range(0, len(rows), _PORTION):
            marks += self._seal(conn, rows[start : start + _PORTION])
            self._on_spooled()
        raised = rows_where(conn, "spooled_lane IS NOT NULL AND lane <> spooled_lane", (), _BATCH)
        if raised:
            self._spool.up.raise_lane({row.wire_sha256: row.lane for row in raised if row.wire_sha256})
            self._on_spooled()
            marks += [Mark(_key(row), row.wire_sha256, row.lane) for row in raised if row.wire_sha256]
        if marks:
            # a job of its own, so that it shares the next commit and Save does not wait for it
            self._unmarked.update((mark.key, None) for mark in marks)
            with suppress(StoreError):  # the writer is closing: reconcile finds them in the spool
                self._store.submit(lambda conn: self._write_marks(conn, marks))

    def _seal(self, conn: Connection, rows: Iterable[OutboxRow]) -> list[Mark]:
        """Seal small rows into the spool; one that cannot be sealed does not stop the others."""
        items = []
        for row in rows:
            try:
                sealed = self._sealed(conn, row)
            except ClinicError as error:
                self._note_failure(_key(row), str(error))
                continue
            items.append(Spooled(*_key(row), row.lane, sealed.wire_sha256, sealed.size, data=sealed.data))
        if not items:
            return []
        # one that a crash had left there already keeps its name, and its lane until it is raised
        return [Mark(key, *found) for key, found in self._spool.up.add(items).items()]

    def _sealed(self, conn: Connection, row: OutboxRow, *, is_plain: bool = False) -> Sealed:
        source = None
        if row.kind is Kind.BLOB:
            record, source = self._blob_record(row), self._store.blobs.locate(row.sha256, conn).plain
        else:
            version = get_version(conn, row.kind, row.id, row.revision)
            record = msgspec.structs.replace(version, lane=row.lane)  # it may have been raised before it was sealed
        return seal(
            record,
            source,
            keys=self._keys,
            recipient=self._spool.hospital_keys.boxes[0],
            created_ms=self._now_ms(),
            terms=self._terms(is_plain=is_plain),
        )

    def _job(self, row: OutboxRow) -> SealJob:
        return SealJob(
            record=self._blob_record(row),
            blob=self._store.blobs.locate(row.sha256),
            sign=self._keys.to_bytes(),
            recipient=self._spool.hospital_keys.boxes[0].raw,
            created_ms=self._now_ms(),
            target=str(self._spool.up.wire_folder / f"{secrets.token_hex(8)}{TEMP_SUFFIX}"),
            codecs=(Codec.RAW,) if row.state == "refused" else self._theirs().codecs,
            is_plain=row.state == "refused",
        )

    def _is_idle(self, rate: float) -> bool:
        """Whether the link will have nothing to send before long, so that coding is waited for."""
        waiting = sum(item.size for lane in Lane for item in self._spool.up.waiting(lane, -1, _LOOKED_AT))
        return waiting < IDLE_S * rate

    def _theirs(self) -> Abilities:
        """Only what the hospital said last that it reads may be used (sync rule 15)."""
        return self._spool.session.load().peer or UNHEARD

    def _terms(self, *, is_plain: bool) -> Terms:
        """How to seal in this thread: heavy libraries never come into the agent."""
        if is_plain:
            return Terms((Codec.RAW,))
        theirs = self._theirs()
        return Terms(tuple(each for each in theirs.codecs if each not in HEAVY), theirs.dict_ids, self._rate())

    def _blob_record(self, row: OutboxRow) -> Record:
        return Record(
            id=RecordId(row.sha256),
            revision=row.revision,
            kind=Kind.BLOB,
            lane=row.lane,
            payload=b"",
            origin=Origin(self._store.vehicle, row.incarnation, row.seq),
            author=row.author,
            recorded_at=row.recorded_at,
        )

    def _mark(self, marks: Sequence[Mark]) -> None:
        if marks:
            self._store.write(lambda conn: self._write_marks(conn, marks))

    def _write_marks(self, conn: Connection, marks: Iterable[Mark]) -> None:
        for mark in marks:
            mark_spooled(conn, *mark.key, mark.wire_sha256, mark.lane)
            self._unmarked.pop(mark.key, None)

    def _note_failure(self, key: Key, reason: str) -> None:
        self.failures[key] = reason
        _log.error("sealer.failed", incarnation=key[0], seq=key[1], reason=reason)

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())


def _key(row: OutboxRow) -> Key:
    return row.incarnation, row.seq


def _is_small(row: OutboxRow) -> bool:
    """Whether it is sealed in the writer's thread."""
    return row.size <= (PICTURE if row.lane is Lane.P4 else AT_COMMIT)


def _resealed(key: Key) -> str:
    return f"{_RESEALED}{key[0]}/{key[1]}"
