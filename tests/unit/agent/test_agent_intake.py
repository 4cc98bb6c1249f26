"""The inbox is emptied once, in order, whatever a delivery does to its reader."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from clinic_records.clock import Stamp, SystemClock
from clinic_records.errors import BadFrame, NotFound, RefusedInput, StoreError
from clinic_records.ids import DeviceId, IdFactory, sha256_hex
from clinic_records.people import Author, Role
from clinic_records.reading import RawBytes, Reading
from clinic_records.record import Kind, encode_payload
from devices.delivery import Delivery
from vehicle_agent.jobs import Interpret
from vehicle_agent.services.intake import DEATHS, TRIES, Intake, Tries
from vehicle_agent.store.audit import list_entries
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import list_quarantine, quarantine
from vehicle_agent.store.records import list_current
from vehicle_agent.store.settings import list_settings, put_setting
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.quarantine_desk import QuarantineDesk

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
NURSE = Author("n001", "张护士", Role.NURSE)


class Readers:
    """In the place of the child processes: reads what it is given, or breaks as a child does."""

    def __init__(self, fate: Callable[[bytes], None] = lambda _: None) -> None:
        self.fate = fate
        self.asked: list[bytes] = []

    async def run(self, job: str, request: object, *, timeout_s: float) -> bytes:
        assert job == "interpret"
        assert isinstance(request, Interpret)
        raw = await asyncio.to_thread(Path(request.raw).read_bytes)
        self.asked.append(raw)
        self.fate(raw)
        stamp = request.delivery.stamp
        return encode_payload(
            (Reading(request.delivery.device, "ecg", stamp, RawBytes(sha256_hex(raw), len(raw), "x/y")),)
        )


def deliver(vault: Vault, raw: bytes, device: str = "ecg1", fault: str = "") -> str:
    delivery = Delivery(DeviceId(device), "scp-ecg", Stamp(NOW), "application/scp-ecg", fault=fault)
    return vault.inbox.deliver(msgspec.json.encode(delivery), raw)


def run_until_empty(vault: Vault, readers: Readers, tmp_path: Path, limit_s: float = 20.0) -> EventHub:
    async def go() -> EventHub:
        events = EventHub()
        intake = Intake(
            vault,
            readers,
            events=events,
            clock=SystemClock(),
            ids=IdFactory(),
            work=tmp_path,
        )
        running = asyncio.create_task(intake.run())
        async with asyncio.timeout(limit_s):
            while vault.inbox.waiting() or vault.inbox.damaged():
                intake.poke()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return events

    return asyncio.run(go())


def kept(vault: Vault) -> list[Any]:
    return vault.store.read(lambda conn: list_current(conn, Kind.RECORDING))


def test_every_delivery_is_kept_once_and_in_order(vault: Vault, tmp_path: Path) -> None:
    for number in range(12):
        deliver(vault, b"curve %d" % number, device=f"ecg{number % 3}")
    readers = Readers()
    assert run_until_empty(vault, readers, tmp_path).seq > 0
    assert len(kept(vault)) == 12
    for device in range(3):
        numbers = [number for raw in readers.asked if (number := int(raw.split()[1])) % 3 == device]
        assert numbers == sorted(numbers)
    assert [path.name for path in tmp_path.iterdir()] == ["V01"]


def test_what_a_reader_refuses_is_set_aside_with_its_bytes(vault: Vault, tmp_path: Path) -> None:
    def refuse_bad(raw: bytes) -> None:
        if raw == b"bad":
            raise BadFrame("not an ECG")

    deliver(vault, b"bad")
    deliver(vault, b"good")
    deliver(vault, b"half", fault="CRC wrong")
    run_until_empty(vault, Readers(refuse_bad), tmp_path)
    aside = vault.store.read(list_quarantine)
    assert {(item.reason, vault.store.blobs.read(item.blob)) for item in aside} == {
        ("not an ECG", b"bad"),
        ("CRC wrong", b"half"),
    }
    assert len(kept(vault)) == 1


def test_what_breaks_the_reader_twice_is_set_aside(vault: Vault, tmp_path: Path) -> None:
    def break_on_poison(raw: bytes) -> None:
        if raw == b"poison":
            raise StoreError("the child process doing interpret died")

    deliver(vault, b"poison")
    deliver(vault, b"good")
    readers = Readers(break_on_poison)
    run_until_empty(vault, readers, tmp_path)
    assert readers.asked == [b"poison", b"poison", b"good"]
    assert [item.reason for item in vault.store.read(list_quarantine)] == ["its reader died 2 times in 2 tries"]
    assert vault.store.read(lambda conn: list_settings(conn, "intake.tried.")) == {}


def test_tries_are_remembered_over_a_crash_of_the_agent(vault: Vault, tmp_path: Path) -> None:
    for tries in (Tries(DEATHS, DEATHS), Tries(TRIES, 0), Tries(TRIES - 1, DEATHS - 1)):
        ticket = deliver(vault, msgspec.json.encode(tries))
        vault.store.write(partial(put_setting, key=f"intake.tried.{ticket}", value=msgspec.json.encode(tries)))
    readers = Readers()
    run_until_empty(vault, readers, tmp_path)
    assert len(readers.asked) == 1
    assert len(vault.store.read(list_quarantine)) == 2


def test_a_meta_that_is_none_of_ours_is_set_aside(vault: Vault, tmp_path: Path) -> None:
    vault.inbox.deliver(b"{}", b"whose?")
    run_until_empty(vault, Readers(), tmp_path)
    assert [item.source for item in vault.store.read(list_quarantine)] == ["inbox"]


def test_a_reader_that_names_other_bytes_is_not_believed(vault: Vault, tmp_path: Path) -> None:
    class Liar(Readers):
        async def run(self, job: str, request: object, *, timeout_s: float) -> bytes:
            body = await super().run(job, request, timeout_s=timeout_s)
            return body.replace(sha256_hex(b"curve").encode(), b"0" * 64)

    deliver(vault, b"curve")
    run_until_empty(vault, Liar(), tmp_path)
    assert kept(vault) == []
    assert "other bytes" in vault.store.read(list_quarantine)[0].reason


def spoil(path: Path, where: int) -> bytes:
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    return bytes(content)


def test_a_sealed_file_the_disk_has_damaged_becomes_a_task_with_its_bytes(vault: Vault, tmp_path: Path) -> None:
    """Law 6: damaged at its head (no meta can be read) or in its body, it does not stay in the inbox in silence."""
    inbox = tmp_path / "V01" / "inbox"
    headless = spoil(inbox / f"{deliver(vault, b'a' * 9000)}.sealed", 40)
    bodiless = spoil(inbox / f"{deliver(vault, b'b' * 9000)}.sealed", 4000)
    deliver(vault, b"good")
    run_until_empty(vault, Readers(), tmp_path)
    aside = {item.source: item for item in vault.store.read(list_quarantine)}
    assert {name: vault.store.blobs.read(item.blob) for name, item in aside.items()} == {
        "inbox": headless,
        "ecg1": bodiless,
    }
    assert all("sealed delivery" in item.reason for item in aside.values())
    assert vault.inbox.damaged() == []
    assert len(kept(vault)) == 1


def test_a_file_the_disk_cannot_read_stops_nothing_else(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = deliver(vault, b"unreadable")
    deliver(vault, b"good")
    opened = Path.open

    def refuse(path: Path, *args: Any, **more: Any) -> Any:
        if path.name.startswith(bad):
            raise OSError(5, "Input/output error")
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)
    run_until_empty(vault, Readers(), tmp_path)
    monkeypatch.undo()
    assert len(kept(vault)) == 1
    (task,) = vault.store.read(list_quarantine)
    assert bad in task.reason
    assert [path.name for path in (tmp_path / "V01" / "inbox" / "damaged").iterdir()] == [f"{bad}.unreadable"]


def test_a_full_disk_is_no_try(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good ECG is not set aside because the disk was full while it waited."""
    deliver(vault, b"curve")
    keep, refusals = vault.store.blobs.keep, [0]

    def full(source: bytes | Path) -> Any:
        refusals[0] += 1
        if refusals[0] <= TRIES + 2:
            raise StoreError("No space left on device")
        return keep(source)

    monkeypatch.setattr(vault.store.blobs, "keep", full)
    run_until_empty(vault, Readers(), tmp_path)
    assert vault.store.read(list_quarantine) == []
    assert len(kept(vault)) == 1


