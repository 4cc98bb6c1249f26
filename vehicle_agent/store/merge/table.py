"""The table of merge rules: a kind that comes down is one line here (law 5: what is not here is not taken)."""

from collections.abc import Callable, Mapping
from typing import Final

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.record import Kind, Record
from schedules.publish import decode as decode_schedule
from sync.messages.kind import Maker
from sync.messages.ownership import must_be_made_by
from sync.messages.table import decode_payload
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.merge.own import merge_own
from vehicle_agent.store.merge.plain import keep, keep_permissions
from vehicle_agent.store.merge.retractions import retract
from vehicle_agent.store.merge.rights import merge_right
from vehicle_agent.store.merge.rule import Merging, Rule
from vehicle_agent.store.merge.slices import merge_slice

RULES: Final[Mapping[Kind, Rule]] = {
    Kind.SCHEDULE: keep,
    Kind.PERMISSIONS: keep_permissions,
    Kind.FORMULARY: keep,
    Kind.PRICES: keep,
    Kind.PATIENT_SLICE: merge_slice,
    Kind.ANSWER: keep,
    Kind.RECALL: keep,
    Kind.PRESCRIPTION: keep,
    Kind.DISPENSE_RIGHT: merge_right,
    Kind.RETRACTION: retract,
    Kind.SEEN: keep,
    Kind.OWN_RECORDS: merge_own,
}

CHECKS: Final[Mapping[Kind, Callable[[bytes], object]]] = {Kind.SCHEDULE: decode_schedule}
"""Kinds whose payload proves itself: a schedule holds the hash of what its coordinator approved."""


def understand(record: Record) -> None:
    """Return if this version can merge the record.

    Raises:
        RefusedInput: vehicles do not make it their own, or it is no message of the hospital's to make.
        BadFrame: its payload is not of its kind, or is not what it says it is.
    """
    must_be_made_by(Maker.HOSPITAL, record.kind, record.revision)
    decode_payload(record.kind, record.payload)
    if record.kind in CHECKS:
        try:
            CHECKS[record.kind](record.payload)
        except RefusedInput as error:
            raise BadFrame(f"{record.kind} {record.id} revision {record.revision}: {error}") from error


def merge(conn: Connection, record: Record, merging: Merging) -> tuple[str, ...]:
    """Run the record's rule; see `Rule`."""
    understand(record)
    return RULES[record.kind](conn, record, merging)
