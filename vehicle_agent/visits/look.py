"""Views made from the open store: reading only, each in one snapshot."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from clinic_records.care import Encounter, Recording, RecordingStatus
from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import Hint
from clinic_records.ids import EncounterId
from clinic_records.people import Patient
from clinic_records.record import Kind
from devices.delivery import Delivery
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import outbox_states
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.visits.binding import REASONS
from vehicle_agent.visits.encounters import queue_of
from vehicle_agent.visits.kept import load_armings
from vehicle_agent.visits.roster import IDLE, Roster
from vehicle_agent.visits.stops import plan_for, todays_stop
from vehicle_agent.visits.versions import get, listed
from vehicle_agent.visits.views import DeviceView, EncounterView, Quarantined, RecordingView, TodayView

_LEAST_FIRST: Final = ("refused", "held", "queued", "spooled", "received")
_WAYS: Final = {"spooled": "queued"}
"""Outbox states, worst first; a spooled row is still waiting in the queue to whoever looks at it."""


def today(conn: Connection, vehicle: str, now: datetime) -> TodayView:
    """Today's stop and its queue."""
    day = now.astimezone(CHINA).date()
    stop = todays_stop(conn, vehicle, day)
    plan = plan_for(conn, day)
    queue = queue_of(conn, stop.id) if stop else []
    return TodayView(stop, day, vehicle, plan.version if plan else 0, queue)


def devices(conn: Connection | None, roster: Roster, now: datetime) -> list[DeviceView]:
    """Every configured device; without a connection (the store is locked) nothing is armed."""
    armings = load_armings(conn) if conn is not None else None
    views = []
    for device in roster:
        state = roster.state(device.id)
        armed = armings.at(device.id, now) if armings else None
        views.append(
            DeviceView(
                device=device.id,
                key=device.key,
                name_zh=device.name_zh,
                name_en=device.name_en,
                modality=device.modality,
                status="armed" if armed and state.status == IDLE else state.status,
                armed=armed,
                armed_name=armed.patient_name if armed else "",
                detail=state.detail,
            )
        )
    return views


def recordings(conn: Connection, found: Sequence[Recording], roster: Roster, now: datetime) -> list[RecordingView]:
    """The views of these recordings, in their order."""
    records = outbox_states(conn, Kind.RECORDING, [recording.id for recording in found])
    blobs = outbox_states(conn, Kind.BLOB, [recording.reading.raw.sha256 for recording in found])
    views = []
    for recording in found:
        states = {records.get(recording.id, "queued"), blobs.get(recording.reading.raw.sha256, "queued")}
        least = next((state for state in _LEAST_FIRST if state in states), "queued")
        arrived = recording.reading.stamp.vehicle_time
        name_zh, name_en = roster.names(recording.reading.device)
        why = _reason(recording)
        views.append(
            RecordingView(
                recording=recording,
                device_name_zh=name_zh,
                device_name_en=name_en,
                arrived_ms=to_ms(arrived),
                way=_WAYS.get(least, least),
                age_s=(now - arrived).total_seconds(),
                reason_zh=why.zh,
                reason_en=why.en,
            )
        )
    return views


def encounter(conn: Connection, encounter_id: EncounterId, roster: Roster, now: datetime) -> EncounterView:
    """One encounter with its person, recordings and the devices.

    Raises:
        NotFound: no such encounter.
    """
    found = get(conn, Encounter, encounter_id).thing
    mine = [version.thing for version in listed(conn, Recording, where={"binding.encounter": encounter_id})]
    return EncounterView(
        encounter=found,
        patient=get(conn, Patient, found.patient).thing,
        recordings=recordings(conn, mine, roster, now),
        devices=devices(conn, roster, now),
    )


def unbound(conn: Connection, roster: Roster, now: datetime) -> list[RecordingView]:
    """What waits for a person, oldest first."""
    waiting = listed(conn, Recording, where={"status": RecordingStatus.UNBOUND.value})
    return recordings(conn, [version.thing for version in waiting], roster, now)


def quarantined(conn: Connection) -> list[Quarantined]:
    """What could not be understood and nobody has looked at, newest first."""
    return [
        Quarantined(
            id=str(item.task),
            device=item.source,
            reason=item.reason,
            media_type=_media_type(item.meta),
            raw_sha256=item.blob,
            at=item.at,
        )
        for item in list_quarantine(conn)
    ]


def _media_type(meta: bytes) -> str:
    try:
        return msgspec.json.decode(meta, type=Delivery).media_type
    except msgspec.MsgspecError:
        return "application/octet-stream"


def _reason(recording: Recording) -> Hint:
    text = recording.unbound_reason
    return REASONS.get(text, Hint(text, text))
