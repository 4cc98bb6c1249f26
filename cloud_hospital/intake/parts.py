"""Parts of many wire files kept in one transaction: their bytes on disk first, then the ranges."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, select, tuple_, update

from clinic_records.clock import to_ms
from clinic_records.errors import RefusedInput
from clinic_records.ids import blob_hash
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.receipts import last_receipts, still_stands
from cloud_hospital.intake.transfers import MAX_WIRE, Transfers, note_contact, noted_ranges
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import insert_all_new
from cloud_hospital.store.tables import transfers
from sync.byteranges import union
from sync.ports import FilePart, Ranges, Receipt

_KEY: Final = (transfers.c.vehicle, transfers.c.wire_sha256)
_Key = tuple[str, str]


def keep_parts(hospital: Hospital, parts: Sequence[FilePart], disk: Executor) -> dict[_Key, Ranges]:
    """The durable ranges of each file of `parts`, by vehicle and wire_sha256; all of it where it was answered before.

    The threads of `disk` wait for it: one wait a file, however many parts of it came.

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
    with reading(hospital.engine) as connection:
        believed = {
            key: _of(hospital, key[0]).believed(key[1], ranges) == noted_ranges(ranges)
            for key, ranges in _checked(connection, select(transfers), files).items()
        }
    list(disk.map(lambda key: _put(hospital, key, files[key]), sorted(files)))  # before anybody waits for our lock
    with writing(hospital.engine) as connection:
        begun = _begin(connection, {key: each for key, each in files.items() if key not in believed}, now)
        held = _answered(hospital, connection, begun, files)
        for vehicle, wire in held:
            _of(hospital, vehicle).path(wire).unlink(missing_ok=True)
        going = {key: files[key] for key in files if key not in held}
        # a row that is gone again was answered by another worker in this moment; its parts go one by one
        for key, ranges in _checked(connection, select(transfers).with_for_update(), going).items():
            fresh = [(part.offset, part.offset + len(part.data)) for part in files[key]]
            held[key] = union(noted_ranges(ranges) if believed.get(key, True) else (), fresh)
        _note(connection, {key: held[key] for key in going if key in held}, now)
        note_contact(connection, {vehicle for vehicle, _ in files}, now)
    return held


def _checked(connection: Connection, query: Select[Any], files: Mapping[_Key, Sequence[FilePart]]) -> dict[_Key, str]:
    """The ranges, as JSON, that are noted of `files`; `query` selects transfers.

    Raises:
        RefusedInput: another size than said before.
    """
    found: dict[_Key, str] = {}
    for row in connection.execute(query.where(tuple_(*_KEY).in_(sorted(files))).order_by(*_KEY)):
        key = row.vehicle, row.wire_sha256
        if any(part.size != row.size for part in files[key]):
            raise RefusedInput(f"wire file {row.wire_sha256}: another size than {row.size}, as it was before")
        found[key] = row.ranges
    return found


def what_is_here(hospital: Hospital, asked: Sequence[FilePart]) -> dict[_Key, Ranges | Receipt]:
    """The receipt that stands for each file asked about, else its durable ranges.

    One whose receipt is of an older epoch is left out: it has to be given anew (sync rule 3).
    """
    files = {(part.vehicle, blob_hash(part.wire_sha256)) for part in asked}
    found: dict[_Key, Ranges | Receipt] = dict.fromkeys(files, ())
    with reading(hospital.engine) as connection:
        given = {
            key: each for key, each in last_receipts(connection, files).items() if still_stands(each, hospital.now())
        }
        query = select(*_KEY, transfers.c.ranges).where(tuple_(*_KEY).in_(sorted(files)))
        for row in connection.execute(query):
            key = row.vehicle, row.wire_sha256
            found[key] = _of(hospital, row.vehicle).believed(row.wire_sha256, row.ranges)
    epoch = hospital.log.current()
    return {key: given.get(key, held) for key, held in found.items() if key not in given or given[key].epoch == epoch}


def _of(hospital: Hospital, vehicle: str) -> Transfers:
    return Transfers(hospital.engine, hospital.folder, vehicle, hospital.clock)


def _begin(connection: Connection, files: Mapping[_Key, Sequence[FilePart]], now: int) -> set[_Key]:
    """Give each of these files a row; those that had none."""
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
    hospital: Hospital, connection: Connection, fresh: set[_Key], files: Mapping[_Key, Sequence[FilePart]]
) -> dict[_Key, Ranges]:
    """Late copies of parts whose files were answered: they leave nothing behind."""
    if not fresh:
        return {}
    given = last_receipts(connection, fresh)
    done: dict[_Key, Ranges] = {
        key: ((0, files[key][0].size),) for key, each in given.items() if still_stands(each, hospital.now())
    }
    if done:
        connection.execute(delete(transfers).where(tuple_(*_KEY).in_(list(done))))
    return done


def _put(hospital: Hospital, key: _Key, parts: Sequence[FilePart]) -> None:
    _of(hospital, key[0]).put(key[1], [(part.offset, part.data) for part in parts])


def _note(connection: Connection, held: dict[_Key, Ranges], now: int) -> None:
    if held:
        which = (transfers.c.vehicle == bindparam("of"), transfers.c.wire_sha256 == bindparam("wire"))
        rows = [
            {"of": vehicle, "wire": wire, "ranges": msgspec.json.encode(ranges).decode(), "updated_at": now}
            for (vehicle, wire), ranges in sorted(held.items())
        ]
        connection.execute(update(transfers).where(*which), rows)
