"""Make a version of the county's plan, as bytes and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.ids import sha256_hex
from clinic_records.record import encode_payload
from clinic_records.schedule import CancelledVisit, PublishedPoint, PublishedSchedule, Visit
from schedules.exports.entries import entries
from schedules.model import Action, Plan

_decoder = msgspec.json.Decoder(PublishedSchedule)

PAYLOAD_LIMIT = 64 << 20
"""Bytes; a province's year (500 vehicles, 262,674 visits, about 230 bytes each) fits."""


def _with_hash(schedule: PublishedSchedule) -> PublishedSchedule:
    bare = msgspec.structs.replace(schedule, hash="")
    return msgspec.structs.replace(bare, hash=sha256_hex(encode_payload(bare)))


def make_version(
    visits: Iterable[Visit],
    *,
    version: int,
    effective_from: date,
    first: date,
    last: date,
    staff: Mapping[str, str] | None = None,
    points: Mapping[str, PublishedPoint] | None = None,
    approved_by: str = "",
    cancelled: Iterable[CancelledVisit] = (),
) -> PublishedSchedule:
    """A version with its hash, visits in order of date, vehicle and start, and what is known of their points.

    Raises:
        RefusedInput: the number, the days or a visit lie outside what a version may hold.
    """
    ordered = tuple(sorted(visits, key=lambda v: (v.date, v.vehicle_id, v.start, v.visit_id)))
    if version < 1:
        raise RefusedInput(f"schedule version {version}: versions count from 1")
    if not first <= effective_from <= last:
        raise RefusedInput(f"effective_from {effective_from} is not within {first} to {last}, the days of the plan")
    for visit in ordered:
        if not first <= visit.date <= last:
            raise RefusedInput(f"visit {visit.visit_id} on {visit.date} is not within {first} to {last}")
    crew = {person for visit in ordered for person in visit.staff_ids}
    names = {person: name for person, name in sorted((staff or {}).items()) if person in crew}
    places = dict(sorted((points or {}).items()))
    gone = tuple(sorted(cancelled, key=lambda v: (v.date, v.vehicle_id, v.start, v.visit_id)))
    days = (effective_from, first, last)
    return _with_hash(PublishedSchedule(version, "", *days, ordered, names, places, approved_by, gone))


def points_of(plan: Plan) -> dict[str, PublishedPoint]:
    """What vehicles need to know of the plan's clinic points, by id."""
    return {
        one.point_id: PublishedPoint(
            one.point_name, one.village_name, one.village_code, one.lon, one.lat, one.contact_name, one.contact_phone
        )
        for one in plan.points.values()
    }


def cancelled_of(plan: Plan, first: date, last: date) -> Iterator[CancelledVisit]:
    """What vehicles need to know of the visits from `first` to `last` that the plan gave up."""
    for entry in entries(plan, (), first, last).before:
        visit, change = entry.visit, entry.change
        if change is not None and change.action is Action.CANCEL:
            yield CancelledVisit(
                visit.visit_id,
                visit.date,
                visit.point_id,
                visit.point_name,
                visit.village,
                visit.vehicle_id,
                visit.start,
                change.reason,
            )


def encode(schedule: PublishedSchedule) -> bytes:
    """The payload bytes that travel and are stored."""
    return encode_payload(schedule)


def decode(payload: bytes) -> PublishedSchedule:
    """A version from its payload bytes, hash verified.

    The hash is taken over the bytes as they came, so that it also holds where a later release wrote more into them.

    Raises:
        RefusedInput: the bytes are not a schedule, or its hash is not that of its content.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise RefusedInput(f"a schedule of {len(payload)} bytes; at most {PAYLOAD_LIMIT} are read", raw=payload[:1024])
    try:
        schedule = _decoder.decode(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise RefusedInput(f"not a published schedule: {error}", raw=payload) from error
    bare = payload.replace(b'"hash":"%s"' % schedule.hash.encode(), b'"hash":""', 1)
    if schedule.hash != sha256_hex(bare):
        raise RefusedInput(
            f"schedule version {schedule.version}: hash {schedule.hash[:16]} does not match", raw=payload
        )
    return schedule


def in_force(versions: Sequence[PublishedSchedule], day: date) -> PublishedSchedule | None:
    """The version a vehicle goes by on `day`: the highest that covers it and is effective by then."""
    fitting = [one for one in versions if one.effective_from <= day <= one.last]
    return max(fitting, key=lambda one: one.version, default=None)
