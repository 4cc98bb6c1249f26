"""The spool: sealed envelopes on their way, readable with the device key alone (sync rule 5).

The courier works from here only, so it runs before anybody has logged in.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from clinic_records.clock import Clock, SystemClock
from sync.enrolment import Enrolment
from sync.ports import SessionState
from vehicle_agent.store.incoming import Incoming
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outgoing import Outgoing
from vehicle_agent.store.spool_database import SpoolDatabase


class Sessions:
    """SessionStore of sync.ports, over spool.db."""

    def __init__(self, database: SpoolDatabase, first: SessionState) -> None:
        self._database = database
        self._first = first

    def load(self) -> SessionState:
        """See sync.ports.SessionStore; at first what the enrolment granted."""
        with self._database.read() as conn:
            row = conn.execute("SELECT value FROM meta WHERE key = 'session'").fetchone()
        return self._first if row is None else msgspec.json.decode(row[0], type=SessionState)

    def save(self, state: SessionState) -> None:
        """See sync.ports.SessionStore."""
        with self._database.write() as conn:
            conn.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('session', ?)",
                (msgspec.json.encode(state).decode(),),
            )


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
        self.down = Incoming(self._database, folder / "down", clock, keys=keys, hospital=hospital)
        first = SessionState(token=hospital.session_token, incarnation=hospital.incarnation)
        self.session = Sessions(self._database, first)

    def prune(self, older_than: datetime) -> int:
        """Delete bytes of both ways that ended before `older_than`; rows and receipts stay. Returns how many."""
        return self.up.prune(older_than) + self.down.prune_merged(older_than)

    def close(self) -> None:
        """Close all connections; call it when no thread uses the spool any more."""
        self._database.close()
