"""Parts of many wire files kept in one transaction: their bytes on disk first, then the ranges."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from clinic_records.clock import to_ms
from clinic_records.errors import RefusedInput
from clinic_records.ids import blob_hash
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.receipts import last_receipt, still_stands
from cloud_hospital.intake.transfers import MAX_WIRE, Transfers
from cloud_hospital.store.engine import writing
from cloud_hospital.store.locks import insert_all_new
from cloud_hospital.store.tables import transfers
from sync.byteranges import union
from sync.ports import FilePart, Ranges

WRITERS: Final = 4
"""Threads that write and sync: the disk commits several fsyncs at once."""
_KEY: Final = (transfers.c.vehicle, transfers.c.wire_sha256)
_Key = tuple[str, str]


def keep_parts(hospital: Hospital, parts: Sequence[FilePart]) -> dict[_Key, Ranges]:
    """The durable ranges of each file of `parts`, by vehicle and wire_sha256; all of it where it was answered before.

    Raises:
        RefusedInput: a part outside its file, an impossible size, or another size than said before; nothing is kept.
        OSError, OperationalError: the disk or the database refused.
    """
    files: dict[_Key, list[FilePart]] = {}
    for part in parts:
        if not 0 < part.size <= MAX_WIRE or part.offset < 0 or part.offset + len(part.data) > part.size:
            raise RefusedInput(f"part {part.offset}+{len(part.data)} of a wire file of {part.size} bytes")
        files.setdefault((part.vehicle, blob_hash(part.wire_sha256)), []).append(part)
    if not files:
        return {}
    now = to_ms(hospital.now())
    with writing(hospital.engine) as connection:
        held = _answered(hospital, connection, _begin(connection, files, now), files)
        going = sorted(key for key in files if key not in held)
        query = select(transfers).where(tuple_(*_KEY).in_(going)).order_by(*_KEY).with_for_update()
        before: dict[_Key, Ranges] = {}
        for row in connection.execute(query):
            key = row.vehicle, row.wire_sha256
            if any(part.size != row.size for part in files[key]):
                raise RefusedInput(f"wire file {row.wire_sha256}: another size than {row.size}, as it was before")
            before[key] = _of(hospital, row.vehicle).believed(row.wire_sha256, row.ranges)
        with ThreadPoolExecutor(WRITERS, "parts") as pool:
            list(pool.map(lambda key: _put(hospital, key, files[key]), going))
        for key in going:
            fresh = [(part.offset, part.offset + len(part.data)) for part in files[key]]
            held[key] = union(before[key], fresh)
        _note(connection, {key: held[key] for key in going}, now)
        for vehicle in sorted({vehicle for vehicle, _ in files}):
            _of(hospital, vehicle).note_contact(connection, now)
    return held


def _of(hospital: Hospital, vehicle: str) -> Transfers:
    return Transfers(hospital.engine, hospital.folder, vehicle, hospital.clock)


def _begin(connection: Connection, files: dict[_Key, list[FilePart]], now: int) -> set[_Key]:
    """Give each file a row; those that had none."""
    rows = [
        {
            "vehicle": vehicle,
            "wire_sha256": wire,
            "size": files[vehicle, wire][0].size,
            "lane": files[vehicle, wire][0].lane.value,
            "ranges": "[]",
            "updated_at": now,
        }
        for vehicle, wire in sorted(files)
    ]
    return {(row[0], row[1]) for row in insert_all_new(connection, transfers, rows, *_KEY)}


def _answered(
    hospital: Hospital, connection: Connection, fresh: set[_Key], files: dict[_Key, list[FilePart]]
) -> dict[_Key, Ranges]:
    """Late copies of parts whose files were answered: they leave nothing behind."""
    done: dict[_Key, Ranges] = {}
    for vehicle, wire in sorted(fresh):
        given = last_receipt(connection, vehicle, wire)
        if given is not None and still_stands(given, hospital.now()):
            done[vehicle, wire] = ((0, files[vehicle, wire][0].size),)
    if done:
        connection.execute(delete(transfers).where(tuple_(*_KEY).in_(list(done))))
    return done


def _put(hospital: Hospital, key: _Key, parts: Sequence[FilePart]) -> None:
    place = _of(hospital, key[0])
    for part in parts:
        place.put(key[1], part.offset, part.data)


def _note(connection: Connection, held: dict[_Key, Ranges], now: int) -> None:
    if held:
        which = (transfers.c.vehicle == bindparam("of"), transfers.c.wire_sha256 == bindparam("wire"))
        rows = [
            {"of": vehicle, "wire": wire, "ranges": msgspec.json.encode(ranges).decode(), "updated_at": now}
            for (vehicle, wire), ranges in sorted(held.items())
        ]
        connection.execute(update(transfers).where(*which), rows)