def test_a_reason_may_name_a_person_and_stands_in_no_log(vault: Vault, tmp_path: Path) -> None:
    """A reader quotes the line it does not know."""

    def quotes(raw: bytes) -> None:
        raise BadFrame("'Name: ZhangSan' is no line of a strip")

    ticket = deliver(vault, b"strip")
    with capture_logs() as logs:
        run_until_empty(vault, Readers(quotes), tmp_path)
    assert "ZhangSan" not in str(logs)
    assert [line["ticket"] for line in logs if line["event"] == "intake.set_aside"] == [ticket]
    assert "ZhangSan" in vault.store.read(list_quarantine)[0].reason


def test_what_is_read_again_and_understood_ends_its_task(vault: Vault, tmp_path: Path) -> None:
    def fate(raw: bytes) -> None:
        raise RefusedInput("no reader knows it")

    async def look(task: int) -> None:
        await QuarantineDesk(vault, EventHub(), SystemClock()).retry(task, NURSE)

    raw = b"q" * 3_000_000
    deliver(vault, raw)
    run_until_empty(vault, Readers(fate), tmp_path)
    (task,) = vault.store.read(list_quarantine)
    asyncio.run(look(task.task))
    run_until_empty(vault, Readers(fate), tmp_path)
    assert [each.task for each in vault.store.read(list_quarantine)] == [task.task], "still one task, still open"
    assert kept(vault) == []
    asyncio.run(look(task.task))
    run_until_empty(vault, Readers(), tmp_path)
    assert vault.store.read(list_quarantine) == []
    assert len(kept(vault)) == 1
    entries = vault.store.read(lambda conn: list_entries(conn, "quarantine"))
    assert [b"read again" in entry for _, entry in entries] == [True, True]


