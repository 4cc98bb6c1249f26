"""The courier in the agent: spool and device key are all it needs, so it runs before anybody has logged in."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from clinic_records.clock import SystemClock, from_ms
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.courier import Alarm, LinkState, PinnedHospital, VehicleCourier
from sync.drive import run_courier
from sync.enrolment import Enrolment
from sync.keys import OriginPublic
from sync.mqtt import MqttLink
from vehicle_agent.alarms import down_alarm, link_alarm, overdue, sentence, stalled
from vehicle_agent.services.renewal import Renewal
from vehicle_agent.services.sealing import Link
from vehicle_agent.stall import Progress
from vehicle_agent.status import total_of
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.tls import TlsFiles, vehicle_broker
from vehicle_agent.visits.views import LaneCounts, SyncView


class Courier:
    """One vehicle's link to its hospital, and what can be said about it."""

    def __init__(
        self,
        *,
        keys: DeviceKeys,
        tls: TlsFiles,
        hospital: Enrolment,
        spool: Spool,
        clock: SystemClock,
        on_incarnation: Callable[[int], None],
    ) -> None:
        self._spool = spool
        self._renewal: Renewal | None = None
        self._clock = clock
        self._courier = VehicleCourier(
            VehicleId(hospital.vehicle),
            keys=keys.sign,
            hospital=PinnedHospital(hospital.hospital_id, OriginPublic(hospital.sign_public), hospital.key_number),
            statements=keys.statements,
            outbound=spool.up,
            inbound=spool.down,
            sessions=spool.session,
            clock=clock,
            random_bytes=secrets.token_bytes,
            on_trusted_time=clock.raise_floor,
            on_renewed=self._take_renewed,
            on_incarnation=on_incarnation,
            on_new_epoch=spool.down.note_new_epoch,
        )
        granted = from_ms(hospital.granted_ms)
        self._broker = vehicle_broker(hospital, tls, lambda: clock.floor or granted)
        self._stop = asyncio.Event()
        self._progress = Progress()

    async def run(self) -> None:
        """Until `stop`."""
        await run_courier(self._courier, MqttLink(self._broker), self._stop)

    def follow_renewal(self, renewal: Renewal) -> None:
        """Carry its requests in the session while there is one, and its answers back."""
        self._renewal = renewal
        renewal.carry = self._courier.ask_renewal

    def _take_renewed(self, body: bytes) -> None:
        if self._renewal is not None:
            self._renewal.take(body)

    @property
    def is_refused(self) -> bool:
        """Whether the broker is there and does not let us in."""
        return self._courier.alarm is Alarm.BROKER_REFUSED

    def stop(self) -> None:
        """Say goodbye to the broker and end."""
        self._stop.set()

    def notify(self) -> None:
        """The spool has new envelopes. From any thread."""
        self._courier.notify()

    @property
    def link(self) -> Link:
        """The link as it was measured; its rate is the lowest one where it was not yet."""
        sender, is_online = self._courier.sender, self._courier.state is LinkState.ONLINE
        is_filled = sender.pace.is_filled or not is_online
        is_busy, is_near = is_online and sender.in_flight > 0, sender.pace.is_near
        return Link(sender.pace.rate, is_filled=is_filled, is_busy=is_busy, is_near=is_near, is_online=is_online)

    @property
    def sending(self) -> frozenset[str]:
        """Wire hashes of what is under way now; nothing without a session."""
        return self._courier.sending if self._courier.state is LinkState.ONLINE else frozenset()

    async def look(self, unsealed: Mapping[tuple[int, int], Lane]) -> SyncView:
        """Where everything stands; `unsealed` are outbox rows that may not be in the spool yet."""
        courier = self._courier
        counts = await asyncio.to_thread(self._spool.up.counts, self.sending, unsealed)
        now = self._clock.now()
        lanes = {
            lane.value: LaneCounts(
                queued=count.queued,
                sending=count.sending,
                received=count.received,
                held=count.held,
                refused=count.refused,
                oldest_s=_age_s(count.oldest, now),
            )
            for lane, count in counts.items()
        }
        total = total_of(lanes)
        not_taken = await asyncio.to_thread(self._spool.down.not_taken)
        silent_s = self._progress.note(
            self._clock.monotonic_s(),
            (total.received, total.held, total.refused, courier.sender.bytes_delivered),
            is_online=courier.state is LinkState.ONLINE,
            waits=bool(total.queued + total.sending),
        )
        alarms = [*link_alarm(courier.alarm), *overdue(total), *stalled(silent_s), *down_alarm(len(not_taken))]
        return SyncView(
            link="online" if courier.state is LinkState.ONLINE else "offline",
            since=courier.since,
            lanes=lanes,
            total=total,
            alarm=sentence(alarms),
            alarms=alarms,
        )


def _age_s(oldest: datetime | None, now: datetime) -> float:
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
