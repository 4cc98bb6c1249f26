"""The sealed inbox: devices deliver into a locked vault, nothing is readable, nothing is lost."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.errors import NotFound, RefusedInput, StoreError, StoreLocked
from sync.keys import RecipientPrivate
from tests.unit.store.conftest import Box
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.vault import Vault, create_vault

PRIVATE = RecipientPrivate.generate()


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    (tmp_path / "inbox").mkdir()
    return Inbox(tmp_path / "inbox", PRIVATE.public.raw)


def test_a_locked_vault_takes_deliveries_and_shows_them_after_login(box: Box) -> None:
    box.store.close()
    box.folder.database.unlink()
    create_vault(box.folder, box.data_key, vehicle="V01")
    vault = Vault(box.folder, vehicle="V01")
    tickets = [vault.inbox.deliver(f"meta {n}".encode(), b"raw bytes of a device %d" % n) for n in range(3)]
    with pytest.raises(StoreLocked, match="unlocked"):
        _ = vault.store
    with pytest.raises(StoreLocked):
        _ = vault.inbox_private
    assert not vault.is_open
    del vault

    vault = Vault(box.folder, vehicle="V01")
    assert vault.inbox.waiting() == tickets
    with pytest.raises(StoreError, match="public key"):
        vault.open_with(bytes(32))
    store = vault.open_with(box.data_key)
    assert vault.open_with(box.data_key) is store is vault.store
    assert vault.inbox.pending(vault.inbox_private) == [(t, f"meta {n}".encode()) for n, t in enumerate(tickets)]
    assert vault.inbox.read(tickets[2], vault.inbox_private)[1] == b"raw bytes of a device 2"
    vault.lock()
    assert not vault.is_open
    box.store = box.open_store()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(meta=st.binary(max_size=300), raw=st.binary(max_size=300) | st.just(bytes(200_000)))
def test_any_delivery_comes_back(inbox: Inbox, meta: bytes, raw: bytes) -> None:
    ticket = inbox.deliver(meta, raw)
    assert inbox.read(ticket, PRIVATE) == (meta, raw)
    assert inbox.deliver(meta, raw) == ticket
    inbox.remove(ticket)
    inbox.remove(ticket)
    assert inbox.deliver(meta, raw) != ticket


def test_a_delivery_is_opened_into_a_file(inbox: Inbox, tmp_path: Path) -> None:
    target = tmp_path / "again.dcm"
    ticket = inbox.deliver(b"meta", bytes(range(256)) * 2000)
    assert inbox.open(ticket, PRIVATE, target) == b"meta"
    assert target.read_bytes() == bytes(range(256)) * 2000


def test_order_of_arrival_holds_even_within_one_millisecond(inbox: Inbox) -> None:
    tickets = [inbox.deliver(b"%d" % n, b"") for n in range(50)]
    assert [meta for _, meta in inbox.pending(PRIVATE)] == [b"%d" % n for n in range(50)]
    assert tickets == inbox.waiting()


def test_a_damaged_delivery_is_set_aside_and_the_rest_goes_on(inbox: Inbox, tmp_path: Path) -> None:
    first, second, third, fourth = (inbox.deliver(b"meta", b"%d" % n * 90_000) for n in range(4))
    folder = tmp_path / "inbox"

    def spoil(ticket: str, where: int) -> None:
        path = folder / f"{ticket}.sealed"
        content = bytearray(path.read_bytes())
        content[where] ^= 1
        path.write_bytes(content)

    spoil(first, 0)
    spoil(second, 40)
    spoil(third, 1000)
    assert [ticket for ticket, _ in inbox.pending(PRIVATE)] == [third, fourth]
    assert sorted(path.stem for path in inbox.damaged()) == sorted([first, second])
    with pytest.raises(RefusedInput):
        inbox.open(third, PRIVATE, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert inbox.read(fourth, PRIVATE)[1] == b"3" * 90_000


@given(content=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_no_bytes_in_the_folder_crash_it(inbox: Inbox, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "inbox" / "strange.sealed").write_bytes(content)
    with pytest.raises(RefusedInput):
        inbox.read("strange", PRIVATE)
    (tmp_path / "inbox" / "strange.sealed").write_bytes(b"MCI2" + content)
    with pytest.raises(RefusedInput):
        inbox.read("strange", PRIVATE)


def test_another_key_opens_nothing(inbox: Inbox) -> None:
    ticket = inbox.deliver(b"meta", b"raw")
    with pytest.raises(RefusedInput):
        inbox.read(ticket, RecipientPrivate.generate())


def test_unknown_tickets_and_too_much_meta(inbox: Inbox) -> None:
    with pytest.raises(NotFound):
        inbox.read("nothing", PRIVATE)
    with pytest.raises(NotFound, match="not a ticket"):
        inbox.remove("../keys/device")
    with pytest.raises(RefusedInput, match="meta of"):
        inbox.deliver(bytes(70_000), b"")


def test_half_written_deliveries_are_swept_and_never_listed(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "0123.tmp").write_bytes(b"MCI2 half")
    assert inbox.waiting() == []
    assert inbox.sweep() == 1
    assert list((tmp_path / "inbox").iterdir()) == []
