"""Wire files on their way in: parts on disk, durable ranges and attempts in the records."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, select, update

from clinic_records.clock import Clock, to_ms
from clinic_records.errors import RefusedInput
from clinic_records.ids import blob_hash
from clinic_records.record import Lane
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.intake.receipts import last_receipt, still_stands
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import transfers, vehicles
from sync.byteranges import union
from sync.durable import make_folder, write_parts
from sync.ports import Ranges

MAX_WIRE: Final = 4 * 1024**3
"""Bytes of the largest wire file taken: the limit of a DICOM element with defined length (PS3.5, 7.1.1: 32 bits)."""

CONTACT_EVERY_MS: Final = 5000
"""Milliseconds between two notes that parts of a vehicle's files come in."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """Transfers of one vehicle; `is_in_session`: what is written comes from itself, not from a stick that names it."""

    engine: Engine
    folder: HospitalFolder
    vehicle: str
    clock: Clock
    is_in_session: bool = True

    def path(self, wire_sha256: str) -> Path:
        """Where the parts are put together."""
        return self.folder.transfers / self.vehicle / f"{blob_hash(wire_sha256)}.part"

    def ranges(self, wire_sha256: str) -> Ranges:
        """Durable ranges; none where the file itself is gone (a database restored without its folder)."""
        with reading(self.engine) as connection:
            row = connection.execute(self._select(wire_sha256)).one_or_none()
        return () if row is None else self.believed(wire_sha256, row.ranges)

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:
        """Keep a part, durable on return. A late copy of a part whose file was answered finds all of it here.

        Raises:
            RefusedInput: a part outside its file, an impossible size, or another size than said before.
        """
        if not 0 < size <= MAX_WIRE or offset < 0 or not data or offset + len(data) > size:
            raise RefusedInput(f"part {offset}+{len(data)} of a wire file of {size} bytes; at most {MAX_WIRE}")
        now = to_ms(self.clock.now())
        key = {"vehicle": self.vehicle, "wire_sha256": blob_hash(wire_sha256)}
        with writing(self.engine) as connection:
            fresh = {**key, "size": size, "lane": lane.value, "ranges": "[]", "updated_at": now}
            if insert_new(connection, transfers, fresh) is not None and self._is_answered(connection, wire_sha256):
                self.forget(connection, wire_sha256)
                return ((0, size),)
            row = connection.execute(self._select(wire_sha256).with_for_update()).one_or_none()
            if row is None:  # another worker answered it in this moment
                return ((0, size),)
            if row.size != size:
                raise RefusedInput(f"wire file {wire_sha256}: {size} bytes, before it was {row.size}")
            held = self.believed(wire_sha256, row.ranges)
            self.put(wire_sha256, [(offset, data)])
            merged = union(held, [(offset, offset + len(data))])
            changed = update(transfers).where(*self._is(wire_sha256))
            connection.execute(changed.values(ranges=msgspec.json.encode(merged).decode(), updated_at=now))
            if self.is_in_session:
                note_contact(connection, [self.vehicle], now)
        return merged

    def _is_answered(self, connection: Connection, wire_sha256: str) -> bool:
        given = last_receipt(connection, self.vehicle, wire_sha256)
        return given is not None and still_stands(given, self.clock.now())

    def count_attempt(self, wire_sha256: str) -> int:
        """Count one more attempt at opening, durable on return (sync rule 13); 0 where no whole file is here."""
        with writing(self.engine) as connection:
            row = connection.execute(self._select(wire_sha256).with_for_update()).one_or_none()
            if row is None or self.believed(wire_sha256, row.ranges) != ((0, row.size),):
                return 0
            changed = update(transfers).where(*self._is(wire_sha256))
            connection.execute(changed.values(attempts=row.attempts + 1))
            return int(row.attempts) + 1

    def whole(self) -> list[str]:
        """Files that are complete but were never answered: a crash came between."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(transfers).where(transfers.c.vehicle == self.vehicle)).all()
        return [row.wire_sha256 for row in rows if self.believed(row.wire_sha256, row.ranges) == ((0, row.size),)]

    def forget(self, connection: Connection, wire_sha256: str) -> None:
        """Take the transfer's row away, in the transaction that answers it."""
        connection.execute(delete(transfers).where(*self._is(wire_sha256)))

    def _select(self, wire_sha256: str) -> Select[Any]:
        return select(transfers).where(*self._is(wire_sha256))

    def _is(self, wire_sha256: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return transfers.c.vehicle == self.vehicle, transfers.c.wire_sha256 == wire_sha256

    def believed(self, wire_sha256: str, text: str) -> Ranges:
        """The ranges a row says in its JSON; none where the file is shorter than they say."""
        ranges = noted_ranges(text)
        try:
            size = self.path(wire_sha256).stat().st_size
        except FileNotFoundError:
            return ()
        return ranges if not ranges or size >= ranges[-1][1] else ()

    def put(self, wire_sha256: str, parts: Iterable[tuple[int, bytes]]) -> None:
        """Write bytes of the file, each from its offset, durable on return."""
        path = self.path(wire_sha256)
        make_folder(path.parent)
        write_parts(path, parts)


def note_contact(connection: Connection, of: Collection[str], now: int) -> None:
    """These vehicles were heard of; noted seldom, because a vehicle's row is what its receipts wait for."""
    is_old = vehicles.c.last_contact.is_(None) | (vehicles.c.last_contact < now - CONTACT_EVERY_MS)
    connection.execute(update(vehicles).where(vehicles.c.id.in_(sorted(of)), is_old).values(last_contact=now))


def noted_ranges(text: str) -> Ranges:
    """The ranges in a row's JSON."""
    return msgspec.json.decode(text, type=tuple[tuple[int, int], ...])
