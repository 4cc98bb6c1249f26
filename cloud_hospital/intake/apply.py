"""One transaction: entry or blob, its number's arrival, projections, feed and receipt. All or none."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, update

from clinic_records.clock import to_ms
from clinic_records.prescription import Dispense, Release
from clinic_records.record import Kind
from clinic_records.returned import ReturnedDownlink
from cloud_hospital.downlinks.rights import note_word
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.intake.opening import NotTaken, Taken, blob_path
from cloud_hospital.intake.projections import project
from cloud_hospital.intake.receipts import write_receipt
from cloud_hospital.intake.returned import put_back
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.streams import is_beyond_the_end
from cloud_hospital.store.tables import alarms, arrivals, blobs, entries, entry_blobs, quarantine
from sync.envelope import Header, Outer
from sync.messages.kind import Owner
from sync.messages.table import MESSAGES
from sync.ports import Receipt, Verdict


def entry_row(taken: Taken, at: datetime) -> dict[str, object]:
    """The row of `entries` for a record."""
    header, outer = taken.header, taken.outer
    said = {
        "lane": outer.lane,
        "author": header.author,
        "recorded_ms": header.recorded_ms,
        "prev_hash": header.prev_hash,
        "blobs": header.blobs,
    }
    return {
        "id": header.id,
        "revision": header.revision,
        "sha256": header.sha256,
        "kind": header.kind,
        "vehicle": outer.origin,
        "incarnation": outer.incarnation,
        "seq": outer.seq,
        "payload": taken.payload,
        "header": msgspec.json.encode(said).decode(),
        "received_at": to_ms(at),
    }


def blob_row(taken: Taken, folder: HospitalFolder, at: datetime) -> dict[str, object]:
    """The row of `blobs` for raw bytes."""
    header = taken.header
    return {
        "vehicle": taken.outer.origin,
        "sha256": header.sha256,
        "size": header.size,
        "path": str(blob_path(folder.blobs, header.sha256).relative_to(folder.root)),
        "received_at": to_ms(at),
    }


def arrival_row(outer: Outer, header: Header | None, verdict: Verdict) -> dict[str, object]:
    """The row of `arrivals` for a number of a vehicle's stream."""
    id_, kind, sha256 = ("", "", "") if header is None else (header.id, header.kind, header.sha256)
    key = {"vehicle": outer.origin, "incarnation": outer.incarnation, "seq": outer.seq}
    return {**key, "id": id_, "kind": kind, "verdict": verdict.value, "sha256": sha256}


