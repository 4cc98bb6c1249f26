"""What must not wait in silence at the hospital (law 6): computed from what is known at the time of asking.

Rows of the table `alarms` are what happened once (a fork, a stranger, a number used twice); the rest here is what
stands: a vehicle that should be out and is silent, a session that moves nothing, an urgent one nobody has seen.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select, update

from clinic_records.audit import AuditHead
from clinic_records.clock import CHINA, from_ms, to_ms
from clinic_records.errors import NotFound, RefusedInput
from clinic_records.people import Author
from clinic_records.record import Kind, Lane
from clinic_records.schedule import PublishedSchedule
from cloud_hospital.downlinks.own_records import open_questions
from cloud_hospital.held import WORDS
from cloud_hospital.hospital import Hospital
from cloud_hospital.seen import urgent_cases
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, downlink, entries, quarantine, transfers, vehicles
from schedules.folder import PlanFolder
from schedules.publish import in_force

SILENT: Final = timedelta(hours=24)
"""Law 6: so long after the end of a stop that was planned, its vehicle's data is overdue."""
LOOKED_BACK: Final = timedelta(days=14)
"""Stops further back than that are not looked at: whoever is silent for two weeks is known."""
STALLED: Final = timedelta(minutes=30)
"""Law 6: a transfer that was begun and has not moved for so long, its vehicle being there."""
PRESENT: Final = timedelta(minutes=5)
"""A vehicle heard so lately is there."""
DOWN_LATE: Final = {Lane.P0: timedelta(minutes=30), Lane.P1: timedelta(hours=24)}
"""How long an urgent envelope for a vehicle may wait before a person should use the telephone."""
AUDITED: Final = timedelta(days=30)
"""How far back heads of audits are compared."""
DISK_LOW: Final = 20 * 10**9
"""Bytes of the hospital's disk below which a person should look: two days of a county's ultrasound. Our choice."""


HAPPENED: Final[Mapping[str, tuple[str, str]]] = {
    "fork": (
        "有两台主机用同一份磁盘，已暂停收发；查清后重新登记",
        "two boxes speak from one disk, both are held; enrol anew",
    ),
    "rolled-back": (
        "医院数据库是旧备份恢复的，各车在重发",
        "our database was restored; vehicles offer everything again",
    ),
    "rejoined": ("车载主机从备份恢复，已给新的编号段", "its box was restored from a backup and counts in a new stream"),
    "closed-stream": ("收到恢复以前编号段的数据，可能有克隆", "data of a stream that was closed: perhaps a clone"),
    "number-reused": ("一个编号用了两次", "one number was used for two things"),
    "too-old": ("程序太旧，升级车上程序", "its program is too old: upgrade it"),
    "too-new": ("车上程序比医院新，升级医院程序", "its program is too new for ours: upgrade the hospital"),
    "issued-twice": (
        "恢复以前发给车上的一个版本和现在的内容不同，请核对",
        "it holds another content of a version that we made again after a restoration: compare both",
    ),
    "unknown": ("没有登记", "it is not enrolled"),
}
"""What happened once, by its code, Chinese and English."""


class Standing(msgspec.Struct, frozen=True):
    """An alarm that stands now: a code for machines, a sentence in both languages.

    `n` is its row where it happened once and a person must end it; 0 where it ends by itself.
    """

    code: str
    vehicle: str
    zh: str
    en: str
    since: str
    n: int = 0


def standing(hospital: Hospital) -> list[Standing]:
    """All of them, those that need a telephone first."""
    now = hospital.now()
    plans, damaged = _plans(hospital, now)
    with reading(hospital.engine) as connection:
        found = [
            *damaged,
            *_unseen(connection, now),
            *_down_late(connection, now),
            *_stalled(connection, now),
            *_silent(connection, plans, hospital.log.revoked(), now),
            *_audits(connection, now),
            *_happened(connection),
            *_held(connection),
            *_asking_back(connection, hospital),
        ]
    return found + _disk(hospital, now)


def _plans(hospital: Hospital, now: datetime) -> tuple[list[PublishedSchedule], list[Standing]]:
    """The published versions; an altered file is an alarm of its own and stops no other."""
    try:
        return PlanFolder(hospital.folder.root).versions(), []
    except RefusedInput as error:
        said = Standing(
            "schedule-damaged", "", f"班表文件被改过：{error}", f"a schedule was altered: {error}", now.isoformat()
        )
        return [], [said]


