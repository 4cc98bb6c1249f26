"""What must not wait in silence on the vehicle (law 6): one table of sentences, Chinese and English.

An alarm is a code, for machines, and what the person in front of the screen can do.
"""

from collections.abc import Mapping
from typing import Final

from vehicle_agent.stall import STALLED_S
from vehicle_agent.store.resuming import Resuming
from vehicle_agent.store.retention import DiskLevel, DiskView
from vehicle_agent.visits.views import AlarmView, LaneCounts, UrgentView

OVERDUE_S: Final = 24 * 3600.0
"""Law 6: routine data that no receipt has ended for so long is an alarm."""

LINK: Final[Mapping[str, tuple[str, str]]] = {
    "peer-refused": (
        "对方不是本车登记的医院，联系管理员",
        "Not this vehicle's hospital; call the administrator",
    ),
    "broker-refused": (
        "服务器拒绝本车：地址不对或登记已失效，联系管理员",
        "The broker refuses this vehicle: wrong address, or its enrolment is void; call the administrator",
    ),
    "fork": (
        "本车的磁盘可能被复制过，已暂停收发，联系管理员",
        "This vehicle's disk may have been copied; sending is held; call the administrator",
    ),
    "unknown-vehicle": ("医院不认识本车，请重新登记", "The hospital does not know this vehicle; enrol it again"),
    "too-old": ("本车程序太旧，请升级", "This vehicle's program is too old; upgrade it"),
    "too-new": ("医院程序太旧，请管理员升级", "The hospital's program is too old for this vehicle; have it upgraded"),
}
"""Key of the courier's alarm -> what the page says."""

DISK: Final[Mapping[DiskLevel, tuple[str, str]]] = {
    DiskLevel.TIGHT: (
        "车上磁盘剩 {free} GB，请在几天内找维护人员",
        "{free} GB of the vehicle's disk are left; have the maintainers look within days",
    ),
    DiskLevel.LOW: (
        "车上磁盘只剩 {free} GB，今天就找维护人员；把车开到有信号的地方",
        "Only {free} GB of the vehicle's disk are left: call the maintainers today and drive to coverage",
    ),
    DiskLevel.CARE_ONLY: (
        "车上磁盘满了：设备数据收不进来，请留在设备里；您的录入还能存。马上找维护人员",
        "The vehicle's disk is full: keep device data in the device; what you enter is saved. Call the maintainers",
    ),
}


def link_alarm(code: str) -> list[AlarmView]:
    """The courier's own alarm; one whose code is not known here is shown as it is."""
    return [AlarmView(code, *LINK.get(code, (code, code)))] if code else []


def overdue(total: LaneCounts) -> list[AlarmView]:
    """The oldest thing the hospital has not received waits for more than a day."""
    if total.oldest_s <= OVERDUE_S:
        return []
    hours = int(total.oldest_s // 3600)
    zh = f"最老的数据 {hours} 小时没有送到医院，把车开到有信号的地方或联系管理员"
    en = f"The oldest item has waited {hours} hours for the hospital; drive to coverage or call the administrator"
    return [AlarmView("overdue", zh, en)]


def stalled(silent_s: float) -> list[AlarmView]:
    """Online for half an hour, and nothing moved."""
    if silent_s < STALLED_S:
        return []
    minutes = int(silent_s // 60)
    zh = f"有网，但 {minutes} 分钟没有任何数据送到医院，联系管理员"
    en = f"Online, but nothing reached the hospital for {minutes} minutes; call the administrator"
    return [AlarmView("stalled", zh, en)]


def disk_alarm(disk: DiskView) -> list[AlarmView]:
    """The disk is filling."""
    if disk.level not in DISK:
        return []
    zh, en = (text.format(free=f"{disk.free / 1e9:.1f}") for text in DISK[disk.level])
    return [AlarmView(f"disk-{disk.level}", zh, en)]


def down_alarm(not_taken: int) -> list[AlarmView]:
    """What the hospital sent cannot be understood here."""
    if not not_taken:
        return []
    zh = f"医院发来的 {not_taken} 件本车看不懂或不收，请升级本车程序或联系管理员"
    en = f"{not_taken} items from the hospital are not understood or not taken here; upgrade, or call the administrator"
    return [AlarmView("down-not-taken", zh, en)]


def resuming_alarm(state: Resuming | None) -> list[AlarmView]:
    """This box was restored, and its own newer records have not come back."""
    if state is None or state.is_whole:
        return []
    zh = "本车数据恢复过，恢复之后的旧记录还没从医院发回：先只建新诊次"
    en = "This box was restored and its newer records have not come back from the hospital: begin new encounters only"
    return [AlarmView("resuming", zh, en)]


def unseen(urgent: list[UrgentView]) -> list[AlarmView]:
    """Urgent ones that nobody has seen for two minutes and about which nobody has phoned."""
    names = [each.patient_name for each in urgent if each.needs_call]
    if not names:
        return []
    who = "、".join(names[:3])
    return [AlarmView("unseen", f"{who}：加急还没有人看，打电话", f"{who}: nobody has seen it yet, phone")]


def sentence(alarms: list[AlarmView]) -> str:
    """All of them in one line, both languages."""
    return "; ".join(f"{each.zh} · {each.en}" for each in alarms)
