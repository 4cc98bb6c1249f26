"""Kinds that are only kept: lists of which the highest revision counts, and messages that are read by id."""

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.permissions import Permissions
from clinic_records.record import Record
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.records import put_foreign


def keep(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep the version; it is current where its revision is the highest."""
    del merging
    put_foreign(conn, record)
    return ()


def keep_permissions(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Keep the list of who may log in. Another vehicle's, or one that would leave nobody, is refused (law 8)."""
    found = msgspec.json.decode(record.payload, type=Permissions)
    if found.vehicle != merging.vehicle:
        raise RefusedInput(f"permissions of vehicle {found.vehicle} came to {merging.vehicle}")
    if not found.people:
        raise RefusedInput("permissions that let nobody in; revoke the vehicle where that is meant")
    put_foreign(conn, record)
    return ()
