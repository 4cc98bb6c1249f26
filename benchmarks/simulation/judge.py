"""What must hold once faults have ended and time has run on: the promises, one by one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, select

from benchmarks.simulation.box import Box
from benchmarks.simulation.world import HOUR_S, START, World
from clinic_records.consult import Retraction
from clinic_records.errors import ClinicError
from clinic_records.ids import sha256_hex
from clinic_records.record import Kind, Lane
from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import (
    alarms,
    arrivals,
    blobs,
    downlink,
    entries,
    feed,
    feed_pending,
    quarantine,
    vehicles,
)
from sync.keys import OriginPublic
from sync.memory import Standstill, Weather
from sync.ports import Verdict
from sync.seal import open_wire
from vehicle_agent.store.merge.retractions import is_retracted
from vehicle_agent.store.records import get_version

SAME_SESSION_S: Final = 4 * HOUR_S
"""A 16 kbit/s link moves 28 MB in it: what is still open then, in a session without fault, is stuck."""
SESSIONS_S: Final = 12 * HOUR_S
"""What was refused waits for a new session: one an hour, so long."""
SPOKEN: Final = 4
"""Sessions in turns of a clone and its twin after which the token must have told them apart (sync rule 7)."""
ALARMS_S: Final = 6 * HOUR_S
"""Seconds between two looks at the hospital's alarms."""
REVOKED_S: Final = 5.0
"""Seconds until the intake has noticed a revocation."""
EXCUSED: Final = {
    "fork": ("vehicle-restored-untold", "cloned"),
    "rolled-back": ("hospital-restored",),
    "number-reused": ("vehicle-restored-untold", "cloned"),
}
"""Alarm of the hospital -> the disasters without one of which it is false."""


def judge(world: World) -> None:
    """Let the world heal and hold it to its promises; what is broken is in `world.violations`."""
    _heal(world)
    try:
        _settle(world)
    except Standstill as error:
        world.accuse(f"standstill: {error}")
        return
    hospital = world.county.hospital
    if hospital is None:
        world.accuse("the hospital does not come back")
        return
    sequence(hospital.engine)
    _judge_up(world, hospital)
    for _, box in _trusted(world):
        _judge_down(world, box)
        _judge_counts(world, hospital, box)
    _judge_alarms(world, hospital)


def _heal(world: World) -> None:
    """Faults end: disks are emptied, machines that are off started, links become calm; sessions that stand go on."""
    world.county.disk.is_full = False
    world.county.disk.kill_at = 0
    world.net.has_coverage = True
    world.start_hospital()
    for vehicle, box in world.boxes.items():
        box.disk.is_full = False
        box.disk.kill_at = 0
        calm = Weather(bytes_per_s=max(box.weather.bytes_per_s, 8_000), latency_s=box.weather.latency_s)
        world.set_weather(vehicle, calm)
        if vehicle not in world.truth.revoked:
            world.start(box)
        world.net.cover(vehicle, has_coverage=True)
    world.say("everything heals")


def _settle(world: World) -> None:
    world.run_for(60.0)
    if not world.net.run(lambda: not any(_waiting(world)), SAME_SESSION_S):
        for what in _waiting(world):
            world.accuse(f"stuck: {what}")
    until = world.now_s + SESSIONS_S
    while world.now_s < until and any(_refused(world)):
        world.run_for(HOUR_S)
        for vehicle in world.boxes:
            world.net.cut(vehicle)
    world.run_for(60.0)
    for _, box in _trusted(world):
        if box.is_open:
            box.do(box.keep_what_came)
    for what in _refused(world):
        world.accuse(f"stuck: {what}")


def _trusted(world: World) -> list[tuple[str, Box]]:
    return [(vehicle, box) for vehicle, box in world.boxes.items() if vehicle not in world.truth.revoked]


def _waiting(world: World) -> Iterator[str]:
    """What moves by itself and has not arrived yet."""
    for vehicle, box in _trusted(world):
        if box.spool is None or box.store is None:
            yield f"{vehicle} does not start"
            continue
        for lane, count in box.spool.up.counts().items():
            if count.queued:
                yield f"{count.queued} of {vehicle} in {lane}"
        if box.sealer is not None and box.sealer.unsealed():
            yield f"{vehicle} has rows that are not in the spool"
        if box.spool.down.downlink_pending():
            yield f"{vehicle} has not merged what came"
    for row in _down_rows(world):
        if row.verdict is None:
            yield f"{row.kind} {row.id} down to {row.vehicle}"


