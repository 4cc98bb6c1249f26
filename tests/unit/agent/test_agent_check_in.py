"""A satellite receiver's own sentences, through the sealed inbox and the real reader, check the vehicle in."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec
import pytest

from clinic_records.care import CheckInWay, Stop, StopStatus
from clinic_records.clock import Origin, Stamp
from clinic_records.ids import DeviceId, RecordId, StopId
from clinic_records.record import Kind, Lane, Record, encode_payload
from clinic_records.schedule import PublishedPoint, Visit
from devices.delivery import Delivery
from devices.interpret import interpret
from devices.simulators.gps_nmea import fix
from devices.vehicle.nmea import MEDIA_TYPE
from schedules.publish import encode, make_version
from tests.unit.agent.test_agent_intake import Readers, run_until_empty
from vehicle_agent.jobs import Interpret
from vehicle_agent.store.records import put_foreign
from vehicle_agent.store.vault import Vault
from vehicle_agent.visits.versions import listed

DAY = date(2026, 11, 23)
NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
POINT = PublishedPoint("桃源点", "桃源村", lon=119.572, lat=27.976)


class RealReader(Readers):
    """What the child process does, in a thread."""

    async def run(self, job: str, request: object, *, timeout_s: float) -> bytes:
        assert isinstance(request, Interpret)
        return encode_payload(await asyncio.to_thread(interpret, request.delivery, Path(request.raw)))


@pytest.fixture
def vault(vault: Vault) -> Vault:
    """With a published day."""
    visit = Visit(StopId("a"), DAY, "P1", POINT.name, POINT.village, "V01", time(9), time(11), (), "R", 1)
    plan = make_version([visit], version=7, effective_from=DAY, first=DAY, last=DAY, points={"P1": POINT})
    record = Record(RecordId("s"), 7, Kind.SCHEDULE, Lane.P2, encode(plan), Origin("H", 1, 1), None, NINE)
    vault.store.write(lambda conn: put_foreign(conn, record))
    return vault


def hear(vault: Vault, at: datetime, **where: str) -> None:
    """The vehicle's clock runs three seconds ahead of the satellites'."""
    delivery = Delivery(DeviceId("gps1"), "position-nmea", Stamp(at), MEDIA_TYPE)
    vault.inbox.deliver(msgspec.json.encode(delivery), fix(at - timedelta(seconds=3), **where))


def test_sentences_kept_before_login_check_in_at_their_own_time(vault: Vault, tmp_path: Path) -> None:
    hear(vault, NINE - timedelta(minutes=20), latitude="2755.0000", knots="25.0")
    hear(vault, NINE - timedelta(minutes=9), knots="25.0")
    hear(vault, NINE - timedelta(minutes=8), knots="0.3")
    hear(vault, NINE - timedelta(minutes=7), status="V")
    run_until_empty(vault, RealReader(), tmp_path)
    (stop,) = [version.thing for version in vault.store.read(lambda conn: listed(conn, Stop))]
    assert (stop.visit_id, stop.status, stop.schedule_version) == ("a", StopStatus.PLANNED, 7)
    assert stop.arrived is not None
    assert (stop.arrived.at, stop.arrived.way) == (NINE - timedelta(minutes=8), CheckInWay.POSITION)
    assert (stop.arrived.metres, stop.arrived.clock_ahead_s) == (0, 3)
