"""What follows by itself from what was committed: rights given on, permissions told, whatever is missing queued."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from clinic_records.errors import RefusedInput
from cloud_hospital.downlinks.clearing import clear_delivered
from cloud_hospital.downlinks.issue import queue_missing
from cloud_hospital.downlinks.lists import issue_permissions
from cloud_hospital.downlinks.next_visit import follow_visits
from cloud_hospital.downlinks.own_records import questions, queue_own_records
from cloud_hospital.downlinks.rights import settle_rights
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.leftovers import clear_leftovers
from cloud_hospital.store.engine import reading
from cloud_hospital.store.locks import exclusive
from cloud_hospital.store.news import tail
from cloud_hospital.store.tables import issued, user_acts, vehicles
from cloud_hospital.vehicles import active_vehicles

LOOK_EVERY: Final = timedelta(hours=1)
"""Between two looks at what follows from time alone: what may leave the disk, who is next at a village."""


class Follower:
    """Looks at one hospital now and then; everything it does is done once, whoever else does it too."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._seen: object = None
        self._due_at = hospital.now()

    def look(self) -> None:
        """Do what is due. Cheap where nothing has changed."""
        settle_rights(self._hospital)
        is_due = self._hospital.now() >= self._due_at
        if is_due:
            clear_delivered(self._hospital)
            clear_leftovers(self._hospital)
            self._due_at = self._hospital.now() + LOOK_EVERY
        if self._state() == self._seen and not is_due:
            return
        with exclusive(self._hospital.engine, "follow", self._hospital.folder.run):
            issue_permissions(self._hospital)
            queue_missing(self._hospital)
            queue_own_records(self._hospital)
            with suppress(RefusedInput):  # a schedule's file was altered: an alarm of its own says so
                follow_visits(self._hospital)
        self._seen = self._state()

    def _state(self) -> object:
        """Accounts, boxes and what was made: a change in them may leave something to be queued."""
        with reading(self._hospital.engine) as connection:
            boxes = connection.execute(select(vehicles.c.id, vehicles.c.box_public).order_by(vehicles.c.id)).all()
            acts, made = tail(connection, user_acts.c.n), tail(connection, issued.c.n)
            asked = questions(connection)
        return tuple(map(tuple, boxes)), acts, made, asked, tuple(active_vehicles(self._hospital))
