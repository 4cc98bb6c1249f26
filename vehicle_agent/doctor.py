"""The doctor: what can be checked of a vehicle's folder without logging in and beside a running agent."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.clock import SystemClock
from clinic_records.errors import ClinicError, ConfigError, Offline, StoreError, StoreLocked
from devices.transports.open import check_url
from sync.ports import SessionState
from vehicle_agent.certificates import look_at_certificates
from vehicle_agent.children import Children
from vehicle_agent.control import ask
from vehicle_agent.jobs import Ping
from vehicle_agent.settings import load_settings
from vehicle_agent.store.database import check_header
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.tls import TlsFiles
from vehicle_agent.visits.roster import Device, Roster
from vehicle_agent.visits.twins import FOLDER, LISTEN

OTHERS: Final = 0o077
"""Permission bits that nobody but the owner may have."""


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at; where it is not well, what to do in Chinese and English."""

    what: str
    is_well: bool
    detail: str
    zh: str = ""
    en: str = ""


def examine(root: Path) -> list[Finding]:
    """Every check, in order; one that fails does not stop the others."""
    folder = VehicleFolder(root)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("settings", lambda: f"vehicle {load_settings(root).vehicle}"),
        (
            "devices",
            lambda: _devices(root),
        ),
        ("device keys", lambda: f"signing key {DeviceKeys.load(folder.device_key).sign.public.raw.hex()[:16]}"),
        ("hospital", lambda: f"pinned: {load_pinned(folder.hospital).hospital_id}"),
        ("certificates", lambda: _certificates(folder)),
        ("permissions", lambda: _permissions(folder)),
        ("database", lambda: _encrypted(folder.database)),
        ("spool", lambda: _spool(folder.spool / "spool.db")),
        ("child process", _child),
        ("agent", lambda: _agent(folder)),
        ("audit", lambda: _audit(folder)),
    )
    return [_look(what, check) for what, check in checks]


def _devices(root: Path) -> str:
    roster = Roster(load_settings(root).devices)
    for device in roster:
        try:
            _check_place(device)
        except ConfigError as error:
            raise ConfigError(f"device {device.id}: {error}", hint=error.hint) from error
    return ", ".join(device.id for device in roster) or "none configured"


def _check_place(device: Device) -> None:
    if device.scheme == FOLDER and not Path(device.url.partition(":")[2]).is_dir():
        raise ConfigError(f"{device.url}: no such folder")
    if device.url and device.scheme not in {FOLDER, LISTEN}:
        check_url(device.url)


def _look(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_well=True, detail=check())
    except ClinicError as error:
        return Finding(what, is_well=False, detail=str(error), zh=error.hint.zh, en=error.hint.en)
    except (OSError, sqlite3.Error) as error:
        return Finding(what, is_well=False, detail=str(error))


def _certificates(folder: VehicleFolder) -> str:
    clock = SystemClock()
    if (floor := _last_signed_time(folder.spool / "spool.db")) is not None:
        clock.raise_floor(floor)
    return look_at_certificates(TlsFiles(folder.tls).identity, load_pinned(folder.hospital), clock.now())


def _last_signed_time(path: Path) -> datetime | None:
    """The hospital's, as the spool remembers it; None before the first session."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
            row = conn.execute("SELECT value FROM meta WHERE key = 'session'").fetchone()
    except sqlite3.Error:
        return None  # the spool has a finding of its own
    return None if row is None else msgspec.json.decode(row[0], type=SessionState).peer_time


def _permissions(folder: VehicleFolder) -> str:
    private = (folder.root, folder.keys, folder.blobs, folder.inbox, folder.spool, folder.run, folder.device_key)
    open_to_others = [str(path) for path in private if path.stat().st_mode & OTHERS]
    if open_to_others:
        raise StoreError(f"others may read {', '.join(open_to_others)}; run `chmod go=` on them")
    return f"{len(private)} paths are the owner's alone"


def _encrypted(database: Path) -> str:
    check_header(database)
    return "encrypted; journal, durability and cipher are asserted at each opening"


def _spool(path: Path) -> str:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as conn:
        mode = conn.execute("PRAGMA journal_mode").fetchone()[0]
        waiting = conn.execute("SELECT count(*) FROM wires WHERE state IN ('open', 'refused')").fetchone()[0]
    conn.close()
    if mode != "wal":
        raise StoreError(f"{path}: journal_mode is {mode}, not wal")
    return f"wal, {waiting} envelopes wait"


def _child() -> str:
    async def start() -> str:
        children = Children(1)
        try:
            answer = await children.run("ping", Ping(), timeout_s=30.0)
        finally:
            await children.close()
        return answer.decode()

    return asyncio.run(start())


def _agent(folder: VehicleFolder) -> str:
    status = ask(folder.agent_socket, "status")
    return f"runs as {status['pid']}, pages {status['web_url']}, listener {status['listener_pid']}"


def _audit(folder: VehicleFolder) -> str:
    """The chains of the audit journal; a restoration leaves a gap, which is said and is no fault (sync rule 25)."""
    try:
        found = ask(folder.agent_socket, "audit", timeout_s=120.0)
    except (Offline, StoreLocked):
        return "not looked at: nobody has logged in"
    if found["faults"]:
        raise StoreError(f"tampered with: {'; '.join(found['faults'])}")
    return "; ".join([f"{found['entries']} entries, unbroken", *(f"gap: {each}" for each in found["gaps"])])
