"""The agent: one asyncio process that owns every task, thread and helper process of the vehicle.

Before anybody logs in: devices are taken into the sealed inbox, the courier empties the spool, the pages ask for a
PIN. After it: the inbox is understood, bound and recorded, big blobs are sealed, receipts and the downlink are merged.
"""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI

from clinic_records.clock import SystemClock
from clinic_records.errors import BadFrame, ConfigError
from clinic_records.ids import IdFactory
from devices.framing.base import Frame
from vehicle_agent.alarms import disk_alarm, sentence, unseen
from vehicle_agent.children import Children
from vehicle_agent.control import ControlServer
from vehicle_agent.heap import keep_heap_small
from vehicle_agent.metrics import exposition
from vehicle_agent.picture import ChildArtist
from vehicle_agent.proof import Made, prove
from vehicle_agent.remote import Remote
from vehicle_agent.remote_sync import RemoteSync
from vehicle_agent.services.called import closed_ports, state_of
from vehicle_agent.services.courier import Courier
from vehicle_agent.services.day_end import DayEnd
from vehicle_agent.services.folder import FolderWatch
from vehicle_agent.services.helper import Helper
from vehicle_agent.services.housekeeping import Housekeeping
from vehicle_agent.services.intake import Intake
from vehicle_agent.services.keep_going import keep_going
from vehicle_agent.services.renewal import Renewal
from vehicle_agent.services.sealing import Sealing
from vehicle_agent.services.serial_line import SerialLine
from vehicle_agent.services.web import WebServer
from vehicle_agent.settings import VehicleSettings, load_settings
from vehicle_agent.status import AgentStatus, resident_bytes, with_seen
from vehicle_agent.store.durable import write_file
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned
from vehicle_agent.store.retention import DiskBudget
from vehicle_agent.store.sealer import Sealer
from vehicle_agent.store.slots import Slots
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.store import Store
from vehicle_agent.store.tls import TlsFiles
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.desk import Desk
from vehicle_agent.visits.roster import Device, DeviceState, Roster
from vehicle_agent.visits.twins import FOLDER
from vehicle_agent.visits.views import AlarmView, SyncView
from vehicle_agent.web.app import create_app
from vehicle_agent.web.settings import Phone, SiteSettings
from vehicle_agent.work_folder import work_folder

WATCH_S = 1.0
"""How often the counts are compared, so that open pages follow the link and the receipts."""

LISTENER_S = 15.0
"""Longest wait for the DICOM listener before the agent says that it is ready without it."""

_log = structlog.get_logger(__name__)


