"""What workers that were killed left in the folders: no row names it and nobody writes to it any more."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select

from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.opening import INCOMING
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import transfers

OLD: Final = timedelta(days=1)
"""Nothing takes that long to be opened or answered. Our choice."""


def clear_leftovers(hospital: Hospital) -> int:
    """Take away old half-opened files, and old parts of files that were answered; how many."""
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


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