@dataclass(frozen=True, slots=True)
class Applying:
    """One envelope being taken, inside its transaction.

    Attributes:
        carrier: whose session brought it; the receipt goes there. Its content belongs to the signing origin.
        last: the last receipt number given to the carrier, its row being locked.
        is_decided: a named person said to take it, whoever owns the thing.
    """

    connection: Connection
    folder: HospitalFolder
    carrier: str
    wire_sha256: str
    epoch: str
    at: datetime
    last: int
    is_decided: bool = False

    def take(self, taken: Taken) -> Receipt | NotTaken:
        """Apply a verified envelope; NotTaken where the same version exists with other content."""
        is_blob = taken.header.kind == Kind.BLOB
        verdict = self._take_blob(taken) if is_blob else self._take_entry(taken)
        if isinstance(verdict, NotTaken):
            return verdict
        self._arrive(taken.outer, taken.header, verdict)
        return self._receipt(verdict, taken.header)

    def set_aside(self, not_taken: NotTaken, kept_at: str) -> Receipt:
        """Put the envelope, whose raw bytes lie durable at `kept_at`, into quarantine and answer so."""
        known = select(quarantine.c.n).where(
            quarantine.c.vehicle == self.carrier, quarantine.c.wire_sha256 == self.wire_sha256
        )
        if self.connection.execute(known).first() is None:
            row = {
                "vehicle": self.carrier,
                "wire_sha256": self.wire_sha256,
                "reason": not_taken.reason,
                "detail": not_taken.detail,
                "path": kept_at,
                "received_at": to_ms(self.at),
            }
            self.connection.execute(insert(quarantine).values(row))
            self._alarm(not_taken.reason, not_taken.detail)
        if not_taken.verdict is Verdict.HELD and not_taken.outer is not None:
            self._arrive(not_taken.outer, not_taken.header, Verdict.HELD)
        return self._receipt(not_taken.verdict, not_taken.header, not_taken.reason)

    def _take_entry(self, taken: Taken) -> Verdict | NotTaken:
        header, outer = taken.header, taken.outer
        if not self.is_decided and self._is_anothers(header, outer):
            detail = f"{outer.origin} changes {header.kind} {header.id}, which another vehicle owns"
            return NotTaken(Verdict.HELD, "other-owner", detail, outer, header)
        entry = insert_new(self.connection, entries, entry_row(taken, self.at))
        if entry is None:
            return self._same_or_not(header, outer)
        for sha256 in dict.fromkeys(header.blobs):
            pointer = {"entry": entry, "sha256": sha256, "vehicle": outer.origin}
            self.connection.execute(insert(entry_blobs).values(pointer))
        if taken.thing is not None:
            project(self.connection, entry, header, outer.origin, taken.thing)
        if isinstance(taken.thing, Release | Dispense):
            note_word(self.connection, outer.origin, taken.thing, self.at)
        if isinstance(taken.thing, ReturnedDownlink):
            put_back(self.connection, self.folder, outer.origin, taken.thing, self.at)
        return Verdict.APPLIED

    def _is_anothers(self, header: Header, outer: Outer) -> bool:
        """Whether a new version is of a thing that another vehicle made and owns (law 5)."""
        if MESSAGES[Kind(header.kind)].owner is not Owner.VEHICLE:
            return False
        versions = select(entries.c.vehicle, entries.c.revision).where(entries.c.id == header.id)
        there = {row.revision: row.vehicle for row in self.connection.execute(versions)}
        return header.revision not in there and any(vehicle != outer.origin for vehicle in there.values())

    def _same_or_not(self, header: Header, outer: Outer) -> Verdict | NotTaken:
        query = select(entries.c.sha256, entries.c.kind).where(
            entries.c.id == header.id, entries.c.revision == header.revision
        )
        there = self.connection.execute(query).one()
        if (there.sha256, there.kind) == (header.sha256, header.kind):
            return Verdict.DUPLICATE
        detail = f"{header.kind} {header.id} revision {header.revision} exists as {there.kind} with hash {there.sha256}"
        return NotTaken(Verdict.HELD, "other-content", detail, outer, header)

    def _take_blob(self, taken: Taken) -> Verdict:
        row = blob_row(taken, self.folder, self.at)
        return Verdict.APPLIED if insert_new(self.connection, blobs, row) is not None else Verdict.DUPLICATE

    def _arrive(self, outer: Outer, header: Header | None, verdict: Verdict) -> None:
        row = arrival_row(outer, header, verdict)
        id_, kind = row["id"], row["kind"]
        if insert_new(self.connection, arrivals, row) is not None:
            if is_beyond_the_end(self.connection, outer.origin, outer.incarnation, outer.seq):
                at = f"{outer.origin}/{outer.incarnation}/{outer.seq}"
                self._alarm("closed-stream", f"{at} {kind} {id_} comes from before a restoration, or from a clone")
            return
        is_it = [arrivals.c[name] == row[name] for name in ("vehicle", "incarnation", "seq")]
        there = self.connection.execute(select(arrivals).where(*is_it)).one()
        if there.verdict == Verdict.HELD and verdict is not Verdict.HELD and there.id in {"", id_}:
            changed = update(arrivals).where(*is_it)  # held by an older program, understood now
            self.connection.execute(changed.values(row))
            return
        if id_ and there.id and (there.id, there.kind) != (id_, kind):
            # Two things under one number: a restored or cloned box (sync rules 6, 7). Both are kept.
            at = f"{outer.origin}/{outer.incarnation}/{outer.seq}"
            self._alarm("number-reused", f"{at} is {there.kind} {there.id} and {kind} {id_}")

    def _alarm(self, code: str, detail: str) -> None:
        row = {"at": to_ms(self.at), "vehicle": self.carrier, "code": code, "detail": detail}
        self.connection.execute(insert(alarms).values(row))

    def _receipt(self, verdict: Verdict, header: Header | None, reason: str = "") -> Receipt:
        return write_receipt(
            self.connection,
            self.carrier,
            self.wire_sha256,
            verdict,
            epoch=self.epoch,
            at=self.at,
            last=self.last,
            id="" if header is None else header.id,
            revision=0 if header is None else header.revision,
            sha256="" if header is None else header.sha256,
            reason=reason,
        )