def test_a_person_closes_a_task_with_a_note_and_it_opens_again_when_it_comes_again(
    vault: Vault, tmp_path: Path
) -> None:
    desk = QuarantineDesk(vault, EventHub(), SystemClock())
    deliver(vault, b"frame without end", fault="no end of frame")
    run_until_empty(vault, Readers(), tmp_path)
    (task,) = vault.store.read(list_quarantine)
    with pytest.raises(RefusedInput, match="note"):
        asyncio.run(desk.close(task.task, "  ", NURSE))
    asyncio.run(desk.close(task.task, "cable was loose", NURSE))
    assert vault.store.read(list_quarantine) == []
    with pytest.raises(NotFound):
        asyncio.run(desk.close(99, "x", NURSE))
    deliver(vault, b"frame without end", fault="no end of frame")
    run_until_empty(vault, Readers(), tmp_path)
    assert [each.task for each in vault.store.read(list_quarantine)] == [task.task]


def test_what_no_device_sent_cannot_be_read_again(vault: Vault) -> None:
    blob = vault.store.blobs.keep(b"an envelope")

    def job(conn: Connection) -> int:
        return quarantine(conn, at=NOW, source="hospital", reason="strange", blob=blob.sha256)

    task = vault.store.write(job)
    with pytest.raises(RefusedInput, match="no delivery"):
        asyncio.run(QuarantineDesk(vault, EventHub(), SystemClock()).retry(task, NURSE))