class Agent:
    """One vehicle's agent over its folder."""

    def __init__(self, root: Path) -> None:
        """Read keys, settings and spool; nothing runs yet.

        Raises:
            ConfigError: a setting or a file must be changed, or another agent runs here.
            StoreError: the spool is not usable.
        """
        keep_heap_small()
        self._folder = VehicleFolder(root)
        self._settings: VehicleSettings = load_settings(root)
        self._folder.create()
        self._closing = ExitStack()
        self._lock()
        keys = DeviceKeys.load(self._folder.device_key)
        self._keys = keys
        self._hospital = load_pinned(self._folder.hospital)
        self._clock = SystemClock()
        self._spool = Spool(self._folder.spool, keys=keys, hospital=self._hospital, clock=self._clock)
        self._closing.callback(self._spool.close)
        self._spool.up.sweep()
        session = self._spool.session.load()
        if session.peer_time is not None:
            self._clock.raise_floor(session.peer_time)
        self._vault = Vault(self._folder, vehicle=self._settings.vehicle, incarnation=session.incarnation)
        self._closing.callback(self._vault.lock)
        self._vault.inbox.sweep()
        self._roster = Roster(self._settings.devices)
        self._ids = IdFactory()
        self._housekeeping = self._make_housekeeping(root)
        self._sealing: Sealing | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self, ready: Callable[["Agent"], Awaitable[None]]) -> None:
        """Run until `stop`; `ready` is called once the pages, the socket and the listener answer."""
        self._loop = asyncio.get_running_loop()
        self._children = Children()
        self.desk = self._make_desk()
        self._intake = Intake(
            self._vault,
            self._children,
            events=self.desk.events,
            clock=self._clock,
            ids=self._ids,
            work=work_folder(self._folder.root),
        )
        tls = TlsFiles(self._folder.tls)
        self._courier = Courier(
            keys=self._keys,
            tls=tls,
            hospital=self._hospital,
            spool=self._spool,
            clock=self._clock,
            on_incarnation=self._vault.adopt_incarnation,
        )
        renewal = Renewal(
            keys=self._keys,
            files=tls,
            hospital=self._hospital,
            believed=lambda: self._spool.hospital_keys.every,
            clock=self._clock,
            is_refused=lambda: self._courier.is_refused,
        )
        self._courier.follow_renewal(renewal)
        self._listener = Helper("vehicle_agent.listener", str(self._folder.root), on_ready=self._write_ports)
        pages = self._make_pages()
        self._web = WebServer(pages, self._settings.web.host, self._settings.web.port)
        control = ControlServer(self._folder.agent_socket, self._commands())
        lines = [self._line(device) for device in self._roster if device.url and not device.calls_us]
        try:
            await control.start()
            for line in lines:
                line.start()
            self._keep("intake", self._intake.run)
            sending = self._keep("courier", self._courier.run)
            self._keep("renewal", renewal.run)
            self._keep("watch", self._watch)
            self._keep("housekeeping", self._housekeeping.run)
            serving = self._keep("web", self._web.run)
            if any(device.calls_us for device in self._roster):
                self._keep("listener", self._listener.run)
                with suppress(TimeoutError):  # a taken port is the DICOM devices' fault, nobody else waits for them
                    async with asyncio.timeout(LISTENER_S):
                        await self._listener.ready.wait()
            self._write_ports()
            await ready(self)
            await self._stopping.wait()
            pages.state.site.close()
            self._web.stop()
            self._courier.stop()
            await asyncio.wait([serving, sending], timeout=5.0)
        finally:
            await asyncio.gather(*(asyncio.to_thread(line.stop) for line in lines))
            await control.stop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._children.close()
            await asyncio.to_thread(self._closing.close)

    def stop(self) -> None:
        """End in order; from the event loop's own thread."""
        self._stopping.set()

    async def status(self) -> AgentStatus:
        """What runs and what waits."""
        is_open = self._vault.is_open
        # the inbox first: what moves on meanwhile is counted twice, never not at all
        inbox = len(await asyncio.to_thread(self._vault.inbox.waiting))
        sync = await self._look_at_sync()
        return AgentStatus(
            vehicle=self._settings.vehicle,
            hospital=self._hospital.hospital_name or self._hospital.hospital_id,
            pid=os.getpid(),
            is_open=is_open,
            web_url=self._web.url,
            dicom_port=self._listener.port,
            listener_pid=self._listener.pid,
            child_pids=self._children.pids,
            resident_bytes=resident_bytes(),
            sync=sync,
            inbox=inbox,
            unbound=len(await self.desk.unbound()) if is_open else None,
            quarantine=len(await self.desk.quarantine()) if is_open else None,
            schedule_version=(await self.desk.today()).schedule_version if is_open else None,
            waits=sync.total.queued + sync.total.sending + sync.total.refused + inbox,
            disk=self._housekeeping.disk,
            keep_days=await asyncio.to_thread(self._housekeeping.days),
            cleared=self._housekeeping.cleared,
            carried=await asyncio.to_thread(self._spool.up.carried),
            urgent=await self.desk.urgent() if is_open else None,
            devices=await self.desk.devices(),
        )

    def _lock(self) -> None:
        handle = self._closing.enter_context((self._folder.run / "agent.lock").open("w"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{self._folder.root}: another agent is running in this folder; stop it first") from None

    def _make_desk(self) -> Desk:
        return Desk(
            vehicle=self._settings.vehicle,
            vault=self._vault,
            slots=Slots(self._folder.slots, self._keys.device_secret, self._clock.now),
            roster=self._roster,
            clock=self._clock,
            ids=self._ids,
            artist=ChildArtist(self._children),
            look_at_sync=self._look_at_sync,
            sending=lambda: self._courier.sending,
            on_open=self._opened,
        )

    def _make_housekeeping(self, root: Path) -> Housekeeping:
        disk = self._settings.disk
        budget = DiskBudget(tight=int(disk.tight_gb * 1e9), low=int(disk.low_gb * 1e9))
        return Housekeeping(
            root,
            self._spool,
            budget,
            disk.keep_days,
            self._clock,
            store=lambda: self._vault.store if self._vault.is_open else None,
        )

    def _make_pages(self) -> FastAPI:
        settings = self._settings
        phones = tuple(Phone(phone.number, phone.name_zh, phone.name_en) for phone in settings.phones)
        pages = SiteSettings(
            vehicle=settings.vehicle,
            vehicle_name_zh=settings.name_zh,
            vehicle_name_en=settings.name_en,
            idle_lock_s=settings.web.idle_lock_s,
            phones=phones,
        )
        return create_app(self.desk, pages, self._clock, metrics=self._metrics)

    async def _metrics(self) -> bytes:
        return exposition(await self.status())

    def _line(self, device: Device) -> SerialLine | FolderWatch:
        def report(device: Device, state: DeviceState) -> None:
            self._from_thread(self._report, device, state)

        def delivered() -> None:
            self._from_thread(self._intake.poke)

        inbox, clock = self._vault.inbox, self._clock
        if device.scheme == FOLDER:
            memory = self._folder.run / f"taken-{device.id}.json"
            return FolderWatch(device, inbox, clock, memory=memory, report=report, delivered=delivered)

        def present(device: Device, item: Frame | BadFrame) -> None:
            self._from_thread(self.desk.identity.present, device.id, item)

        return SerialLine(device, inbox, clock, report=report, delivered=delivered, present=present)

    def _commands(self) -> Mapping[str, Any]:
        async def poke(_: Mapping[str, Any]) -> None:
            self._intake.poke()
            self._committed()

        async def status(_: Mapping[str, Any]) -> AgentStatus:
            return await self.status()

        async def proof(_: Mapping[str, Any]) -> list[Made]:
            return await asyncio.to_thread(prove, self._vault.store)

        own = {"poke": poke, "status": status, "proof": proof}
        remote = Remote(self.desk)
        about_sync = RemoteSync(
            self.desk, self._vault, self._spool.up, author=remote.author, notify=self._courier.notify
        )
        return {**remote.commands(), **about_sync.commands(), **own}

    async def _opened(self, store: Store) -> None:
        """The store was unlocked: what needs it begins."""

        def committed() -> None:
            self._from_thread(self._committed)

        store.writer.after_commit(lambda _: committed())  # before the sealer's: a large blob waits for no small thing
        sealer = await asyncio.to_thread(
            lambda: Sealer(
                store, self._spool, keys=self._keys, clock=self._clock,
                on_spooled=committed, rate=lambda: self._courier.link.rate_at_commit,
            )
        )  # fmt: skip
        self._sealing = Sealing(
            store, sealer, self._spool, self._children,
            events=self.desk.events, clock=self._clock, link=lambda: self._courier.link,
        )  # fmt: skip
        self._keep("sealing", self._sealing.run)
        self._keep("day-end", DayEnd(store, self._settings.vehicle, self._clock, self._ids).run)
        self._committed()
        self._intake.poke()

    def _committed(self) -> None:
        self._courier.notify()
        if self._sealing is not None:
            self._sealing.poke()

    async def _look_at_sync(self) -> SyncView:
        if self._sealing is None:
            return self._with_alarms(await self._courier.look({}), [], is_whole=False)
        waiting = await asyncio.to_thread(self._vault.inbox.waiting)
        view = await self._courier.look(await asyncio.to_thread(self._sealing.unsealed))
        urgent = await self.desk.urgent()
        more = [*self._sealing.alarms, *unseen(urgent)]
        return with_seen(self._with_alarms(view, more, is_whole=not waiting), urgent)

    def _with_alarms(self, view: SyncView, more: list[AlarmView], *, is_whole: bool) -> SyncView:
        alarms = [*view.alarms, *more, *disk_alarm(self._housekeeping.disk)]
        return msgspec.structs.replace(view, alarm=sentence(alarms), alarms=alarms, is_whole=is_whole)

    async def _watch(self) -> None:
        """Tell the pages when the counts or the link changed, although nobody here did anything."""
        last: SyncView | None = None
        while True:
            self._watch_listener()
            view = await self._look_at_sync()
            if last is None or _without_age(view) != _without_age(last):
                self.desk.events.publish("sync")
            last = view
            await asyncio.sleep(WATCH_S)

    def _watch_listener(self) -> None:
        is_running, closed = self._listener.ready.is_set(), closed_ports(self._folder)
        for device in self._roster:
            if device.calls_us:
                self._report(device, state_of(device, is_running=is_running, closed=closed))

    def _report(self, device: Device, state: DeviceState) -> None:
        if self._roster.set_state(device.id, state):
            self.desk.events.publish("devices")

    def _from_thread(self, call: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)

    def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        task = asyncio.create_task(keep_going(name, run), name=name)
        self._tasks.add(task)
        return task

    def _write_ports(self) -> None:
        ports = {"web": self._web.port, "web_url": self._web.url, "dicom": self._listener.port}
        write_file(self._folder.run / "ports.json", msgspec.json.encode(ports))


def _without_age(view: SyncView) -> tuple[object, ...]:
    lanes = [(lane.queued, lane.sending, lane.received, lane.held, lane.refused) for lane in view.lanes.values()]
    return view.link, view.alarm, view.is_whole, lanes
