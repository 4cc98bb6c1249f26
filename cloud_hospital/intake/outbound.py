"""The hospital's OutboundStore of one vehicle: the downlink queue."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, insert, select, update

from clinic_records.clock import to_ms
from clinic_records.errors import NotFound
from clinic_records.ids import blob_hash
from clinic_records.record import Lane
from cloud_hospital.downlink import wire_path
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.leases import VehicleLease
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, downlink
from sync.ports import Receipt, Verdict, WireItem

_OPENED_BY: Final = {
    Verdict.APPLIED: (Verdict.REFUSED.value, Verdict.HELD.value),
    Verdict.DUPLICATE: (Verdict.REFUSED.value, Verdict.HELD.value),
    Verdict.HELD: (Verdict.REFUSED.value,),
    Verdict.REFUSED: (Verdict.REFUSED.value,),
}
"""Verdict -> the earlier ones that it replaces."""


class VehicleOutbound:
    """sync.ports.OutboundStore of what this hospital sends to `vehicle`; `lease` fences off who lost it."""

    def __init__(self, hospital: Hospital, vehicle: str, lease: VehicleLease | None = None) -> None:
        self._hospital = hospital
        self._vehicle = vehicle
        self._lease = lease

    def waiting(self, lane: Lane, after_order: int, limit: int) -> Sequence[WireItem]:
        """Envelopes of `lane` that the vehicle has not answered for good, oldest first."""
        query = (
            select(downlink.c.n, downlink.c.wire_sha256, downlink.c.size)
            .where(
                downlink.c.vehicle == self._vehicle,
                downlink.c.lane == lane.value,
                downlink.c.n > after_order,
                downlink.c.verdict.is_(None) | (downlink.c.verdict == Verdict.REFUSED.value),
            )
            .order_by(downlink.c.n)
            .limit(limit)
        )
        with reading(self._hospital.engine) as connection:
            return [WireItem(row.wire_sha256, row.size, lane, row.n) for row in connection.execute(query)]

    def read(self, wire_sha256: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes of the wire file from `offset`.

        Raises:
            NotFound: there is no such file for this vehicle.
        """
        path = wire_path(self._hospital.folder, self._vehicle, blob_hash(wire_sha256))
        try:
            with path.open("rb") as stream:
                stream.seek(offset)
                return stream.read(size)
        except FileNotFoundError:
            raise NotFound(f"downlink file {wire_sha256} for {self._vehicle} is gone") from None

    def settle_all(self, receipts: Sequence[Receipt]) -> int:
        """Apply the vehicle's verified receipts; how many changed anything: none where the lease is lost."""
        with writing(self._hospital.engine) as connection:
            return sum(self._settle(connection, each) for each in receipts)

    def settle(self, receipt: Receipt) -> bool:
        """As `settle_all`, of one."""
        return self.settle_all([receipt]) == 1

    def _settle(self, connection: Connection, receipt: Receipt) -> bool:
        changed = update(downlink).where(
            downlink.c.vehicle == self._vehicle,
            downlink.c.wire_sha256 == receipt.wire_sha256,
            downlink.c.verdict.is_(None) | downlink.c.verdict.in_(_OPENED_BY[receipt.verdict]),
        )
        if self._lease is not None:
            changed = changed.where(self._lease.holds)
        values = {"verdict": receipt.verdict.value, "settled_at": to_ms(self._hospital.now())}
        is_new = connection.execute(changed.values(**values)).rowcount == 1
        if is_new and receipt.verdict is Verdict.HELD:
            self._alarm(connection, receipt)
        elif is_new:
            self._end_alarm(connection, receipt)
        return is_new

    def _end_alarm(self, connection: Connection, receipt: Receipt) -> None:
        """The vehicle was upgraded and understands it now."""
        is_its = alarms.c.detail.startswith(self._held(receipt), autoescape=True)
        ended = update(alarms).where(alarms.c.vehicle == self._vehicle, alarms.c.code == "not-understood", is_its)
        connection.execute(ended.where(alarms.c.done_at.is_(None)).values(done_at=to_ms(self._hospital.now())))

    def _held(self, receipt: Receipt) -> str:
        return f"held by {self._vehicle}: {receipt.id} revision {receipt.revision}: "

    def _alarm(self, connection: Connection, receipt: Receipt) -> None:
        """The vehicle keeps it and does not understand it: an older program, and somebody must know (sync rule 15)."""
        row = {
            "at": to_ms(self._hospital.now()),
            "vehicle": self._vehicle,
            "code": "not-understood",
            "detail": f"{self._held(receipt)}{receipt.reason}",
        }
        connection.execute(insert(alarms).values(row))

    def held(self, after_order: int, limit: int) -> Sequence[WireItem]:
        """Envelopes the vehicle holds because its program does not understand them."""
        columns = (downlink.c.wire_sha256, downlink.c.size, downlink.c.lane, downlink.c.n)
        query = select(*columns).where(
            downlink.c.vehicle == self._vehicle,
            downlink.c.verdict == Verdict.HELD.value,
            downlink.c.n > after_order,
        )
        with reading(self._hospital.engine) as connection:
            rows = connection.execute(query.order_by(downlink.c.n).limit(limit)).all()
        return [WireItem(row.wire_sha256, row.size, Lane(row.lane), row.n) for row in rows]

    def reopen_all(self) -> int:
        """Offer everything kept again: the vehicle's box was rolled back."""
        is_kept = (downlink.c.verdict.is_not(None), downlink.c.cleared.is_(False))
        changed = update(downlink).where(downlink.c.vehicle == self._vehicle, *is_kept)
        with writing(self._hospital.engine) as connection:
            return connection.execute(changed.values(verdict=None, settled_at=None)).rowcount
