"""On SQLite writers write in the order they came: one that comes back at once does not pass over one that waits."""

import fcntl
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from cloud_hospital.store import engine as engine_module
from cloud_hospital.store.engine import open_engine, writing


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
