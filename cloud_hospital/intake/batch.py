"""One transaction for many files: a statement a table, whatever their number.

Only what is plain is taken here: first versions of things nobody else shares, with numbers never seen. Everything else
is left to Applying, one by one. What comes between, because another worker had the same at the same moment, ends the
whole batch, and then all of it goes one by one.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from clinic_records.clock import to_ms
from clinic_records.errors import Conflict
from clinic_records.record import Kind
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.intake.apply import arrival_row, blob_row, entry_row
from cloud_hospital.intake.opening import Taken
from cloud_hospital.intake.projections import First, project_firsts, sharers
from cloud_hospital.intake.receipts import receipt_row
from cloud_hospital.store.locks import insert_all_new, lock_all, lock_free
from cloud_hospital.store.tables import (
    arrivals,
    blobs,
    closed_streams,
    entries,
    entry_blobs,
    receipts,
    transfers,
    vehicles,
)
from sync.ports import Receipt, Verdict

FileKey = tuple[str, str]
"""Vehicle and wire_sha256."""
PLAIN: Final = frozenset({Kind.STOP, Kind.PATIENT, Kind.ENCOUNTER, Kind.RECORDING, Kind.DAY_CLOSED, Kind.BLOB})
"""Kinds whose first version has no effect beside its rows."""

_ARRIVAL: Final = (arrivals.c.vehicle, arrivals.c.incarnation, arrivals.c.seq)
_BLOB: Final = (blobs.c.vehicle, blobs.c.sha256)
_TRANSFER: Final = (transfers.c.vehicle, transfers.c.wire_sha256)


def _is_blob(taken: Taken) -> bool:
    return taken.header.kind == Kind.BLOB


def _arrival_key(taken: Taken) -> tuple[str, int, int]:
    return taken.outer.origin, taken.outer.incarnation, taken.outer.seq


def _need_all(rows: Sized, made: Sized) -> None:
    if len(made) != len(rows):
        raise Conflict(f"{len(rows) - len(made)} of {len(rows)} rows came from another worker meanwhile")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files in one transaction."""

    connection: Connection
    folder: HospitalFolder
    epoch: str
    at: datetime

    def take(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        """The receipts of those that are plain; nothing is done for the others.

        Raises:
            Conflict: another worker took one of them meanwhile.
        """
        plain = self._plain(self._locked(opened))
        if not plain:
            return {}
        self._take_entries([each for each in plain.values() if not _is_blob(each)])
        self._take_blobs([each for each in plain.values() if _is_blob(each)])
        rows = [arrival_row(each.outer, each.header, Verdict.APPLIED) for each in plain.values()]
        rows.sort(key=lambda row: (row["vehicle"], row["incarnation"], row["seq"]))
        _need_all(rows, insert_all_new(self.connection, arrivals, rows, *_ARRIVAL))
        given = self._receipts(plain)
        self.connection.execute(delete(transfers).where(tuple_(*_TRANSFER).in_(list(given))))
        return given

    def _locked(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Taken]:
        """Those that no other worker has in hand, locked with what they share."""
        wires = {f"wire {vehicle} {wire}": (vehicle, wire) for vehicle, wire in opened}
        free = lock_free(self.connection, wires)
        ours = {key: opened[key] for name, key in wires.items() if name in free}
        names: dict[str, bool] = {}
        for taken in ours.values():
            if taken.thing is not None:
                for name, is_alone in sharers(taken.header, taken.thing).items():
                    names[name] = names.get(name, False) or is_alone
        lock_all(self.connection, names)
        return ours

    def _plain(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Taken]:
        """Those to take here, the first of several that would be one."""
        all_taken = list(opened.values())
        ids = [each.header.id for each in all_taken if not _is_blob(each)]
        known: set[object] = set(self.connection.execute(select(entries.c.id).where(entries.c.id.in_(ids))).scalars())
        query = select(*_ARRIVAL).where(tuple_(*_ARRIVAL).in_([_arrival_key(each) for each in all_taken]))
        known |= {tuple(row) for row in self.connection.execute(query)}
        kept = [(each.outer.origin, each.header.sha256) for each in all_taken if _is_blob(each)]
        query = select(*_BLOB).where(tuple_(*_BLOB).in_(kept))
        known |= {tuple(row) for row in self.connection.execute(query)}
        origins = {each.outer.origin for each in all_taken}
        ended = select(closed_streams.c.vehicle, closed_streams.c.incarnation)
        closed = {tuple(row) for row in self.connection.execute(ended.where(closed_streams.c.vehicle.in_(origins)))}
        plain: dict[FileKey, Taken] = {}
        for key, taken in opened.items():
            itself = (taken.outer.origin, taken.header.sha256) if _is_blob(taken) else taken.header.id
            marks: set[object] = {itself, _arrival_key(taken)}
            is_open = (taken.outer.origin, taken.outer.incarnation) not in closed
            if taken.header.kind in PLAIN and is_open and not marks & known:
                known |= marks
                plain[key] = taken
        return plain

    def _take_entries(self, many: list[Taken]) -> None:
        many = sorted(many, key=lambda each: each.header.id)
        rows = [entry_row(each, self.at) for each in many]
        made = dict(insert_all_new(self.connection, entries, rows, entries.c.id, entries.c.n))
        _need_all(rows, made)
        pointers = [
            {"entry": made[each.header.id], "sha256": sha256, "vehicle": each.outer.origin}
            for each in many
            for sha256 in dict.fromkeys(each.header.blobs)
        ]
        if pointers:
            self.connection.execute(insert(entry_blobs), pointers)
        firsts = [
            First(made[each.header.id], each.header, each.outer.origin, each.thing)
            for each in many
            if each.thing is not None
        ]
        project_firsts(self.connection, firsts)

    def _take_blobs(self, many: list[Taken]) -> None:
        rows = [blob_row(each, self.folder, self.at) for each in many]
        rows.sort(key=lambda row: (row["vehicle"], row["sha256"]))
        _need_all(rows, insert_all_new(self.connection, blobs, rows, *_BLOB))

    def _receipts(self, plain: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        """Number the receipts; the vehicles' rows are locked from here on only, so that workers wait little."""
        carriers = sorted({vehicle for vehicle, _ in plain})
        query = select(vehicles.c.id, vehicles.c.receipt_seq).where(vehicles.c.id.in_(carriers))
        last = {row.id: int(row.receipt_seq) for row in self.connection.execute(query.order_by("id").with_for_update())}
        given: dict[FileKey, Receipt] = {}
        for (vehicle, wire), taken in plain.items():
            last[vehicle] += 1
            header = taken.header
            given[vehicle, wire] = Receipt(
                wire,
                Verdict.APPLIED,
                self.epoch,
                last[vehicle],
                self.at,
                id=header.id,
                revision=header.revision,
                sha256=header.sha256,
            )
        self.connection.execute(insert(receipts), [receipt_row(key[0], each) for key, each in given.items()])
        changed = update(vehicles).where(vehicles.c.id == bindparam("of"))
        rows = [{"of": vehicle, "receipt_seq": last[vehicle], "last_contact": to_ms(self.at)} for vehicle in carriers]
        self.connection.execute(changed, rows)
        return given
