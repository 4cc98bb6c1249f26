"""Hundreds of urgent things amid the bulk, both ways: how long each takes to be durable at the other end.

Upwards an ECG of 120 kB with its patient inline while the day's loops fill the link; downwards a specialist's answer
while patient slices come down. The next one is made a random moment after the last has arrived, so that moments of
every kind are met and none is counted twice. On a road with outages one is made each way in every outage, and what
counts is how soon it is there after coverage has returned.
"""

import random
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.sync.box import AUTHOR, PATIENT
from benchmarks.sync.day import SEED, speckle_file, urgent_ecgs
from benchmarks.sync.ours import Box, Held, Wanted, vehicle_on_road
from benchmarks.sync.result import Result
from benchmarks.sync.road import RoadProcess
from benchmarks.sync.run import Day, Run
from clinic_records.clock import Origin
from clinic_records.consult import Answer
from clinic_records.ids import EncounterId, IdFactory, PatientId, RecordId
from clinic_records.patient_slice import PatientSlice, SlicePerson
from clinic_records.people import Patient, Sex
from clinic_records.record import Kind, Lane, Record, encode_payload
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.hospital import Hospital, open_hospital
from commands.demo.lab import VEHICLE, Lab

COUNT: Final = 200
MORE_LOOPS: Final = 8
"""Ultrasound loops beside the day's ten, so that the bulk outlasts the last injection."""
SLICES: Final = 20
PEOPLE: Final = 600
"""In a slice, with notes that do not compress: about half a megabyte."""
PAUSE_S: Final = 0.4
"""Longest pause before the next one."""
LOST_S: Final = 60.0
OUTAGES: Final = 7
"""As many as the bulk lasts for."""
INTO_OUTAGE_S: Final = (0.5, 8.0)
"""Seconds without coverage after which an urgent thing is made."""
GIVE_UP_S: Final = 15.0
"""Seconds after the return of coverage when it counts as lost: the next outage is near."""
LOOK_S: Final = 0.005
FIRST_S: Final = 3.0
"""The link is full by then."""
_ids = IdFactory()
Make = Callable[[int], Callable[[], bool]]
"""Makes the n-th urgent thing; the question whether it has arrived."""


@dataclass
class Delays:
    """Seconds each urgent thing took; `lost` never came."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0

    def figures(self, way: str) -> dict[str, float]:
        """Median, 99th percentile and worst."""
        found = sorted(self.seconds)
        return {
            f"{way}_count": float(len(found)),
            f"{way}_median_s": round(statistics.median(found), 3),
            f"{way}_p99_s": round(found[min(len(found) - 1, int(0.99 * len(found)))], 3),
            f"{way}_worst_s": round(found[-1], 3),
        }


def inject(make: Make, count: int, seed: int) -> Delays:
    """Make one after the other."""
    rng, delays = random.Random(seed), Delays()  # noqa: S311 - a seed to repeat, not a secret
    time.sleep(FIRST_S)
    for number in range(count):
        time.sleep(rng.uniform(0.05, PAUSE_S))
        started = time.monotonic()
        has_arrived = make(number)
        while not has_arrived() and time.monotonic() - started < LOST_S:
            time.sleep(LOOK_S)
        took = time.monotonic() - started
        if took < LOST_S:
            delays.seconds.append(took)
        else:
            delays.lost += 1
    return delays


def after_outages(road: RoadProcess, makers: Sequence[Make], count: int, seed: int) -> list[Delays]:
    """In each outage one thing of every maker; seconds from the return of coverage."""
    rng, delays = random.Random(seed), [Delays() for _ in makers]  # noqa: S311 - a seed to repeat, not a secret
    for number in range(count):
        _wait_for(lambda: not road.count()["covered"])
        time.sleep(rng.uniform(*INTO_OUTAGE_S))
        waiting = [(each, make(number)) for each, make in zip(delays, makers, strict=True)]
        _wait_for(lambda: bool(road.count()["covered"]))
        started = time.monotonic()
        while waiting and time.monotonic() - started < GIVE_UP_S:
            for each in [each for each in waiting if each[1]()]:
                each[0].seconds.append(time.monotonic() - started)
                waiting.remove(each)
            time.sleep(LOOK_S)
        for late, _ in waiting:
            late.lost += 1
    return delays


def _wait_for(look: Callable[[], bool]) -> None:
    while not look():
        time.sleep(LOOK_S)


def upwards(box: Box, held: Held, files: Sequence[Path]) -> Make:
    """Urgent ECGs; durable when record and blob are in the hospital's database."""

    def make(number: int) -> Callable[[], bool]:
        _, wanted = box.urgent(files[number])
        return lambda: held.has(wanted)

    return make


