"""A small vehicle process for the kill tests: it delivers, keeps, seals, and logs only what was acknowledged.

Run: python store_writer_process.py VEHICLE_DIR HOSPITAL_JSON DATA_KEY_HEX LOG FIRST
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane
from vehicle_agent.store.derive import database_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.records import put_record
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store

NURSE = Author("n001", "张护士", Role.NURSE)


def main(root: str, hospital: str, data_key: str, log: str, first: str) -> None:
    folder = VehicleFolder(Path(root))
    keys, pinned = DeviceKeys.load(folder.device_key), load_pinned(Path(hospital))
    store = Store.open(folder.database, folder.blobs, database_key(bytes.fromhex(data_key)), vehicle="V01")
    spool = Spool(folder.spool, keys=keys, hospital=pinned)
    Sealer(store, spool, keys=keys).reconcile()
    inbox = Inbox(folder.inbox, folder.vault_public.read_bytes())
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.write(out, b"ready -\n")
    number = int(first)
    while True:
        number += 1
        ticket = inbox.deliver(b"%d" % number, os.urandom(2000))
        os.write(out, f"ticket {ticket}\n".encode())
        blob = store.blobs.keep(b"curve %d" % number + os.urandom(3000))
        record_id = f"r{number}"
        store.write(
            lambda conn, record_id=record_id, blob=blob: put_record(  # type: ignore[misc]
                conn,
                record_id=record_id,
                kind=Kind.RECORDING,
                lane=Lane.P3,
                payload=b'{"status":"bound"}',
                author=NURSE,
                recorded_at=datetime.now(UTC),
                blobs=(blob.sha256,),
            )
        )
        os.write(out, f"record {record_id}\nblob {blob.sha256}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
