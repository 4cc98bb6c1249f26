"""On SQLite writers write in the order they came: one that comes back at once does not pass over one that waits.

And what is locked by name, while a large file is opened, holds up nothing of another name.
"""

import fcntl
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from cloud_hospital.store import engine as engine_module
from cloud_hospital.store.engine import open_engine, writing
from cloud_hospital.store.locks import advisory_key, exclusive


def test_whoever_waits_comes_before_whoever_comes_back(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    order: list[str] = []
    is_waiting = threading.Event()

    def urgent() -> None:
        is_waiting.set()
        with writing(engine):
            order.append("urgent")

    with writing(engine):
        thread = threading.Thread(target=urgent)
        thread.start()
        is_waiting.wait()
        queue = tmp_path / "a.db-queue"
        while not _is_locked(queue):
            pass
    for _ in range(3):
        with writing(engine):
            order.append("bulk")
    thread.join()
    assert order[0] == "urgent"
    engine.dispose()


def _is_locked(path: Path) -> bool:
    with path.open("r+b") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_a_writer_that_hangs_outside_the_database_stops_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_S", 0.02)
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with (tmp_path / "a.db-turn").open("r+b") as hung:
        fcntl.flock(hung, fcntl.LOCK_EX)
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
    engine.dispose()


def test_a_large_file_that_is_being_opened_holds_up_no_other_though_their_hashes_begin_alike(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    first, *others = (f"wire V01 {number}" for number in range(3000))
    alike = [name for name in others if advisory_key(name) >> 56 == advisory_key(first) >> 56]
    taken = threading.Event()

    def urgent() -> None:
        with exclusive(engine, alike[0], tmp_path):
            taken.set()

    with exclusive(engine, first, tmp_path):
        thread = threading.Thread(target=urgent)
        thread.start()
        is_taken = taken.wait(10)
    thread.join()
    engine.dispose()
    assert is_taken
