"""Records a second into the vehicle's store, beside what the disk's fsync allows in the same run."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from benchmarks.lab import working_lab
from clinic_records.clock import SystemClock
from clinic_records.ids import IdFactory
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record, encode_payload
from commands.demo.lab import PIN, STAFF
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.records import put_record
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.store.vault import Vault

RECORD_BYTES = 6000
"""An encounter of the generated clinic day has about 6 kB."""
TOGETHER = 50
AUTHOR = Author("n001", "张护士", Role.NURSE)


def fsyncs_a_second(folder: Path, seconds: float) -> float:
    """4 KiB written and synced, one after the other."""
    block = b"\0" * 4096
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:

        def write() -> None:
            file.write(block)
            os.fsync(file.fileno())

        return _rate(seconds, write)


def measure(seconds: float) -> dict[str, float]:
    """Rates a second: fsyncs before and after, records one by one and by 50, with each envelope sealed to the spool."""
    with working_lab() as lab:
        lab.agent.stop()
        folder = VehicleFolder(lab.vehicle_dir)
        found = {"4 KiB write + fsync, before": fsyncs_a_second(folder.root, seconds)}
        keys, hospital, clock = DeviceKeys.load(folder.device_key), load_pinned(folder.hospital), SystemClock()
        vault = Vault(folder, vehicle="V01")
        _, data_key = Slots(folder.slots, keys.device_secret, clock.now).unlock(STAFF, PIN)
        store = vault.open_with(data_key)
        found["records, one by one"] = _rate(seconds, lambda: _put(store).result())
        found[f"records, {TOGETHER} at a time"] = TOGETHER * _rate(seconds, lambda: _put_many(store))
        spool = Spool(folder.spool, keys=keys, hospital=hospital, clock=clock)
        sealer = Sealer(store, spool, keys=keys, clock=clock)  # seals after each commit from here on
        sealer.reconcile()
        found["records committed and sealed, one by one"] = _rate(seconds, lambda: _put(store).result())
        sealed = TOGETHER * _rate(seconds, lambda: _put_many(store))
        found[f"records committed and sealed, {TOGETHER} at a time"] = sealed
        found["4 KiB write + fsync, after"] = fsyncs_a_second(folder.root, seconds)
        vault.lock()
        spool.close()
        return found


def _put(store: Store) -> "Future[Record]":
    payload = encode_payload({"notes": os.urandom(RECORD_BYTES // 2).hex()})
    record_id = IdFactory().new()
    now = SystemClock().now()
    return store.submit(
        lambda conn: put_record(
            conn,
            record_id=record_id,
            kind=Kind.ENCOUNTER,
            lane=Lane.P2,
            payload=payload,
            author=AUTHOR,
            recorded_at=now,
        )
    )


def _put_many(store: Store) -> None:
    for future in [_put(store) for _ in range(TOGETHER)]:
        future.result()


def _rate(seconds: float, do: Callable[[], object]) -> float:
    started = time.perf_counter()
    times = 0
    while (passed := time.perf_counter() - started) < seconds:
        do()
        times += 1
    return times / passed
