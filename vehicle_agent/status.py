"""The agent's own account of itself, for `clinic vehicle status`, the doctor and the demo."""

import resource
from pathlib import Path

import msgspec

from clinic_records.record import Lane
from vehicle_agent.store.raw_retention import Cleared
from vehicle_agent.store.retention import DiskView
from vehicle_agent.visits.views import DeviceView, LaneCounts, SyncView, UrgentView


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What runs and what waits. Counts of the store are None while it is locked.

    Attributes:
        inbox: deliveries not yet in the store.
        waits: things the hospital has not received, as far as can be known; while the store is locked, big blobs
            that were not sealed yet are not known.
        disk: what is left of the disk.
        keep_days: for how long what the hospital received stays here.
        cleared: what the retention took away since the agent began.
        carried: other vehicles' envelopes brought by stick: how many of each wait, and how many the hospital has.
        urgent: what was marked urgent in the last day, with who has seen it.
        resident_bytes: memory of the agent's own process.
    """

    vehicle: str
    hospital: str
    pid: int
    is_open: bool
    web_url: str
    dicom_port: int
    listener_pid: int
    child_pids: list[int]
    resident_bytes: int
    sync: SyncView
    inbox: int
    unbound: int | None
    quarantine: int | None
    schedule_version: int | None
    waits: int
    disk: DiskView
    keep_days: int
    cleared: Cleared
    carried: dict[str, tuple[int, int]]
    urgent: list[UrgentView] | None
    devices: list[DeviceView]


def total_of(lanes: dict[str, LaneCounts]) -> LaneCounts:
    """The sum over all lanes; the oldest is the oldest of any."""
    values = lanes.values()
    return LaneCounts(
        queued=sum(lane.queued for lane in values),
        sending=sum(lane.sending for lane in values),
        received=sum(lane.received for lane in values),
        seen=sum(lane.seen for lane in values),
        held=sum(lane.held for lane in values),
        refused=sum(lane.refused for lane in values),
        oldest_s=max((lane.oldest_s for lane in values), default=0.0),
    )


def with_seen(view: SyncView, urgent: list[UrgentView]) -> SyncView:
    """The counts with how many urgent ones a named person has seen."""
    seen = sum(each.seen_at is not None for each in urgent)
    lanes = {**view.lanes, Lane.P0.value: msgspec.structs.replace(view.lanes[Lane.P0], seen=seen)}
    return msgspec.structs.replace(view, lanes=lanes, total=total_of(lanes))


def resident_bytes() -> int:
    """Resident memory of this process (proc(5), statm, second field, in pages)."""
    text = Path("/proc/self/statm").read_text("ascii")
    return int(text.split()[1]) * resource.getpagesize()
