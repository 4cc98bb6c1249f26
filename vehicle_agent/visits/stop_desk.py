"""The part of the desk where the vehicle's days are seen, opened, changed on the spot and explained."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from clinic_records.care import Encounter, Stop
from clinic_records.clock import CHINA, Clock
from clinic_records.errors import NotFound
from clinic_records.ids import EncounterId, IdFactory, StopId
from clinic_records.people import Author
from clinic_records.schedule import PublishedPoint
from schedules.adherence.match import MAKE_UP_WITHIN
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.crew import NewSubstitution, names_of, substitute
from vehicle_agent.visits.days import Day, Line, Month, day_of, month_of, next_days
from vehicle_agent.visits.due import Due, due_at
from vehicle_agent.visits.encounters import set_follow_up
from vehicle_agent.visits.events import EventHub
from vehicle_agent.visits.missed import say_missed, to_make_up
from vehicle_agent.visits.plans import plan_of_day
from vehicle_agent.visits.positions import last_fix, metres_to
from vehicle_agent.visits.stops import NewStop, open_stop, open_unscheduled
from vehicle_agent.visits.versions import Act, get

T = TypeVar("T")


class Place(NamedTuple):
    """A clinic point of the schedule; `metres` from the vehicle where both places are known."""

    point_id: str
    point: PublishedPoint
    metres: int | None


class Extra(NamedTuple):
    """What a person may choose from when opening a stop nobody planned: visits to make up for, and points."""

    missed: list[Stop]
    places: list[Place]


class DueList(NamedTuple):
    """Who is due at one visit."""

    line: Line
    people: list[Due]


class StopDesk:
    """Stops, days and months of one vehicle."""

    def __init__(self, vehicle: str, vault: Vault, events: EventHub, clock: Clock, ids: IdFactory) -> None:
        self._vehicle = vehicle
        self._vault = vault
        self._events = events
        self._clock = clock
        self._ids = ids

    async def day(self, day: date | None = None) -> Day:
        """One day; today where none is given."""
        today = self._today()
        return await self._read(lambda conn: day_of(conn, self._vehicle, day or today, today))

    async def month(self, first: date) -> Month:
        """The month that `first` begins."""
        today = self._today()
        return await self._read(lambda conn: month_of(conn, self._vehicle, first, today))

    async def line(self, day: date, visit_id: str) -> Line:
        """One visit of a day. Raises NotFound."""
        found = next((line for line in (await self.day(day)).lines if line.stop.visit_id == visit_id), None)
        if found is None or not visit_id:
            raise NotFound(f"visit {visit_id[:64]} is not planned for {self._vehicle} on {day}")
        return found

    async def due(self, day: date, visit_id: str) -> DueList:
        """Who is due at a visit. Raises NotFound."""
        line = await self.line(day, visit_id)
        return DueList(line, await self._read(lambda conn: due_at(conn, line.stop.village, day)))

    async def open(self, visit_id: str, arrived_at: datetime | None, author: Author) -> Stop:
        """Open a planned stop. Raises as visits.stops.open_stop."""
        new_id, act = StopId(self._ids.new()), self._act(author)
        return await self._write(lambda conn: open_stop(conn, self._vehicle, new_id, act, visit_id, arrived_at))

    async def open_extra(self, form: NewStop, author: Author) -> Stop:
        """Open a stop nobody planned. Raises as visits.stops.open_unscheduled."""
        new_id, act = StopId(self._ids.new()), self._act(author)
        return await self._write(lambda conn: open_unscheduled(conn, self._vehicle, new_id, act, form))

    async def extra(self) -> Extra:
        """What there is to choose from for a stop nobody planned; the nearest points first."""
        now, today = self._clock.now(), self._today()

        def job(conn: Connection) -> Extra:
            plan, fix = plan_of_day(conn, today), last_fix(conn, now)
            known = plan.points.items() if plan else ()
            places = [Place(id_, point, metres_to(fix, point) if fix else None) for id_, point in known]
            places.sort(key=lambda place: (place.metres is None, place.metres or 0, place.point.village))
            return Extra(to_make_up(conn, self._vehicle, today, MAKE_UP_WITHIN), places)

        return await self._read(job)

    async def say_missed(self, day: date, visit_id: str, reason: str, author: Author) -> Stop:
        """Say why nobody came. Raises as visits.missed.say_missed."""
        new_id, act = StopId(self._ids.new()), self._act(author)
        return await self._write(lambda conn: say_missed(conn, self._vehicle, day, visit_id, reason, new_id, act))

    async def names(self) -> dict[str, str]:
        """Everybody the schedule knows, by id."""
        today = self._today()
        return await self._read(lambda conn: names_of(conn, today))

    async def substitute(self, visit_id: str, form: NewSubstitution, name: str, author: Author) -> Stop:
        """Somebody comes instead of a planned person. Raises as visits.crew.substitute."""
        new_id, act = StopId(self._ids.new()), self._act(author)
        return await self._write(lambda conn: substitute(conn, self._vehicle, visit_id, form, name, new_id, act))

    async def next_days(self, stop_id: str) -> list[date]:
        """When the schedule sends a vehicle to the point of a stop again, soonest first."""
        today = self._today()
        return await self._read(lambda conn: next_days(conn, get(conn, Stop, stop_id).thing.point_id, today))

    async def follow_up(self, encounter: EncounterId, day: date | None, author: Author) -> Encounter:
        """Say when the person is due again. Raises as visits.encounters.set_follow_up."""
        act = self._act(author)
        done = await self._write(lambda conn: set_follow_up(conn, encounter, day, act))
        self._events.publish(f"encounter:{encounter}")
        return done

    def _today(self) -> date:
        return self._clock.now().astimezone(CHINA).date()

    def _act(self, author: Author) -> Act:
        return Act(author, self._clock.now())

    async def _read(self, job: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._vault.store.read, job)

    async def _write(self, job: Callable[[Connection], T]) -> T:
        done = await asyncio.wrap_future(self._vault.store.submit(job))
        self._events.publish("stop", "sync")
        return done
