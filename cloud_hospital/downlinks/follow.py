"""What follows by itself from what was committed: rights given on, permissions told, whatever is missing queued."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select

from cloud_hospital.downlinks.clearing import clear_delivered
from cloud_hospital.downlinks.issue import queue_missing
from cloud_hospital.downlinks.lists import issue_permissions
from cloud_hospital.downlinks.own_records import questions, queue_own_records
from cloud_hospital.downlinks.rights import settle_rights
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.news import tail
from cloud_hospital.store.tables import issued, user_acts, vehicles
from cloud_hospital.vehicles import active_vehicles

CLEAR_EVERY: Final = timedelta(days=1)
"""Between two looks for what may leave the disk."""


class Follower:
    """Looks at one hospital now and then; everything it does is done once, whoever else does it too."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._seen: object = None
        self._clears_at = hospital.now()

    def look(self) -> None:
        """Do what is due. Cheap where nothing has changed."""
        settle_rights(self._hospital)
        if self._hospital.now() >= self._clears_at:
            clear_delivered(self._hospital)
            self._clears_at = self._hospital.now() + CLEAR_EVERY
        now = self._state()
        if now == self._seen:
            return
        with exclusive(self._hospital.engine, "follow", self._hospital.folder.run):
            issue_permissions(self._hospital)
            queue_missing(self._hospital)
            queue_own_records(self._hospital)
        self._seen = self._state()

    def _state(self) -> object:
        """Accounts, boxes and what was made: a change in them may leave something to be queued."""
        with reading(self._hospital.engine) as connection:
            boxes = connection.execute(select(vehicles.c.id, vehicles.c.box_public).order_by(vehicles.c.id)).all()
            acts, made = tail(connection, user_acts.c.n), tail(connection, issued.c.n)
            asked = questions(connection)
        return tuple(map(tuple, boxes)), acts, made, asked, tuple(active_vehicles(self._hospital))
