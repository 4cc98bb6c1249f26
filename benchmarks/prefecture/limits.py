"""What this disk and this PostgreSQL give at most, in the same minutes as the run they stand beside."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, text

ROW_BYTES: Final = 6000
BLOB_BYTES: Final = 120_000
_MAKE: Final = "CREATE TABLE IF NOT EXISTS upper_bound (id text PRIMARY KEY, payload bytea NOT NULL)"
_UPSERT: Final = text(
    "INSERT INTO upper_bound (id, payload) VALUES (:id, :payload)"
    " ON CONFLICT (id) DO UPDATE SET payload = excluded.payload"
)


def limits(folder: Path, url: str, seconds: float) -> dict[str, float]:
    """Rates a second: of the disk one by one, and of the database in workers x rows a transaction."""
    found = {
        "4 kB write + fsync": _rate(seconds, lambda: _write(folder, 4096)),
        "120 kB file: write + fsync + rename + fsync of the folder": _rate(seconds, lambda: _keep(folder)),
    }
    engine = create_engine(url, pool_size=8)
    try:
        with engine.begin() as connection:
            connection.execute(text(_MAKE))
        for workers, rows in ((1, 1), (4, 1), (1, 50), (4, 50)):
            name = f"PostgreSQL upserts of 6 kB, {workers} writing, {rows} rows a transaction"
            found[name] = _upserts(engine, workers, rows, seconds)
    finally:
        engine.dispose()
    return found


def _rate(seconds: float, act: Callable[[], None]) -> float:
    count, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        act()
        count += 1
    return count / elapsed


def _write(folder: Path, size: int) -> None:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(size))
        os.fsync(file.fileno())


def _keep(folder: Path) -> None:
    part, whole = folder / "upper-bound.part", folder / "upper-bound"
    with part.open("wb") as file:
        file.write(os.urandom(BLOB_BYTES))
        file.flush()
        os.fsync(file.fileno())
    part.replace(whole)
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _upserts(engine: Engine, workers: int, rows: int, seconds: float) -> float:
    """Rows a second of all workers together."""

    def work(number: int) -> float:
        count = 0

        def transaction() -> None:
            nonlocal count
            some = [{"id": f"{number}-{count + each}", "payload": os.urandom(ROW_BYTES)} for each in range(rows)]
            count += rows
            with engine.begin() as connection:
                connection.execute(_UPSERT, some)

        return rows * _rate(seconds, transaction)

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(workers)))
