"""The spool: sealed envelopes on their way, readable with the device key alone (sync rule 5).

The courier works from here only, so it runs before anybody has logged in.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Final

import msgspec

from clinic_records.clock import Clock, SystemClock
from sync.enrolment import Enrolment
from sync.ports import Receipt, SessionState
from sync.statements import KeyChain
from vehicle_agent.store.incoming import Incoming
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outgoing import Outgoing
from vehicle_agent.store.spool_database import SpoolDatabase

_FIRST_MINUTE: Final = datetime(2020, 1, 1, tzinfo=UTC)
_CHANCES: Final = 64
"""Incarnations a minute: an incarnation stays below 2**31 until 2083."""


class Sessions:
    """SessionStore of sync.ports, over spool.db.

    A new enrolment begins it anew, but for the epoch and how much was seen of it: a hospital that forgot the vehicle
    was perhaps restored, and only by its other epoch does the vehicle offer again what it forgot too (sync rule 3).
    """

    def __init__(self, database: SpoolDatabase, hospital: Enrolment) -> None:
        self._database = database
        self._first = SessionState(token=hospital.session_token, incarnation=hospital.incarnation)
        with database.write() as conn:
            row = conn.execute("SELECT value FROM meta WHERE key = 'enrolment'").fetchone()
            if row is None or row[0] != hospital.session_token:
                before = self._state(conn)
                seen = before.highest_receipt_seq
                _save(conn, msgspec.structs.replace(self._first, epoch=before.epoch, highest_receipt_seq=seen))
                conn.execute(
                    "INSERT OR REPLACE INTO meta (key, value) VALUES ('enrolment', ?)", (hospital.session_token,)
                )

    def load(self) -> SessionState:
        """See sync.ports.SessionStore; at first what the enrolment granted."""
        with self._database.read() as conn:
            return self._state(conn)

    def _state(self, conn: Connection) -> SessionState:
        row = conn.execute("SELECT value FROM meta WHERE key = 'session'").fetchone()
        return self._first if row is None else msgspec.json.decode(row[0], type=SessionState)

    def save(self, state: SessionState) -> None:
        """See sync.ports.SessionStore."""
        with self._database.write() as conn:
            _save(conn, state)

    def note_receipts(self, conn: Connection, epoch: str, highest: int) -> bool:
        """Receipts of this epoch came by another way than a session; False where another epoch is in force.

        In the caller's transaction, because a courier may change the token beside it: an older one written back would
        look like a clone's (sync rule 7). Where there was no session yet, their epoch is taken over.
        """
        state = self._state(conn)
        if state.epoch not in {"", epoch}:
            return False
        seen = max(state.highest_receipt_seq, highest)
        changed = msgspec.structs.replace(state, epoch=epoch, highest_receipt_seq=seen)
        if changed != state:
            _save(conn, changed)
        return True

    def ask_to_rejoin(self, now: datetime) -> SessionState:
        """This box was restored from a backup: count in a stream of its own, and ask the hospital to grant it.

        Every number after the backup may have been used, so the next incarnation begins at once, before anything is
        recorded. Its number comes from the clock and chance, so that it is above those of earlier restorations and
        is not that of a clone; the hospital may grant another one.
        """
        state = self.load()
        with self._database.read() as conn:
            query = "SELECT coalesce(max(seq), 0) FROM wires WHERE origin = '' AND incarnation = ?"
            last_seq = conn.execute(query, (state.incarnation,)).fetchone()[0]
        proposed = int((now - _FIRST_MINUTE).total_seconds()) // 60 * _CHANCES + secrets.randbelow(_CHANCES)
        changed = msgspec.structs.replace(
            state,
            incarnation=max(proposed, state.incarnation + 1 + secrets.randbelow(_CHANCES)),
            rejoin=secrets.token_hex(16),
            closed_seq=last_seq,
        )
        self.save(changed)
        return changed


def _save(conn: Connection, state: SessionState) -> None:
    body = msgspec.json.encode(state).decode()
    conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('session', ?)", (body,))


class Spool:
    """Everything on its way, both ways. Safe from any thread.

    Attributes:
        up: OutboundStore of the way up.
        down: InboundStore of the way down.
        session: SessionStore.
    """

    def __init__(self, folder: Path, *, keys: DeviceKeys, hospital: Enrolment, clock: Clock | None = None) -> None:
        """Open the spool in `folder`.

        Raises:
            StoreError: it is not durable, or a newer program made it.
        """
        clock = clock or SystemClock()
        for each in (folder, folder / "wire", folder / "down"):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = SpoolDatabase(folder / "spool.db")
        self.up = Outgoing(self._database, folder / "wire", clock)
        self.session = Sessions(self._database, hospital)
        self._pinned = hospital.chain()
        self._announced: tuple[tuple[bytes, ...], KeyChain] = ((), self._pinned)
        self.down = Incoming(
            self._database, folder / "down", clock, recipients=keys.recipients, signers=lambda: self.hospital_keys.every
        )

    @property
    def hospital_keys(self) -> KeyChain:
        """The hospital's keys: those of the enrolment and what it announced since."""
        statements = self.session.load().peer_keys
        if statements != self._announced[0]:
            self._announced = statements, self._pinned.extended(statements)
        return self._announced[1]

    def settle_by_stick(self, epoch: str, receipts: Sequence[Receipt]) -> list[bool] | None:
        """Apply verified receipts of one epoch; which of them ended something. None where another epoch is in force.

        In one transaction: a courier beside it may be told of a new epoch, after which these must end nothing.
        """
        with self._database.write() as conn:
            if not self.session.note_receipts(conn, epoch, max((each.receipt_seq for each in receipts), default=0)):
                return None
            return [self.up.settle_in(conn, each) for each in receipts]

    def prune(self, older_than: datetime) -> int:
        """Delete bytes of both ways that ended before `older_than`; rows and receipts stay. Returns how many."""
        return self.up.prune(older_than) + self.down.prune_merged(older_than)

    def close(self) -> None:
        """Close all connections; call it when no thread uses the spool any more."""
        self._database.close()
