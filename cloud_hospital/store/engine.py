"""The engine: SQLite in one file by default, PostgreSQL by its URL; both commit to disk before they say yes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from clinic_records.errors import ConfigError, Hint, StoreError
from sync.durable import open_or_make

_NO_DATABASE = Hint(
    "看看数据库是否在运行；它回来后，医院的进程会自己重新启动，车辆会再送一次。",
    "See whether the database runs; when it is back the hospital's processes start again by themselves and vehicles"
    " send once more.",
)
BUSY_S = 30
"""Seconds a writer waits for SQLite's one write lock before it gives up."""
IDLE_S = 1.0
"""Seconds after which a pooled connection is asked whether PostgreSQL still holds it; a busy worker need not."""
TRY_AGAIN_S = 0.002
"""Seconds between two looks whether it is a writer's turn."""


def open_engine(url: str) -> Engine:
    """An engine on `url`, its durability asserted on every new connection (law 1).

    Raises:
        ConfigError: another database than SQLite or PostgreSQL, or one set to lose commits.
    """
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url)
    if backend == "postgresql":
        return _open_postgresql(url)
    raise ConfigError(f"database_url: {backend!r} is not supported; use sqlite:/// or postgresql+psycopg://")


def database_gone(error: DBAPIError) -> StoreError:
    """What to tell whoever meets it, in place of the driver's own words."""
    return StoreError(f"the database is gone: {str(error.orig).splitlines()[0]}", hint=_NO_DATABASE)


def is_postgresql(engine: Engine) -> bool:
    """Whether row and advisory locks exist; on SQLite a writer is alone anyway."""
    return engine.dialect.name == "postgresql"


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction, durable when the block has ended; on SQLite it holds the write lock from its start."""
    with _in_turn(engine), engine.connect().execution_options(clinic_writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _in_turn(engine: Engine) -> Iterator[None]:
    """On SQLite, whose waiting writers sleep and try again: who comes first writes first, so none is passed over.

    Whoever waits for the turn holds the queue, and the last writer must pass the queue to write again. Where one
    hangs, the others go on after BUSY_S and SQLite's own lock decides.
    """
    database = engine.url.database
    if is_postgresql(engine) or not database or database == ":memory:":
        yield
        return
    turn = open_or_make(Path(f"{database}-turn"), os.O_RDWR)
    try:
        queue = open_or_make(Path(f"{database}-queue"), os.O_RDWR)
        try:
            _wait_for(queue)
            _wait_for(turn)
        finally:
            os.close(queue)
        yield
    finally:
        os.close(turn)


def _wait_for(handle: int) -> None:
    until = time.monotonic() + BUSY_S
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(TRY_AGAIN_S)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view, whatever others commit meanwhile; never waits for a writer on SQLite's WAL."""
    with engine.connect() as connection:
        if is_postgresql(engine):  # its own default shows each statement the newest (PostgreSQL, 13.2)
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # transactions are begun by the listener below, not by the driver's guess
        cursor = raw.cursor()
        journal = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        cursor.execute("PRAGMA synchronous=FULL")
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
        cursor.close()
        if (journal, synchronous) != ("wal", 2):
            raise ConfigError(f"{url}: journal_mode={journal}, synchronous={synchronous}; need wal and 2 (FULL)")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("clinic_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _open_postgresql(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: object) -> None:
        with raw.cursor() as cursor:
            # Session setting: a role or database default of `off` may lose commits that were answered.
            cursor.execute("SET synchronous_commit = on")
            settings = [cursor.execute(f"SHOW {name}").fetchone()[0] for name in ("fsync", "full_page_writes")]
        raw.commit()
        if settings != ["on", "on"]:
            raise ConfigError(f"PostgreSQL: fsync={settings[0]}, full_page_writes={settings[1]}; both must be on")

    @event.listens_for(engine, "checkin")
    def _on_checkin(_raw: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(raw: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used_at", time.monotonic()) < IDLE_S:
            return
        try:
            engine.dialect.do_ping(raw)
        except psycopg.Error:
            raise InvalidatePoolError from None  # the pool makes new ones, and nobody hears of it

    return engine
