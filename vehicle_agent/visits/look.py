"""Views made from the open store: reading only, each in one snapshot."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from clinic_records.care import Encounter, Recording, RecordingStatus
from clinic_records.clock import CHINA, to_ms
from clinic_records.errors import Hint
from clinic_records.ids import EncounterId
from clinic_records.people import Patient
from devices.delivery import Delivery
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import list_quarantine
from vehicle_agent.visits.binding import REASONS
from vehicle_agent.visits.encounters import queue_of
from vehicle_agent.visits.kept import load_armings
from vehicle_agent.visits.orders import SAMPLED, sample_of
from vehicle_agent.visits.plans import plan_of_day
from vehicle_agent.visits.roster import IDLE, Roster
from vehicle_agent.visits.stops import todays_stop
from vehicle_agent.visits.versions import get, listed
from vehicle_agent.visits.views import DeviceView, EncounterView, Quarantined, RecordingView, TodayView
from vehicle_agent.visits.ways import WAYS, ways


class Scene(NamedTuple):
    """What views need beside the store: the devices, the time, and the wire hashes under way just now."""

    roster: Roster
    now: datetime
    sending: frozenset[str] = frozenset()


def today(conn: Connection, vehicle: str, now: datetime) -> TodayView:
    """Today's stop and its queue."""
    day = now.astimezone(CHINA).date()
    stop = todays_stop(conn, vehicle, day)
    plan = plan_of_day(conn, day)
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
                detail_zh=state.detail_zh,
                detail_en=state.detail_en,
                sample=sample_of(armed.encounter, device.id) if armed and device.modality in SAMPLED else "",
            )
        )
    return views


def recordings(conn: Connection, found: Sequence[Recording], scene: Scene) -> list[RecordingView]:
    """The views of these recordings, in their order."""
    far = ways(conn, [text for one in found for text in (one.id, one.reading.raw.sha256)], scene.sending)
    views = []
    for recording in found:
        both = (far.get(recording.id, "queued"), far.get(recording.reading.raw.sha256, "queued"))
        arrived = recording.reading.stamp.vehicle_time
        name_zh, name_en = scene.roster.names(recording.reading.device)
        why = _reason(recording)
        views.append(
            RecordingView(
                recording=recording,
                device_name_zh=name_zh,
                device_name_en=name_en,
                arrived_ms=to_ms(arrived),
                way=min(both, key=WAYS.index),
                age_s=(scene.now - arrived).total_seconds(),
                reason_zh=why.zh,
                reason_en=why.en,
            )
        )
    return views


def encounter(conn: Connection, encounter_id: EncounterId, scene: Scene) -> EncounterView:
    """One encounter with its person, recordings and the devices.

    Raises:
        NotFound: no such encounter.
    """
    found = get(conn, Encounter, encounter_id).thing
    mine = [version.thing for version in listed(conn, Recording, where={"binding.encounter": encounter_id})]
    return EncounterView(
        encounter=found,
        patient=get(conn, Patient, found.patient).thing,
        recordings=recordings(conn, mine, scene),
        devices=[
            view
            for view in devices(conn, scene.roster, scene.now)
            if scene.roster.get(view.device).subject == "patient"
        ],
    )


def instruments(conn: Connection, scene: Scene) -> list[RecordingView]:
    """The last reading of each of the vehicle's own instruments that has one."""
    last = []
    for device in scene.roster:
        if device.subject == "vehicle":
            where = {"reading.device": device.id, "status": RecordingStatus.VEHICLE.value}
            last += [version.thing for version in listed(conn, Recording, where=where, newest_first=True, limit=1)]
    return recordings(conn, last, scene)


def unbound(conn: Connection, scene: Scene) -> list[RecordingView]:
    """What waits for a person, oldest first."""
    waiting = listed(conn, Recording, where={"status": RecordingStatus.UNBOUND.value})
    return recordings(conn, [version.thing for version in waiting], scene)


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
