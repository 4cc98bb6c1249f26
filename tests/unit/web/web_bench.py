"""A nurse's desk on a real, temporary store, for tests of the pages; only the drawing child is replaced by a line."""

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

import httpx
import uvicorn

from clinic_records.care import Recording
from clinic_records.clock import Stamp, SystemClock
from clinic_records.errors import RefusedInput
from clinic_records.ids import DeviceId, IdFactory, RecordId
from clinic_records.people import Allergies, AllergyState, IdentityCheck, Role, Sex
from clinic_records.quantity import quantity
from clinic_records.reading import Channel, Code, Image, Numeric, RawBytes, Reading, Waveform
from clinic_web.draw.picture import Picture, View
from sync.keys import RecipientPrivate
from vehicle_agent.settings import DeviceSettings
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.store import Store
from vehicle_agent.store.vault import Vault, create_vault
from vehicle_agent.visits.desk import Desk
from vehicle_agent.visits.recorder import keep
from vehicle_agent.visits.roster import DeviceState, Roster
from vehicle_agent.visits.versions import Act
from vehicle_agent.visits.views import LaneCounts, NewPatient, SyncView
from vehicle_agent.web.app import create_app
from vehicle_agent.web.settings import SiteSettings

T = TypeVar("T")
PIN = "2580"
DEVICES = (
    DeviceSettings(id="ecg-1", key="ecg-scp", url="tcp:127.0.0.1:1"),
    DeviceSettings(id="us-1", key="ultrasound-dicom", ae_title="US1"),
    DeviceSettings(id="spiro-1", key="spirometer-sp80b", url="tcp:127.0.0.1:2"),
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 250 60" width="945" height="227">'
    '<rect width="250" height="60" fill="#FFFDFB"/><path d="M0 30H40l3-20 3 35 3-15H120l3-20 3 35 3-15H250" '
    'fill="none" stroke="#101010" stroke-width="0.5"/></svg>'
)
RESIDENT = "11010519491231002X"
"""The example number of GB 11643-1999."""


class LineArtist:
    """Draws one line instead of the recording, so that pages are tested without the drawing's child process."""

    async def draw(self, store: Store, recording: Recording, lang: str, view: View) -> Picture:
        del store, lang
        if view.is_document:
            return Picture("application/pdf", b"%PDF-1.4")
        if recording.reading.raw.media_type == "application/broken":
            raise RefusedInput("nothing to draw")
        return Picture("image/svg+xml", SVG.encode())


class Bench:
    """One vehicle's desk, its store and what a test does to them."""

    def __init__(self, root: Path) -> None:
        folder = VehicleFolder(root)
        folder.create()
        self.clock = SystemClock()
        data_key = secrets.token_bytes(32)
        slots = Slots(folder.slots, secrets.token_bytes(32), self.clock.now)
        slots.create(data_key, RecipientPrivate.generate().public)
        self.ecg, self.ultrasound, self.spirometer = (DeviceId(device.id) for device in DEVICES)
        self.nurse = slots.add("n001", "张护士", Role.NURSE, PIN, data_key)
        create_vault(folder, data_key, vehicle="V03")
        self.vault = Vault(folder, vehicle="V03")
        self.roster = Roster(DEVICES)
        for device in DEVICES:
            self.roster.set_state(DeviceId(device.id), DeviceState("idle"))
        self.ids = IdFactory()
        self.link_since = self.clock.now() - timedelta(hours=2)
        self.counts: dict[str, LaneCounts] = {f"p{n}": LaneCounts() for n in range(5)}
        self.desk = Desk(
            vehicle="V03",
            vault=self.vault,
            slots=slots,
            roster=self.roster,
            clock=self.clock,
            ids=self.ids,
            artist=LineArtist(),
            sending=frozenset,
            look_at_sync=self.look_at_sync,
            on_open=self.on_open,
        )
        self.app = create_app(
            self.desk, SiteSettings(vehicle="V03", vehicle_name_zh="景宁03车", vehicle_name_en="Vehicle 03")
        )

    async def look_at_sync(self) -> SyncView:
        lanes = self.counts
        names = ("queued", "sending", "received", "seen", "held", "refused")
        total = LaneCounts(*(sum(getattr(row, name) for row in lanes.values()) for name in names))
        return SyncView("offline", self.link_since, lanes, total)

    async def on_open(self, store: Store) -> None:
        """Nothing more to open here."""

    async def deliver(self, device: str = "ecg-1", raw: bytes = b"", **changes: object) -> Recording:
        """A reading of `device` arrives and is kept by the same rule as the agent's intake."""
        raw = raw or secrets.token_bytes(64)
        store = self.vault.store
        kept = await asyncio.to_thread(store.blobs.keep, raw)
        reading = reading_of(device, RawBytes(kept.sha256, len(raw), "application/scp-ecg"), self.clock.now(), changes)
        new_id = RecordId(self.ids.new())
        act = Act(None, self.clock.now())
        done = await asyncio.wrap_future(store.submit(lambda conn: keep(conn, reading, new_id, act)))
        self.desk.events.publish(*done.topics, "sync")
        return done.recording

    def close(self) -> None:
        if self.vault.is_open:
            self.vault.store.close()
        self.desk._readers.shutdown()


