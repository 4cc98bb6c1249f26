"""The versions of the schedule that have come, decoded once and laid out by day."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from functools import partial
from threading import Lock
from typing import Final, NamedTuple

import msgspec

from clinic_records.record import Kind
from clinic_records.schedule import PublishedSchedule, Visit
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import get_version


class _Laid(NamedTuple):
    plan: PublishedSchedule
    days: Mapping[date, tuple[Visit, ...]]


_HELD: Final = 4
"""Versions kept decoded: a province's is 60 MB of text, and a page asks for the same two again and again."""
_laid: Final[OrderedDict[str, _Laid]] = OrderedDict()
_lock: Final = Lock()


def _lay(conn: Connection, id_: str, revision: int, sha256: str) -> PublishedSchedule:
    with _lock:
        held = _laid.get(sha256)
        if held is not None:
            _laid.move_to_end(sha256)
            return held.plan
    plan = msgspec.json.decode(get_version(conn, Kind.SCHEDULE, id_, revision).payload, type=PublishedSchedule)
    days: defaultdict[date, list[Visit]] = defaultdict(list)
    for visit in plan.visits:
        days[visit.date].append(visit)
    with _lock:
        _laid[sha256] = _Laid(plan, {day: tuple(sorted(visits, key=_start)) for day, visits in days.items()})
        while len(_laid) > _HELD:
            _laid.popitem(last=False)
    return plan


def _start(visit: Visit) -> time:
    return visit.start


class Head(NamedTuple):
    """What of a version says which days it holds for."""

    version: int
    effective_from: date
    last: date


_heads: Final[dict[str, Head]] = {}
"""Of every version seen, so that only those wanted are decoded again."""


def known(conn: Connection) -> Iterator[tuple[Head, Callable[[], PublishedSchedule]]]:
    """Every version that has come, the highest first, and how to get the whole of it."""
    rows = conn.execute(
        "SELECT id, revision, sha256 FROM records WHERE kind = 'schedule' ORDER BY id, revision DESC"
    ).fetchall()
    for row in rows:
        whole = partial(_lay, conn, *row)
        if row[2] not in _heads:
            plan = whole()
            _heads[row[2]] = Head(plan.version, plan.effective_from, plan.last)
        yield _heads[row[2]], whole


def versions(conn: Connection) -> Iterator[PublishedSchedule]:
    """Every version that has come, the highest first."""
    for _, whole in known(conn):
        yield whole()


def on_day(plan: PublishedSchedule, day: date) -> tuple[Visit, ...]:
    """All vehicles' visits of a day, by their start."""
    with _lock:
        held = next((each for each in _laid.values() if each.plan is plan), None)
    if held is not None:
        return held.days.get(day, ())
    return tuple(sorted((visit for visit in plan.visits if visit.date == day), key=_start))