def downwards(hospital: Hospital, spool: sqlite3.Connection) -> Make:
    """Answers; durable when the vehicle's spool has taken them."""

    def make(number: int) -> Callable[[], bool]:
        wire = queue_for_vehicle(hospital, VEHICLE, _answer(hospital, number))
        query = "SELECT 1 FROM down WHERE wire_sha256 = ? AND state IN ('pending', 'merged')"
        return lambda: spool.execute(query, (wire,)).fetchone() is not None

    return make


def _spool(lab: Lab) -> "closing[sqlite3.Connection]":
    path = lab.vehicle_dir / "spool" / "spool.db"
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None))


def _answer(hospital: Hospital, number: int) -> Record:
    now = datetime.now(UTC)
    patient = Patient(PatientId(_ids.new()), PATIENT, Sex.FEMALE, date(1959, 3, 8))
    answer = Answer(RecordId(_ids.new()), EncounterId(_ids.new()), patient.id, "请转诊", AUTHOR, now, person=patient)
    return _record(hospital, Kind.ANSWER, Lane.P1, answer.id, answer, 10_000 + number)


def _record(hospital: Hospital, kind: Kind, lane: Lane, id_: RecordId, thing: object, number: int) -> Record:
    origin = Origin(hospital.settings.id, 1, number)
    return Record(id_, 1, kind, lane, encode_payload(thing), origin, AUTHOR, datetime.now(UTC))


def queue_slices(hospital: Hospital) -> None:
    """The bulk of the way down."""
    rng = random.Random(SEED)  # noqa: S311 - a seed to repeat, not a secret
    for part in range(1, SLICES + 1):
        people = tuple(_person(hospital, rng, number) for number in range(PEOPLE))
        slice_ = PatientSlice("2026-12", "桃源村", part, SLICES, datetime.now(UTC), people)
        record = _record(hospital, Kind.PATIENT_SLICE, Lane.P3, RecordId(_ids.new()), slice_, part)
        queue_for_vehicle(hospital, VEHICLE, record)


def _person(hospital: Hospital, rng: random.Random, number: int) -> SlicePerson:
    patient = Patient(PatientId(_ids.new()), rng.randbytes(400).hex(), Sex.FEMALE, None)
    origin = Origin(hospital.settings.id, 1, number)
    return SlicePerson(patient.id, 1, encode_payload(patient).decode(), origin, datetime.now(UTC))


def both_ways(lab: Lab, box: Box, hospital: Hospital, files: Sequence[Path]) -> list[Delays]:
    """As many as there are files up, and as many down at once."""
    down = Delays()

    def inject_down() -> None:
        nonlocal down
        with _spool(lab) as spool:
            down = inject(downwards(hospital, spool), len(files), SEED)

    thread = threading.Thread(target=inject_down)
    thread.start()
    with closing(Held(lab.hospital_dir / "hospital.db")) as held:
        up = inject(upwards(box, held, files), len(files), SEED + 1)
    thread.join()
    return [up, down]


def in_outages(run: Run, lab: Lab, box: Box, hospital: Hospital, files: Sequence[Path]) -> list[Delays]:
    """One up and one down in each outage."""
    if run.road is None:
        return []
    with closing(Held(lab.hospital_dir / "hospital.db")) as held, _spool(lab) as spool:
        return after_outages(run.road, [upwards(box, held, files), downwards(hospital, spool)], OUTAGES, SEED)


def run_day(profile: str, day: Day, folder: Path, *, broker: str, count: int = COUNT) -> Result:
    """Bulk both ways, and `count` injections each way at once; where there are outages, one each way in each."""
    rng = np.random.default_rng(SEED + 2)
    names = list(day.names)
    for number in range(MORE_LOOPS):
        names.append(f"us/more{number}.dcm")
        (day.folder / names[-1]).write_bytes(speckle_file(rng, 100 + number))
    files = [folder / f"urgent{number}.bin" for number in range(count)]
    for file, ecg in zip(files, urgent_ecgs(count), strict=True):
        file.write_bytes(ecg)
    run = Run(f"mobile-clinic, {broker}", profile, day, folder)
    try:
        with vehicle_on_road(run, broker) as (lab, box), open_hospital(lab.hospital_dir) as hospital:
            blobs = set(box.do("bench_load", folder=str(day.folder), names=names)["blobs"])
            run.begin()
            box.do("bench_go")
            queue_slices(hospital)
            if run.profile.down_s:
                up, down = in_outages(run, lab, box, hospital, files)
            else:
                up, down = both_ways(lab, box, hospital, files)
            with closing(Held(lab.hospital_dir / "hospital.db")) as held:
                is_bulk_over = Wanted(set(), blobs).is_in(held.look())
            wrong = ["the bulk ended before the last injection"] if is_bulk_over else []
            wrong += [f"{delays.lost} never came {way}" for way, delays in (("up", up), ("down", down)) if delays.lost]
            seconds = run.seconds
            figures = {**up.figures("up"), **down.figures("down")}
            return run.result(seconds, figures["up_median_s"], wrong=wrong, figures=figures)
    finally:
        run.close()