def reading_of(device: str, raw: RawBytes, now: datetime, changes: dict[str, object]) -> Reading:
    """What a device of the bench says."""
    stamp = Stamp(now)
    match device:
        case "ecg-1":
            leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
            content = Waveform("scp-ecg", tuple(Channel(lead, "uV", 500.0, 5000) for lead in leads))
            numerics = (
                Numeric(Code("loinc", "8867-4", "Heart rate"), quantity("78", "/min")),
                Numeric(Code("loinc", "8633-0", "QRS duration"), quantity("92", "ms")),
                Numeric(Code("loinc", "8634-8", "Q-T interval"), None),
            )
            reading = Reading(DeviceId(device), "ecg", stamp, raw, content=content, numerics=numerics)
        case "us-1":
            reading = Reading(DeviceId(device), "ultrasound", stamp, raw, content=Image("dicom", 480, 640, 30))
        case _:
            flow = Waveform("sp80b", (Channel("flow", "L/s", 100.0, 600),))
            fev1 = Numeric(Code("loinc", "20150-9", "FEV1"), quantity("2.61", "L"))
            reading = Reading(DeviceId(device), "spirometry", stamp, raw, content=flow, numerics=(fev1,))
    fields = {name: getattr(reading, name) for name in reading.__struct_fields__}
    return Reading(**{**fields, **changes})


def villager(name: str = "王秀英", resident_id: str = "") -> NewPatient:
    """A filled registration form."""
    return NewPatient(
        name=name,
        sex=Sex.FEMALE,
        birth_date=date(1949, 12, 31) if resident_id else date(1959, 3, 8),
        identity_check=IdentityCheck.CARD_AND_FACE,
        resident_id=resident_id,
        village="桃源村2组",
        allergies=Allergies(AllergyState.KNOWN, ("青霉素",)),
    )


class Served:
    """The pages on a free port, served by a loop in a thread of its own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.url = ""
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="pages", daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            self.bench.app,
            host="127.0.0.1",
            port=0,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers a flag, no event
            await asyncio.sleep(0.02)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self._started.set()
        await serving

    def run(self, act: Coroutine[object, object, T]) -> T:
        """The result of a coroutine, run in the loop that serves the pages."""
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(30)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self.bench.app.state.site.close)
        self._server.should_exit = True
        self._thread.join(15)
        self.bench.close()


@contextmanager
def logged_in(served: Served, *, follows: bool = True) -> Iterator[httpx.Client]:
    """A tablet of the nurse, who has given her PIN."""
    headers = {"origin": served.url}
    with httpx.Client(base_url=served.url, headers=headers, follow_redirects=follows, timeout=30) as one:
        assert one.post("/login", data={"staff": "n001", "pin": PIN}).status_code == (200 if follows else 303)
        yield one
