"""The way up of the spool: sealed envelopes until a receipt ends them, and the journal of receipts.

What is small lies in the database itself, so a whole commit's envelopes cost one fsync; what is large is a file.
`order` counts from when a thing was spooled or made urgent, so a sender that remembers how far it came misses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Final, NamedTuple

import msgspec

from clinic_records.clock import Clock, from_ms, to_ms
from clinic_records.errors import NotFound
from clinic_records.record import Lane
from sync.ports import Receipt, WireItem
from vehicle_agent.store.durable import fsync_folder, publish, temp_file
from vehicle_agent.store.lane_counts import LaneCount, lane_counts
from vehicle_agent.store.outbox import STATES
from vehicle_agent.store.spool_database import SpoolDatabase

INLINE_LIMIT: Final = 64 * 1024
"""Bytes of wire kept in the database; SQLite reads blobs below about 100 KiB faster than files
(sqlite.org/fasterthanfs.html)."""


class Spooled(msgspec.Struct, frozen=True):
    """One sealed envelope to add: its bytes, or a synced temp file inside the wire folder."""

    incarnation: int
    seq: int
    lane: Lane
    wire_sha256: str
    size: int
    data: bytes | None = None
    path: Path | None = None


class JournalEntry(NamedTuple):
    """A receipt of one envelope; None where `reopen_all` offered it again."""

    number: int
    incarnation: int
    seq: int
    wire_sha256: str
    receipt: Receipt | None


class Kept(NamedTuple):
    """One envelope in the spool, as `explain` and a bundle need it; `origin` is empty for this vehicle's own.

    Attributes:
        state: `open`, `received`, `held` or `refused`.
        sends: how often its first byte was taken for sending, as far as this program's runs wrote it down.
        has_bytes: they were not pruned yet.
    """

    item: WireItem
    origin: str
    incarnation: int
    seq: int
    state: str
    added: datetime
    ended: datetime | None
    sends: int
    has_bytes: bool


class Outgoing:
    """OutboundStore of sync.ports, over spool.db and the wire folder."""

    def __init__(self, database: SpoolDatabase, wire_folder: Path, clock: Clock) -> None:
        self._database = database
        self.wire_folder = wire_folder
        self._clock = clock
        self._sends: Counter[str] = Counter()  # since the last settle wrote it down

    def add(self, items: Iterable[Spooled]) -> dict[tuple[int, int], tuple[str, Lane]]:
        """Take sealed envelopes, durable on return; one that is there already (same incarnation, seq) stays.

        Returns under which wire_sha256 and in which lane each (incarnation, seq) travels.
        """
        items = [self._filed(item) for item in items]
        found: dict[tuple[int, int], tuple[str, Lane]] = {}
        now_ms = to_ms(self._clock.now())
        with self._database.write() as conn:
            for item in items:
                conn.execute(
                    "INSERT INTO wires (wire_sha256, incarnation, seq, lane, ord, size, data, added_ms) VALUES"
                    " (?, ?, ?, ?, (SELECT coalesce(max(ord), 0) + 1 FROM wires), ?, ?, ?)"
                    " ON CONFLICT (incarnation, seq) WHERE origin = '' DO NOTHING",
                    (item.wire_sha256, item.incarnation, item.seq, item.lane, item.size, item.data, now_ms),
                )
                row = conn.execute(
                    "SELECT wire_sha256, lane FROM wires WHERE origin = '' AND incarnation = ? AND seq = ?",
                    (item.incarnation, item.seq),
                ).fetchone()
                found[item.incarnation, item.seq] = (row[0], Lane(row[1]))
        for item in items:
            if item.data is None and found[item.incarnation, item.seq][0] != item.wire_sha256:
                self._file(item.wire_sha256).unlink(missing_ok=True)
        return found

    def replace(self, item: Spooled) -> tuple[str, Lane]:
        """Take a sealed envelope in the place of a refused one of the same (incarnation, seq), durable on return.

        It travels in the lane of the old one, whose bytes go; one that is not refused (any more) stays. Returns under
        which wire_sha256 and in which lane it travels.
        """
        item = self._filed(item)
        with self._database.write() as conn:
            key = (item.incarnation, item.seq)
            old = conn.execute(
                "SELECT wire_sha256, lane, state FROM wires WHERE origin = '' AND incarnation = ? AND seq = ?", key
            ).fetchone()
            if old[2] == "refused":
                conn.execute(
                    "UPDATE wires SET wire_sha256 = ?, size = ?, data = ?, is_kept = 1, state = 'open',"
                    " ended_ms = NULL, ord = (SELECT max(ord) + 1 FROM wires)"
                    " WHERE origin = '' AND incarnation = ? AND seq = ?",
                    (item.wire_sha256, item.size, item.data, *key),
                )
        is_taken = old[2] == "refused"
        self._file(old[0] if is_taken else item.wire_sha256).unlink(missing_ok=True)
        return (item.wire_sha256 if is_taken else old[0], Lane(old[1]))

    def find(self, incarnation: int, seq: int) -> tuple[str, Lane] | None:
        """wire_sha256 and lane of an outbox row, if it was spooled."""
        with self._database.read() as conn:
            row = conn.execute(
                "SELECT wire_sha256, lane FROM wires WHERE origin = '' AND incarnation = ? AND seq = ?",
                (incarnation, seq),
            ).fetchone()
        return None if row is None else (row[0], Lane(row[1]))

    def raise_lane(self, lanes: Mapping[str, Lane]) -> None:
        """Move envelopes (wire_sha256 -> lane) to more urgent lanes, at their end.

        An ended one too: a receipt may have come that the outbox has not seen, and a rollback may offer it again.
        """
        with self._database.write() as conn:
            for wire_sha256, lane in lanes.items():
                conn.execute(
                    "UPDATE wires SET lane = ?, ord = (SELECT max(ord) + 1 FROM wires)"
                    " WHERE wire_sha256 = ? AND lane > ?",
                    (lane, wire_sha256, lane),
                )

    def waiting(self, lane: Lane, after_order: int, limit: int) -> list[WireItem]:
        """See sync.ports.OutboundStore; refused ones are among them."""
        with self._database.read() as conn:
            rows = conn.execute(
                "SELECT wire_sha256, size, ord FROM wires WHERE state IN ('open', 'refused') AND lane = ? AND ord > ?"
                " ORDER BY ord LIMIT ?",
                (lane, after_order, limit),
            ).fetchall()
        return [WireItem(wire_sha256, size, lane, order) for wire_sha256, size, order in rows]

    def read(self, wire_sha256: str, offset: int, size: int) -> bytes:
        """See sync.ports.OutboundStore.

        Raises:
            NotFound: it is not here, or its bytes were pruned.
        """
        with self._database.read() as conn:
            row = conn.execute("SELECT data, is_kept FROM wires WHERE wire_sha256 = ?", (wire_sha256,)).fetchone()
        if row is None or not row[1]:
            raise NotFound(f"spool: no envelope {wire_sha256}")
        self._sends[wire_sha256] += offset == 0
        if row[0] is not None:
            return bytes(row[0][offset : offset + size])
        try:
            with self._file(wire_sha256).open("rb") as handle:
                handle.seek(offset)
                return handle.read(size)
        except FileNotFoundError:
            raise NotFound(f"spool: the file of envelope {wire_sha256} is gone") from None

    def settle_all(self, receipts: Iterable[Receipt]) -> int:
        """See sync.ports.OutboundStore; the receipts are journalled for the outbox."""
        with self._database.write() as conn:
            return sum(self.settle_in(conn, each) for each in receipts)

    def settle(self, receipt: Receipt) -> bool:
        """As `settle_all`, of one."""
        return self.settle_all([receipt]) == 1

    def settle_in(self, conn: Connection, receipt: Receipt) -> bool:
        """As `settle`, in the caller's transaction."""
        row = conn.execute("SELECT state FROM wires WHERE wire_sha256 = ?", (receipt.wire_sha256,)).fetchone()
        state = STATES[receipt.verdict]
        if row is None or row[0] in {"received", state} or (row[0], state) == ("held", "refused"):
            return False
        conn.execute(
            "UPDATE wires SET state = ?, ended_ms = ?, sends = sends + ? WHERE wire_sha256 = ?",
            (
                state,
                None if state == "refused" else to_ms(self._clock.now()),
                self._sends.pop(receipt.wire_sha256, 0),
                receipt.wire_sha256,
            ),
        )
        body = msgspec.msgpack.encode(receipt)
        conn.execute("INSERT INTO journal (wire_sha256, receipt) VALUES (?, ?)", (receipt.wire_sha256, body))
        return True

    def held(self, after_order: int, limit: int) -> list[WireItem]:
        """See sync.ports.OutboundStore."""
        with self._database.read() as conn:
            rows = conn.execute(
                "SELECT wire_sha256, size, lane, ord FROM wires WHERE state = 'held' AND ord > ? ORDER BY ord LIMIT ?",
                (after_order, limit),
            ).fetchall()
        return [WireItem(wire_sha256, size, Lane(lane), order) for wire_sha256, size, lane, order in rows]

    def reopen_all(self) -> int:
        """See sync.ports.OutboundStore."""
        with self._database.write() as conn:
            names = conn.execute(
                "UPDATE wires SET state = 'open', ended_ms = NULL WHERE state <> 'open' AND is_kept = 1"
                " RETURNING wire_sha256"
            ).fetchall()
            conn.executemany("INSERT INTO journal (wire_sha256) VALUES (?)", names)
        return len(names)

    def reopen_since(self, since: datetime) -> int:
        """Offer again what was sealed since then and is still kept, whatever its state; durable. Returns how many.

        The hospital takes it once: what is there already gets its receipt again.
        """
        with self._database.write() as conn:
            names = conn.execute(
                "SELECT wire_sha256 FROM wires WHERE added_ms >= ? AND is_kept = 1 AND state <> 'open' ORDER BY ord",
                (to_ms(since),),
            ).fetchall()
            conn.executemany(
                "UPDATE wires SET state = 'open', ended_ms = NULL, ord = (SELECT max(ord) + 1 FROM wires)"
                " WHERE wire_sha256 = ?",
                names,
            )
            conn.executemany("INSERT INTO journal (wire_sha256) VALUES (?)", names)
        return len(names)

    def carry(self, origin: str, incarnation: int, seq: int, item: WireItem, path: Path) -> bool:
        """Take another vehicle's sealed envelope along, from a synced file inside the wire folder; durable on return.

        False where it is here already. It is sent up in its lane like our own and ends by the hospital's receipt;
        who made it is proved by its signature alone (sync rule 24).
        """
        name = item.wire_sha256
        self._filed(Spooled(incarnation, seq, item.lane, name, item.size, path=path))
        with self._database.write() as conn:
            done = conn.execute(
                "INSERT INTO wires (wire_sha256, incarnation, seq, lane, ord, size, added_ms, origin) VALUES"
                " (?, ?, ?, ?, (SELECT coalesce(max(ord), 0) + 1 FROM wires), ?, ?, ?) ON CONFLICT DO NOTHING",
                (name, incarnation, seq, item.lane, item.size, to_ms(self._clock.now()), origin),
            )
            row = conn.execute("SELECT data FROM wires WHERE wire_sha256 = ?", (name,)).fetchone()
        if row[0] is not None:  # our own, in the database
            self._file(name).unlink(missing_ok=True)
        return done.rowcount > 0

    def carried(self) -> dict[str, tuple[int, int]]:
        """Of each vehicle whose envelopes are carried: how many wait, and how many the hospital has."""
        with self._database.read() as conn:
            rows = conn.execute(
                "SELECT origin, sum(state IN ('open', 'refused')), sum(state IN ('received', 'held')) FROM wires"
                " WHERE origin <> '' GROUP BY origin ORDER BY origin"
            ).fetchall()
        return {origin: (waiting, received) for origin, waiting, received in rows}

    def kept(self, *, since: datetime | None = None, wire_sha256: str = "") -> list[Kept]:
        """Envelopes, most urgent first: one by its hash; else what waits; with `since` all that was sealed then."""
        columns = "wire_sha256, size, lane, ord, origin, incarnation, seq, state, added_ms, ended_ms, sends, is_kept"
        with self._database.read() as conn:
            rows = conn.execute(
                f"SELECT {columns} FROM wires WHERE CASE WHEN :name <> '' THEN wire_sha256 = :name"  # noqa: S608  a literal
                " ELSE is_kept = 1 AND (state IN ('open', 'refused') OR added_ms >= :since) END ORDER BY lane, ord",
                {"name": wire_sha256, "since": None if since is None else to_ms(since)},
            ).fetchall()
        return [
            Kept(
                WireItem(name, size, Lane(lane), order),
                *(origin, incarnation, seq, state),
                added=from_ms(added),
                ended=None if ended is None else from_ms(ended),
                sends=sends + self._sends[name],
                has_bytes=bool(is_kept),
            )
            for name, size, lane, order, origin, incarnation, seq, state, added, ended, sends, is_kept in rows
        ]

    def journal(self, after: int, limit: int) -> list[JournalEntry]:
        """What was journalled after number `after`, in order."""
        with self._database.read() as conn:
            rows = conn.execute(
                "SELECT n, incarnation, seq, journal.wire_sha256, receipt FROM journal JOIN wires USING (wire_sha256)"
                " WHERE n > ? AND origin = '' ORDER BY n LIMIT ?",
                (after, limit),
            ).fetchall()
        return [
            JournalEntry(
                n, incarnation, seq, name, None if body is None else msgspec.msgpack.decode(body, type=Receipt)
            )
            for n, incarnation, seq, name, body in rows
        ]

    def journalled(self) -> int:
        """The number of the last entry; 0 where there is none."""
        with self._database.read() as conn:
            return int(conn.execute("SELECT coalesce(max(n), 0) FROM journal").fetchone()[0])

    def counts(
        self, sending: Iterable[str] = (), unsealed: Mapping[tuple[int, int], Lane] | None = None
    ) -> dict[Lane, LaneCount]:
        """See lane_counts; what is carried for others is not among them."""
        with self._database.read() as conn:
            return lane_counts(conn, sending, unsealed or {})

    def prune(self, older_than: datetime) -> int:
        """Delete the bytes of envelopes received before `older_than`; rows and counts stay. Returns how many.

        What is held at the hospital stays: a person there may still refuse it.
        """
        with self._database.write() as conn:
            names = [
                row[0]
                for row in conn.execute(
                    "UPDATE wires SET is_kept = 0, data = NULL"
                    " WHERE is_kept = 1 AND state = 'received' AND ended_ms < ? RETURNING wire_sha256",
                    (to_ms(older_than),),
                )
            ]
        for name in names:
            self._file(name).unlink(missing_ok=True)
        return len(names)

    def sweep(self) -> int:
        """At start, before anything is sealed: remove wire files that no row names. Returns how many."""
        left = 0
        for path in self.wire_folder.iterdir():
            with self._database.read() as conn:
                row = conn.execute(
                    "SELECT 1 FROM wires WHERE wire_sha256 = ? AND is_kept = 1 AND data IS NULL", (path.name,)
                ).fetchone()
            if row is None:
                path.unlink(missing_ok=True)
                left += 1
        return left

    def _filed(self, item: Spooled) -> Spooled:
        """The item, its bytes in a durable file of its name unless they are small."""
        if item.path is not None:
            item.path.rename(self._file(item.wire_sha256))
            fsync_folder(self.wire_folder)
        elif item.data is not None and item.size > INLINE_LIMIT:
            with temp_file(self.wire_folder) as (handle, temp):
                handle.write(item.data)
                publish(handle, temp, self._file(item.wire_sha256))
            return msgspec.structs.replace(item, data=None)
        return item

    def _file(self, wire_sha256: str) -> Path:
        return self.wire_folder / wire_sha256
