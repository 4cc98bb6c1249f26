"""Which vehicle has which version of the schedule, from the vehicles' own signed answers."""

from collections import defaultdict
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import select

from clinic_records.clock import from_ms
from clinic_records.record import Kind
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicles import active_vehicles

TAKEN: Final = frozenset({"applied", "duplicate"})


class Sent(NamedTuple):
    """One version for one vehicle; `verdict` is its signed answer, empty while there is none."""

    version: int
    queued_at: datetime
    verdict: str
    answered_at: datetime | None


class Holder(NamedTuple):
    """A vehicle, the newest version it has received, and what is newer and not (yet) received."""

    vehicle: str
    has: Sent | None
    newer: tuple[Sent, ...]


def holders(hospital: Hospital) -> list[Holder]:
    """Every vehicle that is enrolled, in order of their names."""
    sent: defaultdict[str, dict[int, Sent]] = defaultdict(dict)
    query = select(downlink).where(downlink.c.kind == Kind.SCHEDULE.value).order_by(downlink.c.n)
    with reading(hospital.engine) as connection:
        for row in connection.execute(query):
            answered = None if row.settled_at is None else from_ms(row.settled_at)
            sent[row.vehicle][row.revision] = Sent(row.revision, from_ms(row.queued_at), row.verdict or "", answered)
    return [_holder(vehicle, sent[vehicle]) for vehicle in sorted(active_vehicles(hospital))]


def _holder(vehicle: str, sent: dict[int, Sent]) -> Holder:
    has = max((one for one in sent.values() if one.verdict in TAKEN), key=lambda one: one.version, default=None)
    newer = [one for number, one in sorted(sent.items()) if has is None or number > has.version]
    return Holder(vehicle, has, tuple(newer))