def _unseen(connection: Connection, now: datetime) -> Iterator[Standing]:
    for case in urgent_cases(connection, now):
        if case.is_late:
            minutes = int(case.age_s // 60)
            yield Standing(
                "unseen",
                case.vehicle,
                f"{case.vehicle} 的加急 {minutes} 分钟没有人看",
                f"An urgent case of {case.vehicle} has been seen by nobody for {minutes} minutes",
                case.received_at.isoformat(),
            )


def _down_late(connection: Connection, now: datetime) -> Iterator[Standing]:
    for lane, limit in DOWN_LATE.items():
        query = (
            select(downlink.c.vehicle, func.count().label("count"), func.min(downlink.c.queued_at).label("oldest"))
            .where(
                downlink.c.lane == lane.value, downlink.c.verdict.is_(None), downlink.c.queued_at < to_ms(now - limit)
            )
            .group_by(downlink.c.vehicle)
            .order_by(downlink.c.vehicle)
        )
        for row in connection.execute(query):
            yield Standing(
                "down-late",
                row.vehicle,
                f"{row.vehicle} 有 {row.count} 件{lane.upper()} 没有收到，打电话",
                f"{row.count} {lane.upper()} items have not reached {row.vehicle}: phone",
                from_ms(row.oldest).isoformat(),
            )
    query = (
        select(downlink.c.vehicle, func.count().label("count"), func.min(downlink.c.settled_at).label("oldest"))
        .where(downlink.c.verdict == "held")
        .group_by(downlink.c.vehicle)
        .order_by(downlink.c.vehicle)
    )
    for row in connection.execute(query):
        yield Standing(
            "down-not-understood",
            row.vehicle,
            f"{row.vehicle} 看不懂 {row.count} 件，升级车上程序",
            f"{row.vehicle} does not understand {row.count} items: upgrade its program",
            from_ms(row.oldest).isoformat(),
        )


def _stalled(connection: Connection, now: datetime) -> Iterator[Standing]:
    query = (
        select(transfers.c.vehicle, func.max(transfers.c.updated_at).label("last"))
        .join(vehicles, vehicles.c.id == transfers.c.vehicle)
        .where(vehicles.c.last_contact >= to_ms(now - PRESENT))
        .group_by(transfers.c.vehicle)
        .having(func.max(transfers.c.updated_at) < to_ms(now - STALLED))
        .order_by(transfers.c.vehicle)
    )
    for row in connection.execute(query):
        yield Standing(
            "stalled",
            row.vehicle,
            f"{row.vehicle} 在线，但 30 分钟没有新数据",
            f"{row.vehicle} is online, but nothing has come for 30 minutes",
            from_ms(row.last).isoformat(),
        )


def _silent(
    connection: Connection, plans: list[PublishedSchedule], revoked: frozenset[str], now: datetime
) -> Iterator[Standing]:
    """Vehicles that had a stop by the plan, and of which nothing was heard since it began, for a day after its end."""
    rows = connection.execute(select(vehicles.c.id, vehicles.c.last_contact).order_by(vehicles.c.id)).all()
    for row in rows:
        heard = None if row.last_contact is None else from_ms(row.last_contact)
        if row.id not in revoked and (ended := last_planned(plans, row.id, heard, now)) is not None:
            yield Standing(
                "silent",
                row.id,
                f"{row.id} 按班表 {ended.astimezone(CHINA):%m月%d日 %H:%M} 收诊，之后一直没有消息",
                f"{row.id} should have ended a stop at {ended.astimezone(CHINA):%Y-%m-%d %H:%M}; nothing heard since",
                ended.isoformat(),
            )


def last_planned(
    plans: list[PublishedSchedule], vehicle: str, heard: datetime | None, now: datetime
) -> datetime | None:
    """End of the first planned stop since which a vehicle owes a word for more than SILENT; None where it owes none.

    Args:
        plans: every published version.
        vehicle: its id.
        heard: when it was last heard; None: never.
        now: the hospital's time.
    """
    today = now.astimezone(CHINA).date()
    days = [today - timedelta(days=back) for back in range(LOOKED_BACK.days, -1, -1)]
    for day in days:
        plan = in_force(plans, day)
        for visit in sorted(plan.visits if plan else (), key=lambda each: each.start):
            if visit.vehicle_id != vehicle or visit.date != day:
                continue
            began = datetime.combine(day, visit.start, CHINA)
            ended = datetime.combine(day, visit.end, CHINA)
            if (heard is None or heard < began) and now - ended > SILENT:
                return ended
    return None


def _happened(connection: Connection) -> Iterator[Standing]:
    """Rows of `alarms`; what was set aside stands as one count instead."""
    wanted = (alarms.c.done_at.is_(None), alarms.c.code.not_in(sorted(WORDS)))
    for row in connection.execute(select(alarms).where(*wanted).order_by(alarms.c.n.desc()).limit(200)):
        zh, en = HAPPENED.get(row.code, (row.code, row.code))
        yield Standing(
            row.code,
            row.vehicle,
            f"{row.vehicle}：{zh} {row.detail}".rstrip(),
            f"{row.vehicle}: {en} {row.detail}".rstrip(),
            from_ms(row.at).isoformat(),
            row.n,
        )


def end_alarm(hospital: Hospital, number: int, by: Author) -> None:
    """A named person has dealt with what happened.

    Raises:
        NotFound: no such alarm stands.
    """
    now = hospital.now()
    with writing(hospital.engine) as connection:
        wanted = (alarms.c.n == number, alarms.c.done_at.is_(None))
        row = connection.execute(select(alarms).where(*wanted)).one_or_none()
        if row is None:
            raise NotFound(f"no alarm {number} stands")
        said = f"{row.detail} [done by {by.name} ({by.staff})]".lstrip()
        connection.execute(update(alarms).where(*wanted).values(done_at=to_ms(now), detail=said))


def _audits(connection: Connection, now: datetime) -> Iterator[Standing]:
    """Heads of a vehicle's audit must grow: one that does not was rewritten after we had signed for it (rule 25)."""
    query = select(entries.c.vehicle, entries.c.payload, entries.c.received_at).where(
        entries.c.kind == Kind.AUDIT_HEAD.value, entries.c.received_at >= to_ms(now - AUDITED)
    )
    last: dict[tuple[str, int], AuditHead] = {}
    for row in connection.execute(query.order_by(entries.c.vehicle, entries.c.incarnation, entries.c.seq)):
        head = msgspec.json.decode(row.payload, type=AuditHead)
        before = last.get((row.vehicle, head.incarnation))
        if before is not None and (head.count < before.count or (head.count == before.count and head != before)):
            yield Standing(
                "audit-rewritten",
                row.vehicle,
                f"{row.vehicle} 的操作记录被改过：第 {head.count} 条",
                f"The audit of {row.vehicle} was rewritten at entry {head.count}",
                from_ms(row.received_at).isoformat(),
            )
        last[row.vehicle, head.incarnation] = head


def _held(connection: Connection) -> Iterator[Standing]:
    query = select(func.count(), func.min(quarantine.c.received_at)).where(quarantine.c.done_at.is_(None))
    count, oldest = connection.execute(query).one()
    if count:
        yield Standing(
            "set-aside",
            "",
            f"{count} 件搁置，等人决定",
            f"{count} items were set aside and wait for a person",
            from_ms(oldest).isoformat(),
        )


def _asking_back(connection: Connection, hospital: Hospital) -> Iterator[Standing]:
    for each in open_questions(connection, hospital):
        if not each.is_allowed:
            command = f"clinic hospital give-back DIR {each.vehicle} --staff ID"
            yield Standing(
                "asks-back",
                each.vehicle,
                f"{each.vehicle} 恢复后要拿回自己的记录；确认是本车再放行：{command}",
                f"{each.vehicle} was restored and asks for its own records; be sure that it is ours, then: {command}",
                each.since.isoformat(),
            )


def _disk(hospital: Hospital, now: datetime) -> list[Standing]:
    found = os.statvfs(hospital.folder.root)
    free = found.f_bavail * found.f_frsize
    if free >= DISK_LOW:
        return []
    gb = f"{free / 1e9:.1f}"
    return [
        Standing("disk-low", "", f"医院磁盘只剩 {gb} GB", f"{gb} GB of the hospital's disk are left", now.isoformat())
    ]
