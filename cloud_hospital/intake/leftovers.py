"""What is left in the folders: by workers that were killed, and by vehicles that never went on."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import delete, select

from clinic_records.clock import to_ms
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.opening import INCOMING
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import transfers

OLD: Final = timedelta(days=1)
"""Nothing takes that long to be opened or answered. Our choice."""
GIVEN_UP: Final = timedelta(days=90)
"""A file of which nothing came for so long: its box got a new disk, or sealed it anew. Our choice."""


def clear_leftovers(hospital: Hospital) -> int:
    """Take away old half-opened files, parts of files that were answered, and what nobody goes on with; how many."""
    _give_up(hospital)
    before = hospital.now() - OLD
    old = [path for path in hospital.folder.blobs.glob(f"{INCOMING}*") if _is_older(path, before)]
    parts = [path for path in hospital.folder.transfers.glob("*/*.part") if _is_older(path, before)]
    if parts:
        with reading(hospital.engine) as connection:
            rows = connection.execute(select(transfers.c.vehicle, transfers.c.wire_sha256))
            going = {(row.vehicle, row.wire_sha256) for row in rows}
        old += [path for path in parts if (path.parent.name, path.stem) not in going]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _give_up(hospital: Hospital) -> None:
    """Forget transfers that stopped long ago; a vehicle that has its file still begins anew."""
    before = to_ms(hospital.now() - max(GIVEN_UP, timedelta(days=hospital.settings.backup_days)))
    with writing(hospital.engine) as connection:
        connection.execute(delete(transfers).where(transfers.c.updated_at < before))


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
