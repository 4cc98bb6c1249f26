"""The hospital's word about who may dispense; a token that is asked back and unspent is given back at once."""

import msgspec

from clinic_records.dispensing import RightState, must_release, told
from clinic_records.ids import RecordId
from clinic_records.prescription import DispenseRight, Release
from clinic_records.record import Kind, Record
from sync.messages.table import MESSAGES
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.records import put_foreign, put_record
from vehicle_agent.store.rights import incarnation_of, load_right, save_right, spend


def merge_right(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep the word, follow the newest token, and answer where it is ours and wanted back."""
    said = msgspec.json.decode(record.payload, type=DispenseRight)
    if not put_foreign(conn, record):
        return ()
    right = told(load_right(conn, said.rx), said)
    save_right(conn, said.rx, right)
    if must_release(right, said, merging.vehicle, incarnation_of(conn)):
        spend(conn, said.rx, right, RightState.RELEASED)
        given = Release(RecordId(merging.new_id()), said.rx, right.token, merging.now)
        put_record(
            conn,
            record_id=given.id,
            kind=Kind.RELEASE,
            lane=MESSAGES[Kind.RELEASE].lane,
            payload=given,
            author=None,
            recorded_at=merging.now,
        )
    return ()
