"""A restored box's own newer records come home: kept as they were made, with no outbox row (sync rule 6)."""

from typing import Final

import msgspec

from clinic_records.errors import BadFrame, Conflict, RefusedInput
from clinic_records.record import Kind, Record
from clinic_records.resumption import OwnRecord, OwnRecords
from sync.messages.kind import Maker
from sync.messages.ownership import must_be_made_by
from sync.messages.table import decode_payload
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.records import put_foreign
from vehicle_agent.store.resuming import resuming, save_resuming

_COUNT: Final = (
    "本车恢复过，发回 {n} 条：请清点药品 · this box was restored, {n} records came back: count the medicines"
)


def merge_own(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep every version that is not here; with the last part a person is asked to count what is in the cupboard.

    Raises:
        RefusedInput: they are another vehicle's.
        BadFrame: one of them is no record of a vehicle.
    """
    found = msgspec.json.decode(record.payload, type=OwnRecords)
    if found.vehicle != merging.vehicle:
        raise RefusedInput(f"records of vehicle {found.vehicle[:32]} came to {merging.vehicle}")
    doubts = []
    kept = 0
    for own in [_record_of(each, merging.vehicle) for each in found.records]:
        try:
            kept += put_foreign(conn, own)
        except Conflict as error:
            doubts.append(str(error))
    state = resuming(conn)
    if state is None or state.resumed != found.resumed or found.part in state.here:
        return tuple(doubts)
    here, records = (*state.here, found.part), state.records + kept
    state = msgspec.structs.replace(state, parts=found.parts, here=here, records=records)
    save_resuming(conn, state)
    return (*doubts, _COUNT.format(n=state.records)) if state.is_whole else tuple(doubts)


def _record_of(own: OwnRecord, vehicle: str) -> Record:
    payload = own.payload.encode()
    decode_payload(own.kind, payload)
    try:
        must_be_made_by(Maker.VEHICLE, own.kind, own.revision)
    except RefusedInput as error:
        raise BadFrame(f"own records: {error}", raw=payload) from error
    if own.origin.vehicle != vehicle or own.revision < 1 or own.kind is Kind.BLOB:
        raise BadFrame(f"own records: {own.kind} {own.id} is none of {vehicle}'s", raw=payload)
    return Record(
        id=own.id,
        revision=own.revision,
        kind=own.kind,
        lane=own.lane,
        payload=payload,
        origin=own.origin,
        author=own.author,
        recorded_at=own.recorded_at,
        prev_hash=own.prev_hash,
        blobs=own.blobs,
    )
