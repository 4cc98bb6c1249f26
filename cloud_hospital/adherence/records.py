"""Stops as the vehicles recorded them, and how many people were seen at each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import Connection, select

from clinic_records.care import Encounter, EncounterStatus, Stop, StopStatus
from clinic_records.clock import CHINA, to_ms
from clinic_records.record import Kind
from cloud_hospital.intake.payloads import decode_payload
from cloud_hospital.store.tables import entries, latest
from schedules.adherence.checkins import CheckIn
from schedules.places import Place
from schedules.vehicle_days import came_at

_VOID: Final = frozenset({EncounterStatus.CANCELLED, EncounterStatus.ENTERED_IN_ERROR})
_AT_ONCE: Final = 500
"""Ids of one query: far below what either database takes."""
_CLOCKS: Final = timedelta(days=2)
"""A vehicle's clock may run ahead of the hospital's by that much, and a stop seem to arrive before its day."""


def stops_between(connection: Connection, first: date, last: date) -> list[Stop]:
    """The newest version of every stop of these days, both included."""
    since = to_ms(datetime.combine(first, time(), CHINA) - _CLOCKS)
    query = (
        select(entries.c.payload)
        .join(latest, latest.c.entry == entries.c.n)
        .where(latest.c.kind == Kind.STOP.value, entries.c.received_at >= since)
    )
    found = (decode_payload(Kind.STOP, bytes(row.payload)) for row in connection.execute(query))
    return [stop for stop in found if isinstance(stop, Stop) and first <= stop.day <= last]


def people_at(connection: Connection, stops: Iterable[str]) -> Mapping[str, int]:
    """How many people had an encounter at each stop, by the stop's id; one that was cancelled or wrong is none."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for ids in _parts(stops):
        query = (
            select(entries.c.payload)
            .join(latest, latest.c.entry == entries.c.n)
            .where(latest.c.kind == Kind.ENCOUNTER.value, latest.c.stop.in_(ids))
        )
        for row in connection.execute(query):
            found = decode_payload(Kind.ENCOUNTER, bytes(row.payload))
            if isinstance(found, Encounter) and found.status not in _VOID:
                people[found.stop].add(found.patient)
    return {stop: len(who) for stop, who in people.items()}


def checkins_of(stops: Iterable[Stop], people: Mapping[str, int]) -> Iterator[CheckIn]:
    """An arrival for each stop that the vehicle came to; one said to be missed is none."""
    for stop in stops:
        arrived = came_at(stop)
        if arrived is None or stop.status is StopStatus.MISSED:
            continue
        left = stop.left.at if stop.left else stop.closed_at
        yield CheckIn(
            vehicle_id=stop.vehicle,
            arrived_at=arrived.astimezone(CHINA),
            left_at=max(arrived, left or arrived).astimezone(CHINA),
            point_id=stop.point_id,
            lon=stop.arrived.lon if stop.arrived else None,
            lat=stop.arrived.lat if stop.arrived else None,
            people=people.get(stop.id, 0),
            place=Place(f"{stop.vehicle}/{stop.id}", "", 0),
        )


def reasons_of(stops: Iterable[Stop]) -> dict[str, str]:
    """What crews said of the visits they missed, by visit id."""
    return {stop.visit_id: stop.reason for stop in stops if stop.status is StopStatus.MISSED and stop.visit_id}


def spot_reasons(stops: Iterable[Stop], first: date, last: date) -> dict[str, int]:
    """What crews changed on the spot from `first` to `last`, as `missed 路不通` or `substitute 请假`, and how often.

    What was written beside a reason (`其他：去接人`) stays with the stop.
    """
    told = Counter[str]()
    for stop in stops:
        if first <= stop.day <= last:
            if stop.status is StopStatus.MISSED:
                told[f"missed {_word(stop.reason)}"] += 1
            newest = {each.planned: each for each in stop.substitutions}
            told.update(f"substitute {_word(one.reason)}" for one in newest.values() if one.instead != one.planned)
    return dict(sorted(told.items()))


def _word(reason: str) -> str:
    return reason.partition("：")[0]


def _parts(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(ids)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
