"""The first attempt at opening each file of a batch: durable before any of them is opened (sync rule 13)."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import case, select, tuple_, update
from sqlalchemy.exc import OperationalError

from clinic_records.clock import to_ms
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.batch import FileKey
from cloud_hospital.intake.receipts import last_receipts
from cloud_hospital.intake.transfers import Transfers
from cloud_hospital.store.engine import writing
from cloud_hospital.store.locks import insert_all_new
from cloud_hospital.store.tables import transfers
from sync.ports import WholeFile

_KEY: Final = (transfers.c.vehicle, transfers.c.wire_sha256)


def begin_fresh(hospital: Hospital, files: Sequence[WholeFile]) -> dict[FileKey, bytes]:
    """Those that nobody here ever saw; their first attempt is counted, durable on return."""
    forgive_owed(hospital)
    now = to_ms(hospital.now())
    data = {(file.vehicle, file.wire_sha256): file for file in files}
    with writing(hospital.engine) as connection:
        answered = last_receipts(connection, data.keys())
        rows = [
            {
                "vehicle": file.vehicle,
                "wire_sha256": file.wire_sha256,
                "size": len(file.data),
                "lane": file.lane.value,
                "ranges": "[]",
                "attempts": 1,
                "updated_at": now,
            }
            for key, file in sorted(data.items())
            if key not in answered
        ]
        begun = set(insert_all_new(connection, transfers, rows, *_KEY))
    return {key: file.data for key, file in data.items() if key in begun}


def begin_whole(hospital: Hospital, files: Sequence[FileKey]) -> dict[FileKey, Path]:
    """Those whose parts are all here and that were never tried; their first attempt is counted, durable on return."""
    forgive_owed(hospital)
    query = select(*_KEY, transfers.c.size, transfers.c.ranges).where(
        tuple_(*_KEY).in_(sorted(files)), transfers.c.attempts == 0
    )
    whole: dict[FileKey, Path] = {}
    with writing(hospital.engine) as connection:
        for row in connection.execute(query.order_by(*_KEY).with_for_update()):
            place = Transfers(hospital.engine, hospital.folder, row.vehicle, hospital.clock)
            if place.believed(row.wire_sha256, row.ranges) == ((0, row.size),):
                whole[row.vehicle, row.wire_sha256] = place.path(row.wire_sha256)
        if whole:
            connection.execute(update(transfers).where(tuple_(*_KEY).in_(list(whole))).values(attempts=1))
    return whole


def forgive(hospital: Hospital, files: Collection[FileKey]) -> None:
    """Opening these ended, and not by what they hold: three power cuts must not make poison of them.

    Where the database cannot be told now, it is before this process counts the next attempt.
    """
    hospital.unforgiven.update(files)
    with suppress(OperationalError):
        forgive_owed(hospital)


def forgive_owed(hospital: Hospital) -> None:
    """Take back the attempts that could not be taken back when they ended."""
    owed = Counter[FileKey]()
    with suppress(KeyError):  # until there is none; taken out first, so that no two threads take the same one back
        while True:
            owed.update(dict([hospital.unforgiven.popitem()]))
    if not owed:
        return
    try:
        with writing(hospital.engine) as connection:
            for times in sorted(set(owed.values())):
                keys = sorted(key for key, count in owed.items() if count == times)
                left = case((transfers.c.attempts > times, transfers.c.attempts - times), else_=0)
                connection.execute(update(transfers).where(tuple_(*_KEY).in_(keys)).values(attempts=left))
    except OperationalError:
        hospital.unforgiven.update(owed)
        raise