def _refused(world: World) -> Iterator[str]:
    """What waits for another session, or for a person."""
    for vehicle, box in _trusted(world):
        if box.spool is not None:
            for lane, count in box.spool.up.counts().items():
                if count.refused or count.queued:
                    yield f"{count.refused} refused and {count.queued} open of {vehicle} in {lane}"
    for row in _down_rows(world):
        if row.verdict == Verdict.REFUSED:
            yield f"{row.kind} {row.id} is refused by {row.vehicle}"


def _down_rows(world: World) -> list[Row[Any]]:
    if world.county.hospital is None:
        return []
    with reading(world.county.hospital.engine) as connection:
        rows = connection.execute(select(downlink).order_by(downlink.c.n)).all()
    return [row for row in rows if row.vehicle not in world.truth.revoked]


def _judge_up(world: World, hospital: Hospital) -> None:
    """Nothing promised is lost, nothing is altered, twice, or from nowhere."""
    with reading(hospital.engine) as connection:
        rows = connection.execute(select(entries)).all()
        kept_blobs = connection.execute(select(blobs)).all()
        aside = connection.execute(select(quarantine)).all()
    _judge_entries(world, rows)
    _judge_blobs(world, hospital, kept_blobs)
    _judge_feed(world, hospital, rows)
    there = Counter((row.id, row.revision, row.sha256) for row in rows)
    there.update({(sha256, 1, sha256) for sha256 in [row.sha256 for row in kept_blobs]})
    for (thing, revision, sha256), count in there.items():
        if count > 1:
            world.accuse(f"twice: {thing}/{revision} {count} times")
        if (thing, revision, sha256) not in world.truth.made:
            world.accuse(f"phantom: {thing}/{revision} {sha256[:16]}")
    held = set(_contents_aside(hospital, [row.path for row in aside]))
    for key, made in world.truth.made.items():
        if not made.is_promised or made.lost or made.vehicle in world.truth.revoked:
            continue
        if key not in there and key not in held:
            world.accuse(f"lost: {made.kind} {made.id[:36]}/{made.revision} of {made.box}, saved at {made.saved_s:.0f}")


