"""Leases of vehicles: one worker at a time sends down to each (sync rule 17), with a fence for those that lost it.

Time is the database server's on PostgreSQL, where workers run on several machines, and this machine's beside SQLite.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, exists, select, text, update
from sqlalchemy.exc import OperationalError

from clinic_records.clock import to_ms
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import is_postgresql, reading, writing
from cloud_hospital.store.locks import insert_new
from cloud_hospital.store.tables import leases

LEASE_MS: Final = 15_000
"""Milliseconds a lease holds; a worker that died is replaced after so long."""
RENEW_S: Final = 5.0
"""Seconds between two renewals, so that two may fail."""


def _now_ms(hospital: Hospital, connection: Connection) -> int:
    if is_postgresql(hospital.engine):
        clock = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
        return int(connection.execute(clock).scalar_one())
    return to_ms(hospital.now())


class VehicleLease:
    """sync.ports.Lease of `vehicle` for the worker `holder`."""

    def __init__(self, hospital: Hospital, vehicle: str, holder: str) -> None:
        self._hospital = hospital
        self._vehicle = vehicle
        self._holder = holder
        self._fence = 0

    def take(self) -> None:
        """Have it from now on; whoever had it finds its fence passed."""
        with writing(self._hospital.engine) as connection:
            until = _now_ms(self._hospital, connection) + LEASE_MS
            fresh = {"vehicle": self._vehicle, "holder": self._holder, "fence": 1, "until_ms": until}
            if insert_new(connection, leases, fresh) is not None:
                self._fence = 1
                return
            changed = update(leases).where(leases.c.vehicle == self._vehicle).returning(leases.c.fence)
            values = {"holder": self._holder, "fence": leases.c.fence + 1, "until_ms": until}
            self._fence = int(connection.execute(changed.values(values)).scalar_one())

    def claim(self) -> bool:
        """Have it where nobody has, or who had it let it lapse."""
        with writing(self._hospital.engine) as connection:
            now = _now_ms(self._hospital, connection)
            fresh = {"vehicle": self._vehicle, "holder": self._holder, "fence": 1, "until_ms": now + LEASE_MS}
            if insert_new(connection, leases, fresh) is not None:
                self._fence = 1
                return True
            free = (leases.c.vehicle == self._vehicle, leases.c.until_ms < now)
            values = {"holder": self._holder, "fence": leases.c.fence + 1, "until_ms": now + LEASE_MS}
            fence = connection.execute(update(leases).where(*free).values(values).returning(leases.c.fence)).scalar()
            self._fence = self._fence if fence is None else int(fence)
            return fence is not None

    def hand_over(self) -> None:
        """Let another worker claim it at once; without a database it lapses by itself."""
        with suppress(OperationalError), writing(self._hospital.engine) as connection:
            connection.execute(update(leases).where(self._is_ours()).values(until_ms=0))

    def end(self) -> None:
        """The vehicle is gone; without a database the lease lapses, and who claims it finds no vehicle."""
        with suppress(OperationalError), writing(self._hospital.engine) as connection:
            connection.execute(delete(leases).where(self._is_ours()))

    @property
    def holds(self) -> ColumnElement[bool]:
        """A condition for statements that only the holder may execute."""
        return exists(select(leases.c.vehicle).where(self._is_ours()))

    def _is_ours(self) -> ColumnElement[bool]:
        mine = (leases.c.vehicle == self._vehicle) & (leases.c.holder == self._holder)
        return mine & (leases.c.fence == self._fence)


def renew(hospital: Hospital, holder: str, vehicles: Collection[str]) -> frozenset[str]:
    """Prolong this worker's leases of `vehicles`; those it still has."""
    if not vehicles:
        return frozenset()
    with writing(hospital.engine) as connection:
        until = _now_ms(hospital, connection) + LEASE_MS
        mine = (leases.c.holder == holder, leases.c.vehicle.in_(sorted(vehicles)))
        changed = update(leases).where(*mine).values(until_ms=until).returning(leases.c.vehicle)
        return frozenset(connection.execute(changed).scalars())


def abandoned(hospital: Hospital) -> list[str]:
    """Vehicles whose lease lapsed: their worker died or lost its broker."""
    with reading(hospital.engine) as connection:
        now = _now_ms(hospital, connection)
        query = select(leases.c.vehicle).where(leases.c.until_ms < now).order_by(leases.c.vehicle)
        return list(connection.execute(query).scalars())
