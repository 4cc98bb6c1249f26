"""What vehicles give back after the hospital was restored from a backup: what it had made and forgot (sync rule 3).

Believed only under the hospital's own signature. It becomes what it was, a version that was issued and delivered, so
that nothing else gets its number and whoever looks finds it again.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from clinic_records.clock import to_ms
from clinic_records.ids import sha256_hex
from clinic_records.returned import ReturnedDownlink
from cloud_hospital.downlink import wire_path
from cloud_hospital.downlinks.put_back import put_back_issued
from cloud_hospital.folder import HospitalFolder
from cloud_hospital.keys import HospitalKeys
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import alarms, downlink, issued
from sync.durable import make_folder, write_file
from sync.keys import KnownKey, Verifier
from sync.ports import Verdict
from sync.seal import Opened, open_wire, peek

_ALARM: Final = "issued-twice"


def open_returned(own: Verifier, thing: ReturnedDownlink) -> Opened:
    """What is in it, if this hospital made it.

    Raises:
        PeerRefused: none of the hospital's keys signed it.
        BadFrame, RefusedInput: it does not open.
    """
    recipients = {peek(thing.wire).outer.key_id: KnownKey(thing.content_key)}
    return open_wire(thing.wire, origin=own, recipients=recipients)


def put_back(
    connection: Connection, folder: HospitalFolder, vehicle: str, thing: ReturnedDownlink, at: datetime
) -> None:
    """Remember again what was sent to `vehicle`, in the transaction that takes the record; idempotent.

    Raises:
        PeerRefused, RefusedInput: as `open_returned`, which was asked before.
    """
    opened = open_returned(HospitalKeys.load(folder).signers, thing)
    header, outer = opened.header, opened.outer
    version = (issued.c.id == header.id, issued.c.revision == header.revision)
    known = connection.execute(select(issued.c.sha256).where(*version)).scalar_one_or_none()
    if known is not None and known != header.sha256:
        detail = f"{header.kind} {header.id} revision {header.revision}: {vehicle} has another content, {header.sha256}"
        row: dict[str, Any] = {"at": to_ms(at), "vehicle": vehicle, "code": _ALARM, "detail": detail}
        connection.execute(insert(alarms).values(row))
    else:
        put_back_issued(connection, header, opened.payload or b"", vehicle)
    wire_sha256 = sha256_hex(thing.wire)
    _keep_wire(folder, vehicle, wire_sha256, thing.wire)
    row = {
        "vehicle": vehicle,
        "wire_sha256": wire_sha256,
        "size": len(thing.wire),
        "lane": outer.lane.value,
        "kind": header.kind,
        "id": header.id,
        "revision": header.revision,
        "sha256": header.sha256,
        "queued_at": outer.created_ms,
        "verdict": Verdict.APPLIED.value,
        "settled_at": to_ms(at),
    }
    insert_new(connection, downlink, row)


def _keep_wire(folder: HospitalFolder, vehicle: str, wire_sha256: str, data: bytes) -> None:
    """Where it lay before; a vehicle whose box is restored gets it from there again."""
    path = wire_path(folder, vehicle, wire_sha256)
    if path.exists():
        return
    make_folder(path.parent)
    write_file(path, data)
