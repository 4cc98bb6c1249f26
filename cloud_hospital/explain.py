"""The life of one thing as the hospital knows it: which numbers brought it, what was answered, who changed it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from clinic_records.clock import CHINA, from_ms
from clinic_records.errors import NotFound
from clinic_records.people import Author
from cloud_hospital.held import WORDS
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import arrivals, blobs, downlink, entries, issued, quarantine, receipts
from sync.ports import Receipt


class Step(msgspec.Struct, frozen=True):
    """One line of a life, in both languages."""

    at: datetime
    zh: str
    en: str


def explain(hospital: Hospital, thing: str) -> list[Step]:
    """Everything known of a record's id, a blob's hash or an envelope's, in order of time.

    Raises:
        NotFound: nothing is known of it.
    """
    with reading(hospital.engine) as connection:
        steps = [
            *_versions(connection, thing),
            *_blobs(connection, thing),
            *_answers(connection, thing),
            *_aside(connection, thing),
            *_down(connection, thing),
        ]
    if not steps:
        raise NotFound(f"nothing is known here of {thing[:80]}")
    return sorted(steps, key=lambda step: step.at)


def in_words(steps: list[Step], lang: str) -> str:
    """The life as lines for a screen; times are China's."""
    return "\n".join(
        f"{step.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}  {step.en if lang == 'en' else step.zh}" for step in steps
    )


class _Said(msgspec.Struct):
    lane: str
    recorded_ms: int
    author: Author | None = None


def _versions(connection: Connection, thing: str) -> list[Step]:
    steps = []
    query = select(entries).where(entries.c.id == thing).order_by(entries.c.n)
    for row in connection.execute(query):
        said = msgspec.json.decode(row.header, type=_Said)
        by = said.author.name if said.author else "—"
        version = f"revision {row.revision}"
        what = f"{row.kind} {row.vehicle} {row.incarnation}/{row.seq} {said.lane.upper()}"
        steps += [
            Step(from_ms(said.recorded_ms), f"{by} 在车上记录 {version}", f"made on the vehicle by {by}, {version}"),
            Step(from_ms(row.received_at), f"收下：{what} {version}", f"taken: {what} {version}"),
        ]
    return steps


def _blobs(connection: Connection, thing: str) -> list[Step]:
    query = select(blobs).where(blobs.c.sha256 == thing).order_by(blobs.c.vehicle)
    return [
        Step(
            from_ms(row.received_at),
            f"收下原始数据：{row.vehicle}，{row.size} 字节",
            f"raw bytes taken: {row.vehicle}, {row.size} bytes",
        )
        for row in connection.execute(query)
    ]


def _answers(connection: Connection, thing: str) -> list[Step]:
    """Every receipt that speaks of it; those of the vehicles that brought it are read through."""
    brought = select(arrivals.c.vehicle).where(arrivals.c.id == thing).distinct()
    query = select(receipts.c.vehicle, receipts.c.receipt).where(
        receipts.c.vehicle.in_(brought) | (receipts.c.wire_sha256 == thing)
    )
    found = [(row.vehicle, msgspec.json.decode(row.receipt, type=Receipt)) for row in connection.execute(query)]
    return [_receipt(vehicle, said) for vehicle, said in found if thing in {said.id, said.wire_sha256}]


def _receipt(vehicle: str, said: Receipt) -> Step:
    why = f" ({said.reason})" if said.reason else ""
    return Step(
        said.at,
        f"给 {vehicle} 的回执第 {said.receipt_seq} 号：{said.verdict}{why}",
        f"receipt {said.receipt_seq} for {vehicle}: {said.verdict}{why}",
    )


def _aside(connection: Connection, thing: str) -> list[Step]:
    steps = []
    query = select(quarantine).where(quarantine.c.wire_sha256 == thing).order_by(quarantine.c.n)
    for row in connection.execute(query):
        zh, en = WORDS.get(row.reason, (row.reason, row.reason))
        steps.append(Step(from_ms(row.received_at), f"搁置第 {row.n} 件：{zh}", f"set aside as {row.n}: {en}"))
        if row.done_at is not None:
            by, decision = row.decided_by or "—", row.decision or "taken"
            steps.append(
                Step(from_ms(row.done_at), f"决定：{decision}，{by}：{row.note}", f"{decision} by {by}: {row.note}")
            )
    return steps


def _down(connection: Connection, thing: str) -> list[Step]:
    steps = []
    for row in connection.execute(select(issued).where(issued.c.id == thing).order_by(issued.c.n)):
        what = f"{row.kind} {row.revision}"
        steps.append(Step(from_ms(row.made_at), f"医院开出：{what}", f"made at the hospital: {what}"))
    query = select(downlink).where((downlink.c.id == thing) | (downlink.c.wire_sha256 == thing)).order_by(downlink.c.n)
    for row in connection.execute(query):
        to = f"{row.vehicle} {row.lane.upper()}"
        steps.append(Step(from_ms(row.queued_at), f"排队发给 {to}", f"queued for {to}"))
        if row.settled_at is not None:
            steps.append(
                Step(from_ms(row.settled_at), f"{row.vehicle} 回执：{row.verdict}", f"{row.vehicle}: {row.verdict}")
            )
    return steps
