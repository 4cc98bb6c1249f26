"""What a merge rule gets and may do."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from clinic_records.record import Record
from vehicle_agent.store.driver import Connection


class Merging(msgspec.Struct, frozen=True):
    """The vehicle a record is merged on, its time, and where ids of its answers come from."""

    vehicle: str
    now: datetime
    new_id: Callable[[], str]


Rule = Callable[[Connection, Record, Merging], tuple[str, ...]]
"""Runs in one transaction; the same record again changes nothing, and records commute.

Returns what a person must look at although the rest was kept. Raises RefusedInput where the content cannot be, Conflict
where it contradicts what is here; then nothing is kept.
"""
