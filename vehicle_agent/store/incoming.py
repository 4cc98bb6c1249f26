"""The way down of the spool: envelopes of the pinned hospital, kept sealed until somebody logs in.

`applied` is answered once an envelope is whole, durable, signed by the pinned key and opens with the box's key; it is
merged into the store at the next unlock, from these bytes, so nothing answered is lost.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Final, NamedTuple

import msgspec

from clinic_records.clock import Clock, to_ms
from clinic_records.errors import BadFrame, ClinicError, NotFound, PeerRefused, RefusedInput, StoreError
from clinic_records.ids import blob_hash
from clinic_records.record import Lane, Record
from clinic_records.returned import ReturnedDownlink
from sync.byteranges import union
from sync.durable import write_part
from sync.keys import RecipientPrivate, Verifier
from sync.messages.table import strange_features
from sync.ports import Ranges, Receipt, Verdict
from sync.seal import Opened, open_wire, peek, wire_hash
from vehicle_agent.store.durable import require_room
from vehicle_agent.store.merge.table import understand
from vehicle_agent.store.spool_database import SpoolDatabase

_SIZE_LIMIT: Final = 256 * 1024 * 1024  # bytes of one envelope; months of schedules and slices are far below


class Pending(msgspec.Struct, frozen=True):
    """One verified envelope from the hospital that waits for the store to open."""

    wire_sha256: str
    order: int


class _GivingBack(msgspec.Struct, frozen=True):
    """Giving back is done up to one order of arrival and has to go on up to another.

    Each envelope once for all epochs: as a record of ours it is offered again by itself in every later one.
    """

    done: int = 0
    last: int = 0


class Incoming:
    """InboundStore of sync.ports, over spool.db and the down folder."""

    def __init__(
        self,
        database: SpoolDatabase,
        down_folder: Path,
        clock: Clock,
        *,
        recipients: Mapping[str, RecipientPrivate],
        signers: Callable[[], Verifier],
    ) -> None:
        """Over these; `recipients` are the box's private keys by key id, `signers` the hospital's of any time."""
        self._database = database
        self._folder = down_folder
        self._clock = clock
        self._recipients = recipients
        self._signers = signers

    def ranges(self, wire_sha256: str) -> Ranges:
        """See sync.ports.InboundStore."""
        row = self._row(wire_sha256)
        return () if row is None else row.ranges

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:
        """See sync.ports.InboundStore.

        Raises:
            RefusedInput: the name is no hash, or the part does not lie inside the size announced first.
            StoreError: the disk refused, or what is left of it stays for the nurse.
        """
        name = blob_hash(wire_sha256)
        row = self._row(name)
        if row is not None and row.receipt is not None:
            return row.ranges
        announced = size if row is None else row.size
        if size != announced or not 0 < size <= _SIZE_LIMIT or offset < 0 or offset + len(data) > size:
            raise RefusedInput(
                f"envelope {name}: part [{offset}, {offset + len(data)}) of {size} does not fit {announced}"
                f" (at most {_SIZE_LIMIT})"
            )
        require_room(self._folder, len(data))
        self._write_part(name, offset, data)
        with self._database.write() as conn:
            before = _row(conn, name)
            held = union(() if before is None else before.ranges, [(offset, offset + len(data))])
            conn.execute(
                "INSERT INTO down (wire_sha256, size, lane, ranges, state) VALUES (?, ?, ?, ?, 'partial')"
                " ON CONFLICT (wire_sha256) DO UPDATE SET ranges = excluded.ranges",
                (name, size, lane, msgspec.json.encode(held).decode()),
            )
        return held

    def accept(self, wire_sha256: str) -> Receipt:
        """See sync.ports.InboundStore: never raises for bad content.

        Raises:
            NotFound: not all of its bytes are here.
        """
        row = self._row(wire_sha256)
        if row is not None and row.receipt is not None:
            return row.receipt
        if row is None or row.ranges != ((0, row.size),):
            raise NotFound(f"envelope {wire_sha256}: not all of it is here")
        path = self._file(wire_sha256)
        judged = _Judgement(Verdict.REFUSED, "partial", "its bytes have another hash; send them again")
        if path.exists() and wire_hash(path) == wire_sha256:
            judged = self._judge(path)
        with self._database.write() as conn:
            receipt = Receipt(
                wire_sha256=wire_sha256,
                verdict=judged.verdict,
                epoch=_epoch(conn),
                receipt_seq=_next_receipt_seq(conn),
                at=self._clock.now(),
                id=judged.id,
                revision=judged.revision,
                sha256=judged.sha256,
                reason=judged.reason,
            )
            if judged.state == "partial":  # no receipt is kept, so that the true bytes may still come
                conn.execute("DELETE FROM down WHERE wire_sha256 = ?", (wire_sha256,))
            else:
                conn.execute(
                    "UPDATE down SET state = ?, receipt = ?, ended_ms = ?, ord = ? WHERE wire_sha256 = ?",
                    (
                        judged.state,
                        msgspec.msgpack.encode(receipt),
                        to_ms(receipt.at),
                        receipt.receipt_seq,
                        wire_sha256,
                    ),
                )
        if judged.state == "partial":
            path.unlink(missing_ok=True)
        return receipt

    def receipt_for(self, wire_sha256: str) -> Receipt | None:
        """See sync.ports.InboundStore."""
        row = self._row(wire_sha256)
        return None if row is None else row.receipt

    def not_taken(self) -> list[Receipt]:
        """What was refused or held, newest first; the bytes stay in the down folder, and a person should know."""
        with self._database.read() as conn:
            rows = conn.execute(
                "SELECT receipt FROM down WHERE state IN ('refused', 'held') ORDER BY ord DESC LIMIT 200"
            ).fetchall()
        return [msgspec.msgpack.decode(body, type=Receipt) for (body,) in rows]

    def given(self) -> list[Receipt]:
        """Every receipt given to the hospital for what came down, in order."""
        with self._database.read() as conn:
            rows = conn.execute("SELECT receipt FROM down WHERE receipt IS NOT NULL ORDER BY ord").fetchall()
        return [msgspec.msgpack.decode(body, type=Receipt) for (body,) in rows]

    def downlink_pending(self) -> list[Pending]:
        """What came down and is not in the store yet, in order of arrival."""
        with self._database.read() as conn:
            rows = conn.execute("SELECT wire_sha256, ord FROM down WHERE state = 'pending' ORDER BY ord").fetchall()
        return [Pending(*row) for row in rows]

    def reconsider(self) -> int:
        """After an upgrade: what was held because an older version did not understand it is merged now (sync rule 15).

        It gets a new receipt, which the hospital asks for when the next session opens. Returns how many.
        """
        with self._database.read() as conn:
            names = [row[0] for row in conn.execute("SELECT wire_sha256 FROM down WHERE state = 'held' ORDER BY ord")]
        judged = {name: self._judge(self._file(name)) for name in names if self._file(name).exists()}
        understood = {name: each for name, each in judged.items() if each.verdict is Verdict.APPLIED}
        with self._database.write() as conn:
            for name, each in understood.items():
                receipt = Receipt(
                    wire_sha256=name,
                    verdict=each.verdict,
                    epoch=_epoch(conn),
                    receipt_seq=_next_receipt_seq(conn),
                    at=self._clock.now(),
                    id=each.id,
                    revision=each.revision,
                    sha256=each.sha256,
                )
                conn.execute(
                    "UPDATE down SET state = 'pending', receipt = ? WHERE wire_sha256 = ? AND state = 'held'",
                    (msgspec.msgpack.encode(receipt), name),
                )
        return len(understood)

    def note_new_epoch(self, _: str) -> None:
        """The hospital was restored and may have forgotten what it sent: all that is kept of it goes back up."""
        with self._database.write() as conn:
            last = conn.execute("SELECT coalesce(max(ord), 0) FROM down").fetchone()[0]
            _put_giving_back(conn, msgspec.structs.replace(_giving_back(conn), last=last))

    def to_give_back(self, limit: int) -> list[Pending]:
        """Some of what goes back up, in order of arrival."""
        with self._database.read() as conn:
            at = _giving_back(conn)
            rows = conn.execute(
                "SELECT wire_sha256, ord FROM down WHERE state IN ('pending', 'merged', 'held')"
                " AND ord > ? AND ord <= ? ORDER BY ord LIMIT ?",
                (at.done, at.last, limit),
            ).fetchall()
        return [Pending(*row) for row in rows]

    def give_back(self, item: Pending) -> ReturnedDownlink:
        """One of them as it came, with the key that opens it.

        Raises:
            RefusedInput, OSError: the file was changed or is gone.
        """
        wire = self._file(item.wire_sha256).read_bytes()
        outer = peek(wire).outer
        box = self._recipients.get(outer.key_id)
        if box is None:
            raise RefusedInput(f"envelope {item.wire_sha256} is sealed to a box key that is not here")
        return ReturnedDownlink(wire, box.unwrap(outer.wrapped_key, outer.context))

    def given_back(self, item: Pending) -> None:
        """It is in the outbox, or a person was told why not."""
        with self._database.write() as conn:
            _put_giving_back(conn, msgspec.structs.replace(_giving_back(conn), done=item.order))

    def downlink_open(self, item: Pending) -> Record:
        """Open one of them, for `put_foreign`.

        Raises:
            RefusedInput, PeerRefused, OSError: it no longer opens: the file was changed since it was verified.
        """
        return self._open(self._file(item.wire_sha256)).record()

    def wire(self, item: Pending) -> Path:
        """Where its bytes lie."""
        return self._file(item.wire_sha256)

    def downlink_merged(self, item: Pending, *, is_kept: bool = True) -> None:
        """The store holds it, or its bytes in quarantine; `is_kept`: the hospital may want it again.

        What is not kept goes at once: until then whoever has the box's disk can open it without a PIN.
        """
        with self._database.write() as conn:
            conn.execute(
                "UPDATE down SET state = ? WHERE wire_sha256 = ? AND state = 'pending'",
                ("merged" if is_kept else "pruned", item.wire_sha256),
            )
        if not is_kept:
            self._file(item.wire_sha256).unlink(missing_ok=True)

    def prune_merged(self, older_than: datetime) -> int:
        """Delete the bytes of merged envelopes received before `older_than`; their receipts stay. Returns how many."""
        with self._database.write() as conn:
            rows = conn.execute(
                "UPDATE down SET state = 'pruned' WHERE state = 'merged' AND ended_ms < ? RETURNING wire_sha256",
                (to_ms(older_than),),
            ).fetchall()
        for (wire_sha256,) in rows:
            self._file(wire_sha256).unlink(missing_ok=True)
        return len(rows)

    def _judge(self, path: Path) -> "_Judgement":
        """What to answer to a whole file, and its state from then on; refused and held bytes stay where they are."""
        try:
            opened = self._open(path)
            strange = strange_features(opened.header)
            record = opened.record()
        except (PeerRefused, BadFrame) as error:
            return _Judgement(Verdict.REFUSED, "refused", str(error))
        except ClinicError as error:
            return _Judgement(Verdict.HELD, "held", str(error))
        known = (record.id, record.revision, record.sha256)
        if strange:
            return _Judgement(Verdict.HELD, "held", f"must-understand: needs {', '.join(strange)}", *known)
        try:
            understand(record)
        except RefusedInput as error:
            return _Judgement(Verdict.HELD, "held", f"not-understood: {error}", *known)
        return _Judgement(Verdict.APPLIED, "pending", "", *known)

    def _open(self, path: Path) -> Opened:
        return open_wire(path, origin=self._signers(), recipients=self._recipients)

    def _write_part(self, name: str, offset: int, data: bytes) -> None:
        path = self._file(name)
        try:
            write_part(path, offset, data)
        except OSError as error:
            raise StoreError(f"{path}: cannot write: {error.strerror}") from error

    def _row(self, wire_sha256: str) -> "_Down | None":
        with self._database.read() as conn:
            return _row(conn, wire_sha256)

    def _file(self, wire_sha256: str) -> Path:
        return self._folder / blob_hash(wire_sha256)


class _Down(NamedTuple):
    size: int
    ranges: Ranges
    receipt: Receipt | None


class _Judgement(NamedTuple):
    verdict: Verdict
    state: str
    reason: str
    id: str = ""
    revision: int = 0
    sha256: str = ""


def _row(conn: Connection, wire_sha256: str) -> _Down | None:
    row = conn.execute("SELECT size, ranges, receipt FROM down WHERE wire_sha256 = ?", (wire_sha256,)).fetchone()
    if row is None:
        return None
    receipt = None if row[2] is None else msgspec.msgpack.decode(row[2], type=Receipt)
    return _Down(row[0], msgspec.json.decode(row[1], type=Ranges), receipt)


def _epoch(conn: Connection) -> str:
    """This box's receipt epoch: random, made with its first receipt."""
    conn.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?)", (secrets.token_hex(8),))
    return str(conn.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])


def _next_receipt_seq(conn: Connection) -> int:
    conn.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('receipt_seq', '0')")
    row = conn.execute("UPDATE meta SET value = value + 1 WHERE key = 'receipt_seq' RETURNING value").fetchone()
    return int(row[0])


def _giving_back(conn: Connection) -> _GivingBack:
    row = conn.execute("SELECT value FROM meta WHERE key = 'giving_back'").fetchone()
    return _GivingBack() if row is None else msgspec.json.decode(row[0], type=_GivingBack)


def _put_giving_back(conn: Connection, state: _GivingBack) -> None:
    body = msgspec.json.encode(state).decode()
    conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('giving_back', ?)", (body,))
