"""The database refuses to be anything less than encrypted and durable."""

import sqlite3
from pathlib import Path

import pytest

from clinic_records.errors import StoreError
from vehicle_agent.store.database import open_database
from vehicle_agent.store.driver import Migrations
from vehicle_agent.store.migrations import VEHICLE, migrate

KEY = bytes(range(32))


def test_what_law_1_needs_is_set_and_can_be_read_back(tmp_path: Path) -> None:
    conn = open_database(tmp_path / "clinic.db", KEY)
    migrate(conn)
    found = {
        name: conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "temp_store")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 0, "temp_store": 2}
    assert conn.execute("PRAGMA cipher_version").fetchone()[0].startswith("4.")
    conn.close()
    assert (tmp_path / "clinic.db").read_bytes()[:16] != b"SQLite format 3\0"


def test_another_key_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    conn = open_database(path, KEY)
    migrate(conn)
    conn.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="with this key"):
        open_database(path, bytes(32))
    assert path.read_bytes() == before
    open_database(path, KEY).close()


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(StoreError, match=f"{size} bytes"):
        open_database(tmp_path / "clinic.db", bytes(size))
    assert not (tmp_path / "clinic.db").exists()


def test_a_plain_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    plain = sqlite3.connect(path)
    plain.execute("CREATE TABLE records (id)")
    plain.commit()
    plain.close()
    with pytest.raises(StoreError, match=r"with this key|not encrypted"):
        open_database(path, KEY)


def test_a_plain_library_would_not_open_ours(tmp_path: Path) -> None:
    conn = open_database(tmp_path / "clinic.db", KEY)
    migrate(conn)
    conn.close()
    plain = sqlite3.connect(tmp_path / "clinic.db")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("SELECT * FROM records")
    plain.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    writer = open_database(tmp_path / "clinic.db", KEY)
    migrate(writer)
    reader = open_database(tmp_path / "clinic.db", KEY, read_only=True)
    with pytest.raises(Exception, match=r"readonly|read-only"):
        reader.execute("INSERT INTO settings VALUES ('a', x'00')")
    reader.close()
    writer.close()


def test_a_database_of_a_newer_program_is_refused_untouched(tmp_path: Path) -> None:
    newer = Migrations("vehicle")
    for step in VEHICLE._migrations:
        newer(name=step.name)(step.fn)

    @newer(name="9999 from the future")
    def _future(db: object) -> None:
        db.conn.execute("CREATE TABLE hologram (id)")  # type: ignore[attr-defined]

    conn = open_database(tmp_path / "clinic.db", KEY)
    assert migrate(conn, newer) == len(VEHICLE._migrations) + 1
    with pytest.raises(StoreError, match="9999 from the future") as refused:
        migrate(conn)
    assert "新版本" in refused.value.hint.zh
    conn.close()


def test_migrations_are_applied_all_or_none(tmp_path: Path) -> None:
    broken = Migrations("vehicle")

    @broken(name="1")
    def _first(db: object) -> None:
        db.conn.execute("CREATE TABLE first (id)")  # type: ignore[attr-defined]

    @broken(name="2")
    def _second(db: object) -> None:
        db.conn.execute("CREATE TABLE first (id)")  # type: ignore[attr-defined]

    conn = open_database(tmp_path / "clinic.db", KEY)
    with pytest.raises(StoreError, match="nothing was changed"):
        migrate(conn, broken)
    assert conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    assert migrate(conn) == len(VEHICLE._migrations)
    assert migrate(conn) == 0
    conn.close()
