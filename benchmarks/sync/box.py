"""The vehicle's whole agent, with three more commands on its control socket: take a day in, let it go, be urgent.

    python -m benchmarks.sync.box VEHICLE_DIR

`bench_load {"folder": ...}` keeps the day's blobs as devices would have delivered them. `bench_go` makes every outbox
row in one go: an encounter each JSON file, a recording and its blob each other one. `bench_urgent` does the same for
one ECG in lane P0 with its patient inline. Nothing else differs from `clinic vehicle run`.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from clinic_records.care import Encounter, EncounterStatus, Recording, RecordingStatus
from clinic_records.clock import Stamp
from clinic_records.ids import DeviceId, EncounterId, IdFactory, PatientId, RecordId, StopId
from clinic_records.people import Author, Patient, Role, Sex
from clinic_records.reading import RawBytes, Reading
from clinic_records.record import Kind, Lane, Record
from vehicle_agent.agent import Agent
from vehicle_agent.logs import log_to_stderr
from vehicle_agent.status import resident_bytes
from vehicle_agent.store.blobs import KeptBlob
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.records import put_record
from vehicle_agent.store.store import Store

AUTHOR: Final = Author("n001", "张护士", Role.NURSE)
PATIENT: Final = "王秀英"
MODALITIES: Final[Mapping[str, tuple[str, Lane]]] = {
    "ecg": ("ecg", Lane.P3),
    "spi": ("spirometry", Lane.P3),
    "us": ("ultrasound", Lane.P4),
}
"""First part of a file's name -> modality and the lane of its blob."""

_ids = IdFactory()
_Put = Callable[[Connection], Record]


def put_encounter(text: str) -> _Put:
    """An encounter whose reason is the generated document, word for word."""
    now = datetime.now(UTC)
    encounter_id = EncounterId(_ids.new())
    encounter = Encounter(
        id=encounter_id,
        patient=PatientId(_ids.new()),
        stop=StopId(_ids.new()),
        status=EncounterStatus.FINISHED,
        started_at=now,
        author=AUTHOR,
        reason=text,
    )
    return lambda conn: put_record(
        conn,
        record_id=encounter_id,
        kind=Kind.ENCOUNTER,
        lane=Lane.P2,
        payload=encounter,
        author=AUTHOR,
        recorded_at=now,
    )


def put_recording(blob: KeptBlob, modality: str, lane: Lane) -> _Put:
    """A recording and its blob; an urgent one carries patient and encounter (sync rule 19)."""
    now = datetime.now(UTC)
    recording_id = RecordId(_ids.new())
    is_urgent = lane is Lane.P0
    patient = Patient(PatientId(_ids.new()), PATIENT, Sex.FEMALE, date(1959, 3, 8))
    encounter = Encounter(
        EncounterId(_ids.new()), patient.id, StopId(_ids.new()), EncounterStatus.IN_PROGRESS, now, AUTHOR
    )
    recording = Recording(
        id=recording_id,
        reading=Reading(
            device=DeviceId(f"{modality}1"),
            modality=modality,
            stamp=Stamp(now),
            raw=RawBytes(blob.sha256, blob.size, "application/octet-stream"),
        ),
        status=RecordingStatus.UNBOUND,
        urgent=is_urgent,
        patient=patient if is_urgent else None,
        encounter=encounter if is_urgent else None,
    )
    return lambda conn: put_record(
        conn,
        record_id=recording_id,
        kind=Kind.RECORDING,
        lane=Lane.P0 if is_urgent else Lane.P3,
        payload=recording,
        author=AUTHOR,
        recorded_at=now,
        blobs=(blob.sha256,),
        blob_lane=lane,
    )


class BenchAgent(Agent):
    """The agent, asked by a benchmark."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._day: list[_Put] = []

    def _commands(self) -> Mapping[str, Any]:
        async def load(args: Mapping[str, Any]) -> dict[str, Any]:
            return await asyncio.to_thread(self._load, Path(args["folder"]), args["names"])

        async def go(_: Mapping[str, Any]) -> dict[str, Any]:
            return await asyncio.to_thread(self._go)

        async def urgent(args: Mapping[str, Any]) -> dict[str, Any]:
            return await asyncio.to_thread(self._urgent, Path(args["file"]))

        async def figures(_: Mapping[str, Any]) -> dict[str, Any]:
            courier = self._courier._courier  # noqa: SLF001 - a benchmark looks where users cannot
            sender = courier.sender
            pace = sender.pace
            return {
                "bytes_sent": sender.bytes_sent,
                "rate": pace.rate,
                "rtt_s": pace.rtt_s,
                "base_rtt_s": pace.base_rtt_s,
                "window": pace.window,
                "chunk": pace.chunk,
                "in_flight": sender.in_flight,
                "sending": len(sender.sending),
                "rss": resident_bytes(),
                "children": self._children.pids,
            }

        own = {"bench_load": load, "bench_go": go, "bench_urgent": urgent, "bench_figures": figures}
        return {**super()._commands(), **own}

    @property
    def _store(self) -> Store:
        return self._vault.store

    def _load(self, folder: Path, names: list[str]) -> dict[str, Any]:
        made: list[str] = []
        for name in names:
            first = name.partition("/")[0]
            if first == "enc":
                self._day.append(put_encounter((folder / name).read_text("utf-8")))
                continue
            kept = self._store.blobs.keep(folder / name)
            made.append(kept.sha256)
            self._day.append(put_recording(kept, *MODALITIES[first]))
        return {"blobs": made}

    def _go(self) -> dict[str, Any]:
        started = time.monotonic()
        return {"at": started, "records": self._put(self._day)}

    def _urgent(self, file: Path) -> dict[str, Any]:
        started = time.monotonic()
        kept = self._store.blobs.keep(file)
        records = self._put([put_recording(kept, "ecg", Lane.P0)])
        return {"at": started, "records": records, "blobs": [kept.sha256]}

    def _put(self, jobs: list[_Put]) -> list[str]:
        futures: list[Future[Record]] = [self._store.submit(job) for job in jobs]
        return [future.result().id for future in futures]


def main() -> None:
    """Run until SIGTERM."""
    log_to_stderr()
    agent = BenchAgent(Path(sys.argv[1]))

    async def ready(_: Agent) -> None:
        print("ready", flush=True)

    async def serve() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, agent.stop)
        await agent.run(ready)

    asyncio.run(serve())


if __name__ == "__main__":
    main()
