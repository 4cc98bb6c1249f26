"""What nobody enrolled said, and alarms: kept for a person, within bounds."""

from typing import Final

from sqlalchemy import func, insert, select

from clinic_records.clock import to_ms
from clinic_records.ids import sha256_hex
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import writing
from cloud_hospital.store.tables import alarms, quarantine
from sync.durable import write_file

MOST_KEPT: Final = 200
"""Messages kept for one claimed vehicle until a person has looked; more only prove that somebody is trying."""
REASON: Final = "stranger"


def keep_stranger(hospital: Hospital, vehicle: str, payload: bytes, why: str) -> None:
    """Keep the raw message in quarantine with its reason; no receipt is given for it."""
    digest = sha256_hex(payload)
    is_open = (quarantine.c.vehicle == vehicle, quarantine.c.reason == REASON, quarantine.c.done_at.is_(None))
    with writing(hospital.engine) as connection:
        known = connection.execute(select(quarantine.c.n).where(*is_open, quarantine.c.wire_sha256 == digest)).first()
        count = connection.execute(select(func.count()).select_from(quarantine).where(*is_open)).scalar_one()
        if known is not None or count >= MOST_KEPT:
            return
        path = hospital.folder.quarantine / f"{vehicle}-{digest}.message"
        write_file(path, payload)
        row = {
            "vehicle": vehicle,
            "wire_sha256": digest,
            "reason": REASON,
            "detail": why,
            "path": str(path.relative_to(hospital.folder.root)),
            "received_at": to_ms(hospital.now()),
        }
        connection.execute(insert(quarantine).values(row))
    raise_alarm(hospital, vehicle, REASON, why)


def raise_alarm(hospital: Hospital, vehicle: str, code: str, detail: str = "") -> None:
    """One open alarm for each vehicle and code: said again it is not said louder."""
    same = (alarms.c.vehicle == vehicle, alarms.c.code == code, alarms.c.done_at.is_(None))
    with writing(hospital.engine) as connection:
        if connection.execute(select(alarms.c.n).where(*same)).first() is None:
            row = {"at": to_ms(hospital.now()), "vehicle": vehicle, "code": code, "detail": detail}
            connection.execute(insert(alarms).values(row))
