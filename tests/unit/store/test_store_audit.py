"""Sync rule 25: a restored audit chain says "gap"; a changed one says "tampered"."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_records.audit import AuditHead
from clinic_records.errors import StoreError
from clinic_records.people import Author, Role
from clinic_records.record import Kind
from sync.ports import Receipt, Verdict
from tests.unit.store.conftest import NOW
from vehicle_agent.store.audit import (
    BEGAN,
    ChainCheck,
    add_entry,
    check_chains,
    current_head,
    list_entries,
    witnessed_head,
)
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import rows_where, set_verdict
from vehicle_agent.store.store import Store
from vehicle_agent.visits.day_end import put_audit_head
from vehicle_agent.visits.versions import Act

NURSE = Author("n001", "张护士", Role.NURSE)
KEY = database_key(new_data_key())


def opened(root: Path, incarnation: int = 1) -> Store:
    return Store.open(root / "clinic.db", root / "blobs", KEY, vehicle="V01", incarnation=incarnation)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


def write(store: Store, *entries: bytes) -> None:
    for entry in entries:
        store.write(lambda conn, entry=entry: add_entry(conn, "login", entry, NOW))  # type: ignore[misc]


def witness(store: Store, number: int = 1) -> AuditHead | None:
    """The head goes up and the hospital signs for it."""
    store.write(lambda conn: put_audit_head(conn, f"head-{number}", Act(NURSE, NOW)))
    (row,) = store.read(lambda conn: rows_where(conn, "id = ?", (f"head-{number}",)))
    receipt = Receipt("a" * 64, Verdict.APPLIED, "e1", number, NOW)
    store.write(lambda conn: set_verdict(conn, row.incarnation, row.seq, receipt.wire_sha256, receipt))
    return store.read(witnessed_head)


def check(store: Store) -> ChainCheck:
    return store.read(check_chains)


def tamper(store: Store, statement: str) -> None:
    """What somebody with the key and a program of their own might do."""

    def job(conn: Connection) -> None:
        conn.execute("DROP TRIGGER audit_stays")
        conn.execute("DROP TRIGGER audit_fixed")
        conn.execute(statement)

    store.write(job)


def test_entries_are_a_chain_whose_head_the_hospital_witnesses(store: Store) -> None:
    assert check(store) == ChainCheck(0, [], [], None)
    write(store, b"one", b"two")
    head = witness(store)
    assert head == store.read(current_head)
    assert head is not None
    assert (head.incarnation, head.count) == (1, 2)
    write(store, b"three")
    assert check(store) == ChainCheck(3, [], [], head)
    assert [entry for _, entry in store.read(lambda conn: list_entries(conn, "login"))] == [b"three", b"two", b"one"]


def test_the_same_head_goes_up_once(store: Store) -> None:
    assert not store.write(lambda conn: put_audit_head(conn, "nothing yet", Act(None, NOW)))
    write(store, b"one")
    assert store.write(lambda conn: put_audit_head(conn, "a", Act(None, NOW)))
    assert not store.write(lambda conn: put_audit_head(conn, "b", Act(None, NOW)))
    write(store, b"two")
    assert store.write(lambda conn: put_audit_head(conn, "c", Act(None, NOW)))
    rows = store.read(lambda conn: rows_where(conn, "kind = ?", (Kind.AUDIT_HEAD,)))
    assert [(row.id, row.lane) for row in rows] == [("a", "p1"), ("c", "p1")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET entry = x'00' WHERE n = 2",
        "UPDATE audit SET at = at + 1 WHERE n = 1",
        "UPDATE audit SET topic = 'x' WHERE n = 3",
        "DELETE FROM audit WHERE n = 2",
        "DELETE FROM audit WHERE n = 3",
    ],
)
def test_whatever_is_changed_or_taken_out_is_tampering(store: Store, statement: str) -> None:
    write(store, b"one", b"two", b"three")
    witness(store)
    tamper(store, statement)
    assert check(store).faults != []
    assert check(store).gaps == []


def test_the_database_itself_refuses_changes(store: Store) -> None:
    write(store, b"one")
    for statement in ("UPDATE audit SET entry = x'00'", "DELETE FROM audit"):
        with pytest.raises(StoreError, match="append-only"):
            store.write(lambda conn, statement=statement: conn.execute(statement))  # type: ignore[misc]


def test_a_restored_box_says_gap_and_names_what_the_hospital_has_seen(tmp_path: Path) -> None:
    first = opened(tmp_path)
    write(first, b"one", b"two")
    seen = witness(first)
    first.close()
    restored = opened(tmp_path, incarnation=2)  # last night's database, in the incarnation the hospital granted
    write(restored, b"after")
    found = check(restored)
    assert found.faults == []
    assert len(found.gaps) == 1
    assert "after entry 1/2" in found.gaps[0]
    assert "signed up to 1/2" in found.gaps[0]
    assert found.witnessed == seen
    assert len(restored.read(lambda conn: list_entries(conn, BEGAN))) == 1
    write(restored, b"and on")
    assert check(restored).entries == 5
    tamper(restored, "DELETE FROM audit WHERE incarnation = 1 AND n = 2")
    assert check(restored).faults != [], "what is cut off the old chain no longer fits the new one's beginning"
    restored.close()
