"""The spool's own small database: plain SQLite, because it holds only what carriers may see.

A connection for each thread; writes take one lock, so the courier's thread and the store's writer never collide.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clinic_records.errors import StoreError

_VERSION: Final = 1
_BUSY_S: Final = 30.0  # another process (a status command) may hold the file for a moment

_SCHEMA: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE wires (
        wire_sha256 TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, lane TEXT NOT NULL,
        ord INTEGER NOT NULL UNIQUE, size INTEGER NOT NULL, data BLOB, is_kept INTEGER NOT NULL DEFAULT 1,
        state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'received', 'held', 'refused')),
        added_ms INTEGER NOT NULL, ended_ms INTEGER, sends INTEGER NOT NULL DEFAULT 0,
        origin TEXT NOT NULL DEFAULT '')""",
    # of others nothing is believed, so another envelope under a number that is here already is carried too
    "CREATE UNIQUE INDEX wires_own ON wires (incarnation, seq) WHERE origin = ''",
    "CREATE INDEX wires_waiting ON wires (lane, ord) WHERE state IN ('open', 'refused')",
    "CREATE INDEX wires_counts ON wires (origin, lane, state, added_ms)",
    "CREATE TABLE journal (n INTEGER PRIMARY KEY, wire_sha256 TEXT NOT NULL, receipt BLOB)",
    "CREATE INDEX journal_wire ON journal (wire_sha256)",
    """CREATE TABLE down (
        wire_sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, lane TEXT NOT NULL, ranges TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('partial', 'pending', 'merged', 'held', 'refused', 'pruned')),
        receipt BLOB, ord INTEGER, ended_ms INTEGER)""",
    "CREATE INDEX down_pending ON down (ord) WHERE state = 'pending'",
)


class SpoolDatabase:
    """`spool.db`, checked at open: WAL and synchronous=FULL.

    Raises:
        StoreError: it cannot be opened, is not durable, or was made by a newer program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._writing = threading.Lock()
        self._registry = threading.Lock()
        self._all: list[sqlite3.Connection] = []
        self._closed = False
        with self.write() as conn:
            version = conn.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StoreError(f"{path}: version {version}, this program knows {_VERSION}; install the newer program")
            if version == 0:
                for statement in _SCHEMA:
                    conn.execute(statement)
                conn.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: committed on a clean exit, else undone.

        Raises:
            StoreError: the disk or the database refused.
        """
        conn = self._connection()
        with self._writing:
            try:
                conn.execute("BEGIN IMMEDIATE")
                try:
                    yield conn
                    conn.execute("COMMIT")
                except BaseException:
                    if conn.in_transaction:
                        conn.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: not written: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, for one or more SELECTs.

        Raises:
            StoreError: the database refused.
        """
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: cannot read: {error}") from error

    def close(self) -> None:
        """Close every thread's connection; call it when no thread uses the spool any more."""
        with self._registry:
            self._closed = True
            for conn in self._all:
                conn.close()
            self._all.clear()

    def _connection(self) -> sqlite3.Connection:
        conn: sqlite3.Connection | None = getattr(self._local, "conn", None)
        if conn is not None and not self._closed:
            return conn
        with self._registry:
            if self._closed:
                raise StoreError(f"{self._path}: the spool is closed")
            conn = self._open()
            self._all.append(conn)
        self._local.conn = conn
        return conn

    def _open(self) -> sqlite3.Connection:
        try:
            conn = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
            mode = conn.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            conn.execute("PRAGMA synchronous = FULL")
            level = conn.execute("PRAGMA synchronous").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: cannot open the spool: {error}") from error
        if mode != "wal" or level != 2:
            conn.close()
            raise StoreError(f"{self._path}: journal_mode {mode}, synchronous {level}; a commit would not be durable")
        return conn
