"""The hospital's SessionStore of one vehicle."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

import msgspec
from sqlalchemy import delete, insert, select, update

from clinic_records.clock import to_ms
from cloud_hospital.feed.epochs import keep_feed_epoch
from cloud_hospital.hospital import Hospital
from cloud_hospital.starts import current_start
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.streams import close_stream
from cloud_hospital.store.tables import sessions, vehicles
from sync.ports import SessionState


@dataclass(frozen=True, slots=True)
class _Now:
    """What a session must be of to stand."""

    epoch: str
    key_number: int
    start: str

    @classmethod
    def of(cls, hospital: Hospital) -> "_Now":
        return cls(hospital.log.current(), hospital.keys.number, current_start(hospital.folder))


def standings(hospital: Hospital, vehicles: Collection[str]) -> dict[str, tuple[str, str]]:
    """(session, epoch) of each of `vehicles` whose session stands, with one look."""
    if not vehicles:
        return {}
    now = _Now.of(hospital)
    with reading(hospital.engine) as connection:
        query = select(sessions.c.vehicle, sessions.c.state).where(sessions.c.vehicle.in_(sorted(vehicles)))
        found = {row.vehicle: _standing(row.state, now) for row in connection.execute(query)}
    return {vehicle: each for vehicle, each in found.items() if each is not None}


class VehicleSessions:
    """sync.ports.SessionStore of `vehicle`.

    What is loaded says how far this hospital's own count of receipts is and in which epoch it lives now; a vehicle
    that has seen more in the same epoch proves that the database was rolled back (sync rule 3).
    """

    def __init__(self, hospital: Hospital, vehicle: str, at_hand: tuple[bytes | None, ...] = ()) -> None:
        """`at_hand`: the state as it was just read with something else; the first `standing` need not look again."""
        self._hospital = hospital
        self._vehicle = vehicle
        self._at_hand = at_hand

    def alone(self) -> AbstractContextManager[None]:
        """No other worker judges a Hello of this vehicle meanwhile."""
        return exclusive(self._hospital.engine, f"session {self._vehicle}", self._hospital.folder.run)

    def standing(self) -> tuple[str, str] | None:
        """(session, epoch) of the session that stands; one of an older epoch, key or start does not (rules 3, 4)."""
        (raw,), self._at_hand = self._at_hand or (self._raw(),), ()
        return _standing(raw, _Now.of(self._hospital))

    def load(self) -> SessionState:
        """The last state saved, with the current epoch and the number of the last receipt given."""
        with reading(self._hospital.engine) as connection:
            query = select(vehicles.c.receipt_seq).where(vehicles.c.id == self._vehicle)
            last = connection.execute(query).scalar_one_or_none()
        return msgspec.structs.replace(self._saved(), epoch=self._hospital.log.current(), highest_receipt_seq=last or 0)

    def _saved(self) -> SessionState:
        return _state(self._raw())

    def _raw(self) -> bytes | None:
        with reading(self._hospital.engine) as connection:
            query = select(sessions.c.state).where(sessions.c.vehicle == self._vehicle)
            return connection.execute(query).scalar_one_or_none()

    def save(self, state: SessionState) -> None:
        """Replace it; counts as contact with the vehicle.

        A new epoch in it was drawn because this hospital was rolled back: it goes to the epoch log first and from
        then on is every vehicle's. The count of receipts never falls; the vehicle counts a new epoch from zero.
        """
        hospital = self._hospital
        if state.epoch not in {"", hospital.log.current()}:
            now = hospital.now()
            keep_feed_epoch(hospital.engine, hospital.log.begin(now, f"rolled back: {self._vehicle}", state.epoch), now)
        before = self._saved()
        state = msgspec.structs.replace(state, start=current_start(hospital.folder))
        with writing(hospital.engine) as connection:
            if state.incarnation > before.incarnation:  # granted to a restored box (sync rule 6)
                now_ms = to_ms(hospital.now())
                close_stream(connection, self._vehicle, before.incarnation, state.closed_seq, now_ms)
            connection.execute(delete(sessions).where(sessions.c.vehicle == self._vehicle))
            connection.execute(insert(sessions).values(vehicle=self._vehicle, state=msgspec.json.encode(state)))
            changed = update(vehicles).where(vehicles.c.id == self._vehicle)
            connection.execute(changed.values(last_contact=to_ms(hospital.now())))


def _standing(raw: bytes | None, now: _Now) -> tuple[str, str] | None:
    state = _state(raw)
    if not state.session or state.is_forked or state.epoch != now.epoch:
        return None
    if state.key_number != now.key_number:  # the vehicle must hear of the newer key first
        return None
    if state.start != now.start:  # what it saw of us must be compared first
        return None
    return state.session, state.epoch


def _state(raw: bytes | None) -> SessionState:
    return SessionState() if raw is None else msgspec.json.decode(raw, type=SessionState)
