"""One at a time among processes: an advisory lock on PostgreSQL, a file lock beside SQLite."""

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.schema import Table

from cloud_hospital.store.engine import is_postgresql
from sync.durable import open_or_make

LOCK_DIGITS: Final = 4
"""Hexadecimal digits of a lock file's name: 65,536 empty files at most, and an urgent file, or a vehicle that greets,
waits for a large one that is being opened once in as many times."""


def advisory_key(name: str) -> int:
    """The number of the lock `name` on PostgreSQL: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextmanager
def exclusive(engine: Engine, name: str, folder: Path) -> Iterator[None]:
    """Hold the lock `name`; it ends with the block, or with the process when that is killed.

    Args:
        engine: on PostgreSQL the lock is the database's, so it holds across machines.
        name: what is locked.
        folder: where the lock files of SQLite's processes lie.
    """
    if is_postgresql(engine):
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": advisory_key(name)})
            yield
        return
    digits = hashlib.sha256(name.encode()).hexdigest()[:LOCK_DIGITS]
    handle = open_or_make(folder / f"lock-{digits}", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def insert_new(connection: Connection, table: Table, values: Mapping[str, object]) -> Any:
    """Insert a row unless one with its key is there: the first column of its primary key, or None where one was."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    returned = connection.execute(statement.returning(next(iter(table.primary_key.columns)))).first()
    return None if returned is None else returned[0]


def insert_all_new(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], *returning: Column[Any]
) -> list[tuple[Any, ...]]:
    """Insert those of `rows` whose keys are not there, in one statement: the `returning` columns of those inserted.

    Rows come in the order of their keys, so that two who insert the same ones never wait in a ring.
    """
    if not rows:
        return []
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*returning)
    return [tuple(row) for row in connection.execute(statement, rows)]


_LOCK_ALL: Final = text(
    "SELECT CASE WHEN alone THEN pg_advisory_xact_lock(k) ELSE pg_advisory_xact_lock_shared(k) END"
    " FROM unnest(CAST(:keys AS bigint[]), CAST(:alone AS boolean[])) AS locks(k, alone)"
)


def lock_all(connection: Connection, names: Mapping[str, bool]) -> None:
    """Hold the locks `names` until the transaction ends, each alone (True) or with others who want it shared.

    In the order of their keys, so that two who want several never wait in a ring. On SQLite a writer is alone anyway.
    """
    if names and connection.dialect.name == "postgresql":
        wanted = sorted((advisory_key(name), is_alone) for name, is_alone in names.items())
        keys, alone = [key for key, _ in wanted], [is_alone for _, is_alone in wanted]
        connection.execute(_LOCK_ALL, {"keys": keys, "alone": alone})


_LOCK_FREE: Final = text("SELECT k FROM unnest(CAST(:keys AS bigint[])) AS locks(k) WHERE pg_try_advisory_xact_lock(k)")


def lock_free(connection: Connection, names: Collection[str]) -> set[str]:
    """Hold those of the locks `names` that nobody has until the transaction ends; which they are. Never waits.

    Whoever has one of them by `exclusive` may be waiting, on another connection, for what this transaction holds:
    PostgreSQL sees no ring in that, and nobody would end it.
    """
    if not names or connection.dialect.name != "postgresql":
        return set(names)
    keys = {advisory_key(name): name for name in names}
    return {keys[k] for k in connection.execute(_LOCK_FREE, {"keys": list(keys)}).scalars()}