def _judge_entries(world: World, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        if sha256_hex(row.payload) != row.sha256:
            world.accuse(f"altered: {row.kind} {row.id}/{row.revision}")
        at_s = row.received_at / 1000 - START.timestamp()
        if at_s > world.truth.revoked.get(row.vehicle, at_s) + REVOKED_S:
            world.accuse(f"believed: {row.kind} {row.id} came from {row.vehicle} after its revocation")


def _judge_blobs(world: World, hospital: Hospital, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        path = hospital.folder.root / row.path
        if not path.exists() or sha256_hex(path.read_bytes()) != row.sha256:
            world.accuse(f"altered or gone: blob {row.sha256[:16]} of {row.vehicle}")


def _judge_feed(world: World, hospital: Hospital, rows: Sequence[Row[Any]]) -> None:
    """The county's numbers are dense, and each encounter and recording has one (sync rule 9)."""
    with reading(hospital.engine) as connection:
        fed = set(connection.execute(select(feed.c.entry)).scalars())
        numbers = list(connection.execute(select(feed.c.feed_seq).order_by(feed.c.feed_seq)).scalars())
        waiting = connection.execute(select(feed_pending)).all()
    for row in rows:
        if row.kind in {Kind.ENCOUNTER, Kind.RECORDING} and row.n not in fed:
            world.accuse(f"not fed: {row.kind} {row.id}/{row.revision}")
    if waiting or numbers != list(range(1, len(numbers) + 1)):
        world.accuse(f"the feed has gaps: {len(numbers)} numbers up to {numbers[-1:]}, {len(waiting)} not numbered")


def _contents_aside(hospital: Hospital, paths: list[str]) -> Iterator[tuple[str, int, str]]:
    """(id, revision, hash) of everything that lies whole in quarantine."""
    with reading(hospital.engine) as connection:
        public = {row.id: row.sign_public for row in connection.execute(select(vehicles)).all()}
    for path in paths:
        name = (hospital.folder.root / path).name
        for raw in [public[vehicle] for vehicle in public if name.startswith(f"{vehicle}-") and name.endswith(".wire")]:
            try:
                opened = open_wire(
                    hospital.folder.root / path, origin=OriginPublic(raw), recipients=hospital.keys.keyring
                )
            except (ClinicError, OSError):
                continue
            yield opened.header.id, opened.header.revision, opened.header.sha256


def _judge_down(world: World, box: Box) -> None:
    """What the hospital says was taken is in the vehicle's store, unchanged; a retraction is never overtaken."""
    store = box.store
    if store is None:
        return
    put_back_s = world.truth.untold.get(box.vehicle, 0.0)
    forgotten = {sent.id for sent in world.truth.sent if sent.vehicle == box.vehicle and sent.queued_s < put_back_s}
    for row in _down_rows(world):
        if row.vehicle != box.vehicle or row.id in forgotten:
            continue
        if row.verdict not in {Verdict.APPLIED, Verdict.DUPLICATE}:
            if row.verdict != Verdict.HELD:
                world.accuse(f"down: {row.kind} {row.id} stands {row.verdict} at {box.vehicle}")
            continue
        try:
            found = store.read(lambda conn, row=row: get_version(conn, Kind(row.kind), row.id, row.revision))  # type: ignore[misc]
        except ClinicError:
            world.accuse(f"down: {row.kind} {row.id} was answered by {box.vehicle} and is not there")
            continue
        if found.sha256 != row.sha256:
            world.accuse(f"down: {row.kind} {row.id} is altered on {box.vehicle}")
    for sent in world.truth.sent:
        if (sent.vehicle, sent.kind) == (box.vehicle, Kind.RETRACTION):
            _judge_retraction(world, box, sent.id)


def _judge_retraction(world: World, box: Box, thing: str) -> None:
    store = box.store
    assert store is not None  # noqa: S101
    try:
        record = store.read(lambda conn: get_version(conn, Kind.RETRACTION, thing, 1))
    except ClinicError:
        return
    about = msgspec.json.decode(record.payload, type=Retraction).thing
    if not store.read(lambda conn: is_retracted(conn, Kind.ANSWER, about)):
        world.accuse(f"overtaken: {about} was taken back by {thing} and stands on {box.vehicle}")


def _judge_counts(world: World, hospital: Hospital, box: Box) -> None:
    """The vehicle's screen says what is so (law 7): rows received are at the hospital, and none is left over."""
    if box.spool is None or box.store is None:
        return
    counts = box.spool.up.counts()
    rows = box.store.read(lambda conn: conn.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
    by_state = dict(rows)
    shown = {name: sum(getattr(counts[lane], name) for lane in Lane) for name in ("received", "held", "refused")}
    for name, count in shown.items():
        if by_state.get(name, 0) != count:
            world.accuse(f"counts of {box.vehicle}: {count} {name} in the spool, {by_state} in the outbox")
    with reading(hospital.engine) as connection:
        query_here = select(arrivals.c.incarnation, arrivals.c.seq).where(arrivals.c.vehicle == box.vehicle)
        here = {(row.incarnation, row.seq) for row in connection.execute(query_here).all()}
    query = "SELECT incarnation, seq FROM outbox WHERE state = 'received'"
    told = set(box.store.read(lambda conn: conn.execute(query).fetchall()))
    for incarnation, seq in sorted(told - here):
        world.accuse(f"counts of {box.vehicle}: {incarnation}/{seq} is shown received and never arrived")


def watch_alarms(world: World) -> None:
    """Now and then from now on: no alarm without its disaster."""
    if world.county.hospital is not None:
        _judge_alarms(world, world.county.hospital)
    world.net.after(ALARMS_S, lambda: watch_alarms(world))


def _judge_alarms(world: World, hospital: Hospital) -> None:
    """No alarm without its disaster, and no clone without its alarm."""
    with reading(hospital.engine) as connection:
        codes = set(connection.execute(select(alarms.c.code)).scalars())
    for code in sorted(codes & set(EXCUSED)):
        if not any(world.truth.happened.get(cause) for cause in EXCUSED[code]):
            world.accuse(f"false alarm: {code}")
    if len(world.truth.spoke) >= SPOKEN and "fork" not in codes and "hospital-restored" not in world.truth.happened:
        world.accuse(f"two machines spoke in turns, {', '.join(world.truth.spoke)}, and nobody was told")
