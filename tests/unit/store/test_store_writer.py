"""One writing thread, group commit, and what a failing job may not do to the others."""

import sys
import threading
from concurrent.futures import Future

import pytest

from clinic_records.errors import Conflict, StoreError
from tests.unit.store.conftest import Box
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.settings import get_setting, list_settings, put_setting


def _hold_writer(box: Box) -> tuple[threading.Event, "Future[None]"]:
    """Keep the writer busy, so that what is submitted next shares one commit."""
    go = threading.Event()

    def wait(_: Connection) -> None:
        go.wait(30)

    return go, box.store.submit(wait)


def test_jobs_that_wait_together_share_a_commit_and_fail_alone(box: Box) -> None:
    commits: list[int] = []
    box.store.writer.after_commit(lambda _: commits.append(1))
    go, held = _hold_writer(box)

    def fails(conn: Connection) -> None:
        put_setting(conn, "bad", b"written, then undone")
        raise Conflict("stale")

    good = [box.store.submit(lambda conn, n=n: put_setting(conn, f"good/{n}", b"x")) for n in range(5)]  # type: ignore[misc]
    bad = box.store.submit(fails)
    late = box.store.submit(lambda conn: put_setting(conn, "good/late", b"x"))
    go.set()
    held.result(30)
    for future in (*good, late):
        future.result(30)
    with pytest.raises(Conflict, match="stale"):
        bad.result(30)
    assert len(commits) <= 2
    assert len(box.store.read(lambda conn: list_settings(conn, "good/"))) == 6
    assert box.store.read(lambda conn: get_setting(conn, "bad")) is None


def test_a_job_sees_what_an_earlier_one_of_its_commit_wrote(box: Box) -> None:
    go, _ = _hold_writer(box)
    box.store.submit(lambda conn: put_setting(conn, "k", b"1"))
    seen = box.store.submit(lambda conn: get_setting(conn, "k"))
    go.set()
    assert seen.result(30) == b"1"


def test_an_unexpected_error_becomes_a_store_error(box: Box) -> None:
    with pytest.raises(StoreError, match="KeyError"):
        box.store.write(lambda _: dict[str, str]()["nothing"])
    with pytest.raises(StoreError, match="no such table"):
        box.store.write(lambda conn: conn.execute("SELECT * FROM nowhere"))


def test_nothing_a_job_raises_stops_the_thread(box: Box) -> None:
    with pytest.raises(StoreError, match="SystemExit"):
        box.store.submit(lambda _: sys.exit(3)).result(30)
    box.store.write(lambda conn: put_setting(conn, "k", b"v"))


def test_hooks_run_before_futures_resolve_and_never_fail_them(box: Box) -> None:
    order: list[str] = []

    def hook(_: Connection) -> None:
        order.append("hook")
        raise RuntimeError("a hook that fails")

    box.store.writer.after_commit(hook)
    future = box.store.submit(lambda conn: put_setting(conn, "k", b"v"))
    future.add_done_callback(lambda _: order.append("future"))
    assert future.result(30) is None
    box.store.write(lambda _: None)
    assert order[:2] == ["hook", "future"]


def test_a_full_disk_fails_the_job_and_not_the_store(box: Box) -> None:
    pages = box.store.write(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])

    def fill(conn: Connection) -> None:
        conn.execute(f"PRAGMA max_page_count = {pages + 2}")
        put_setting(conn, "big", bytes(1_000_000))

    with pytest.raises(StoreError, match="full"):
        box.store.write(fill)
    box.store.write(lambda conn: conn.execute("PRAGMA max_page_count = 4294967294").fetchone())
    box.store.write(lambda conn: put_setting(conn, "small", b"v"))
    assert box.store.read(lambda conn: get_setting(conn, "small")) == b"v"
    assert box.store.read(lambda conn: get_setting(conn, "big")) is None


def test_a_cancelled_job_is_not_run(box: Box) -> None:
    go, _ = _hold_writer(box)
    future = box.store.submit(lambda conn: put_setting(conn, "cancelled", b"v"))
    assert future.cancel()
    go.set()
    assert box.store.write(lambda conn: get_setting(conn, "cancelled")) is None


def test_close_finishes_what_was_queued_and_then_refuses(box: Box) -> None:
    futures = [box.store.submit(lambda conn, n=n: put_setting(conn, f"q/{n}", b"x")) for n in range(600)]  # type: ignore[misc]
    box.store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(StoreError, match="closed"):
        box.store.submit(lambda _: None)
    with pytest.raises(StoreError, match="closed"):
        box.store.read(lambda _: None)
    box.store = box.open_store()
    assert len(box.store.read(lambda conn: list_settings(conn, "q/"))) == 600
