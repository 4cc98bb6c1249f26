"""Who is at a stop: the people planned, and who came instead of one of them."""

from datetime import date
from typing import NamedTuple

import msgspec

from clinic_records.care import Stop, Substitution
from clinic_records.clock import CHINA
from clinic_records.errors import Conflict, Hint, NotFound, RefusedInput
from clinic_records.ids import StopId
from clinic_records.schedule import PublishedSchedule, Visit
from vehicle_agent.store.driver import Connection
from vehicle_agent.visits.plans import plan_of_day
from vehicle_agent.visits.published import on_day
from vehicle_agent.visits.stops import DONE, open_one, planned_stops
from vehicle_agent.visits.versions import Act, find, put


class Member(NamedTuple):
    """One planned person of a stop, and who came instead.

    Attributes:
        change: the substitution that counts; None where the planned person comes.
        elsewhere: where the plan has whoever comes on another vehicle that day.
    """

    staff: str
    name: str
    change: Substitution | None
    elsewhere: tuple[Visit, ...]


class NewSubstitution(msgspec.Struct, frozen=True, omit_defaults=True):
    """As a person says it; `instead` empty: nobody comes in their place."""

    planned: str
    instead: str = ""
    reason: str = ""


def crew_of(stop: Stop, plan: PublishedSchedule | None) -> list[Member]:
    """The planned people of a stop in the plan's order; of two substitutions of one person the later counts."""
    changed = {each.planned: each for each in stop.substitutions}
    crew = []
    for staff in stop.crew:
        change = changed.get(staff)
        change = None if change is None or change.instead == staff else change
        here = change.instead if change else staff
        name = plan.staff.get(staff, staff) if plan else staff
        crew.append(Member(staff, name, change, _elsewhere(plan, here, stop.vehicle, stop.day)))
    return crew


def _elsewhere(plan: PublishedSchedule | None, staff: str, vehicle: str, day: date) -> tuple[Visit, ...]:
    if plan is None or not staff:
        return ()
    return tuple(v for v in on_day(plan, day) if v.vehicle_id != vehicle and staff in v.staff_ids)


def substitute(
    conn: Connection, vehicle: str, visit_id: str, form: NewSubstitution, name: str, new_id: StopId, act: Act
) -> Stop:
    """Somebody comes instead of a planned person, today, at a stop that is not over; a new version of the stop.

    Args:
        conn: inside a job of the writer.
        vehicle: this one.
        visit_id: one of today's.
        form: what the person says.
        name: of who comes, as it is known here; empty where nobody does.
        new_id: of the stop, where nothing was recorded of it yet.
        act: who says it, and when.

    Raises:
        NotFound: no such visit today, or nobody of that id is planned there.
        RefusedInput: no reason, or the one who comes is planned at this stop already.
        Conflict: the stop is over.
    """
    stop = _today(conn, vehicle, visit_id, act)
    if stop is None or form.planned not in stop.crew or act.author is None:
        raise NotFound(f"{form.planned[:64]} is not planned at visit {visit_id[:64]} today")
    if stop.status in DONE:
        raise Conflict(f"stop {stop.id} is over", hint=Hint("这一站已收诊。", "This stop is closed."))
    if not form.reason.strip() and form.instead != form.planned:
        raise RefusedInput("a substitution without a reason", hint=Hint("选一个原因。", "Choose a reason."))
    if form.instead != form.planned and form.instead in stop.crew:
        raise RefusedInput(
            f"{form.instead} is planned at this stop",
            hint=Hint("这个人本来就排在这一站，选别人。", "That person is planned here already; choose another."),
        )
    said = Substitution(form.planned, form.instead, name, form.reason.strip(), act.author, act.now)
    before = find(conn, Stop, stop.id)
    changed = msgspec.structs.replace(stop, id=stop.id if before else new_id, substitutions=(*stop.substitutions, said))
    put(conn, changed, act, before=before.record if before else None)
    return changed


def _today(conn: Connection, vehicle: str, visit_id: str, act: Act) -> Stop | None:
    opened = open_one(conn)
    if opened is not None and opened.thing.visit_id == visit_id:
        return opened.thing
    day = act.now.astimezone(CHINA).date()
    return next((stop for stop in planned_stops(conn, vehicle, day) if stop.visit_id == visit_id), None)


def names_of(conn: Connection, day: date) -> dict[str, str]:
    """Everybody the schedule of a day knows, by id."""
    plan = plan_of_day(conn, day)
    return dict(plan.staff) if plan else {}
