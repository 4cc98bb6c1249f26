"""The agent's own account of itself, for `clinic vehicle status`, the doctor and the demo."""

import resource
from pathlib import Path
from typing import Final

import msgspec

from vehicle_agent.visits.views import DeviceView, LaneCounts, SyncView


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What runs and what waits. Counts of the store are None while it is locked.

    Attributes:
        inbox: deliveries not yet in the store.
        waits: things the hospital has not received, as far as can be known; while the store is locked, big blobs
            that were not sealed yet are not known.
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
    devices: list[DeviceView]


ALARMS: Final = {
    "peer-refused": "对方不是本车登记的医院，联系管理员 · Not this vehicle's hospital; call the administrator",
    "broker-refused": "服务器拒绝本车：地址不对或登记已失效，联系管理员 · "
    "The broker refuses this vehicle: wrong address, or its enrolment is void; call the administrator",
    "fork": "本车的磁盘可能被复制过，已暂停收发 · This vehicle's disk may have been copied; sending is held",
    "unknown-vehicle": "医院不认识本车，请重新登记 · The hospital does not know this vehicle; enrol it again",
    "too-old": "本车程序太旧，请升级 · This vehicle's program is too old; upgrade it",
}
"""Key of the courier's alarm -> what the page says."""


OVERDUE_S: Final = 24 * 3600.0
"""Law 6: routine data that no receipt has ended for so long is an alarm."""


def overdue(total: LaneCounts) -> str:
    """A sentence where the oldest thing the hospital has not received waits for more than a day; else empty."""
    if total.oldest_s <= OVERDUE_S:
        return ""
    hours = int(total.oldest_s // 3600)
    return (
        f"最老的数据 {hours} 小时没有送到医院，把车开到有信号的地方或联系管理员"
        f" · The oldest item has waited {hours} hours for the hospital; drive to coverage or call the administrator"
    )


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


def resident_bytes() -> int:
    """Resident memory of this process (proc(5), statm, second field, in pages)."""
    text = Path("/proc/self/statm").read_text("ascii")
    return int(text.split()[1]) * resource.getpagesize()
