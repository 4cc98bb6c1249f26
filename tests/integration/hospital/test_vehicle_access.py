"""A running hospital's own broker: a revoked vehicle is off, an ended certificate is renewed and lets the box in."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clinic_records.clock import SystemClock, from_ms
from clinic_records.errors import AccessError, Offline, PeerRefused
from cloud_hospital.authority.authority import Authority
from cloud_hospital.folder import HospitalFolder
from sync.certificates import leaf, public_of, renew_at
from sync.enrolment import Enrolment, decode_enrolment, encode
from sync.keys import AnyOf, OriginPublic
from sync.mqtt import MqttLink
from vehicle_agent.services.courier import Courier
from vehicle_agent.services.renewal import Renewal
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.tls import TlsFiles, vehicle_broker

CLI = [sys.executable, "-c", "from cli import main; main()"]
REVOKED_WITHIN_S = 60.0
"""What the operator is promised; a deadline, not a measurement."""


def clinic(*arguments: object) -> None:
    subprocess.run([*CLI, *map(str, arguments)], check=True, capture_output=True, timeout=120)


def kinds() -> list[Any]:
    return [pytest.param("embedded"), pytest.param("mosquitto", marks=pytest.mark.peer)]


@pytest.fixture(params=kinds())
def hospital(request: pytest.FixtureRequest, tmp_path: Path, need_program: Callable[[str], str]) -> Iterator[Path]:
    if request.param == "mosquitto":
        need_program("mosquitto")
    folder = tmp_path / "hospital"
    clinic("hospital", "init", folder, "--web-port", 0, "--broker-port", 0, "--broker", request.param)
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen([*CLI, "hospital", "run", str(folder)], stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ready:"), (tmp_path / "log").read_text()
        yield folder
    finally:
        process.terminate()
        process.communicate(timeout=30)
        log.close()


class Box:
    """A vehicle's keys and its enrolment."""

    def __init__(self, vehicle: str, hospital: Path, folder: Path) -> None:
        folder.mkdir()
        self.files = TlsFiles.create(folder / "tls")
        self.keys = DeviceKeys.create(folder / "device.key")
        request, granted = folder / "request.json", folder / "enrolment.json"
        request.write_bytes(encode(self.keys.request(vehicle, self.files.request(vehicle))))
        clinic("hospital", "enrol-vehicle", hospital, request, "--out", granted)
        sign_public = self.keys.sign.public.raw
        self.granted: Enrolment = decode_enrolment(
            granted.read_bytes(), vehicle=vehicle, vehicle_sign_public=sign_public
        )
        self.files.keep(self.granted)

    @property
    def link(self) -> MqttLink:
        return MqttLink(vehicle_broker(self.granted, self.files, lambda: from_ms(self.granted.granted_ms)))

    async def connected(self) -> MqttLink:
        link = self.link
        await link.connect((f"clinic/v1/{self.granted.vehicle}/down/#",), None)
        return link

    def renewal(self, url: str = "", *, is_refused: bool = False) -> Renewal:
        granted = msgspec.structs.replace(self.granted, renewal_url=url or self.granted.renewal_url)
        return Renewal(
            keys=self.keys,
            files=self.files,
            hospital=granted,
            believed=lambda: AnyOf((OriginPublic(granted.sign_public),)),
            clock=SystemClock(),
            is_refused=lambda: is_refused,
        )


@pytest.mark.timeout(240)
def test_revoked_is_off_and_ended_is_renewed(hospital: Path, tmp_path: Path) -> None:
    stolen, late = (Box(vehicle, hospital, tmp_path / vehicle) for vehicle in ("V01", "V02"))

    async def play() -> None:
        thief = await stolen.connected()
        revoked = asyncio.create_task(
            asyncio.to_thread(clinic, "hospital", "revoke-vehicle", hospital, "V01", "--why", "stolen")
        )
        other = await late.connected()
        await revoked
        until = time.monotonic() + REVOKED_WITHIN_S
        while thief.is_up:
            assert time.monotonic() < until, "still connected"
            await asyncio.sleep(0.05)
        await thief.close(is_graceful=False)
        with pytest.raises((AccessError, Offline)):
            await stolen.connected()
        assert other.is_up, "nobody else was disturbed"
        await other.close(is_graceful=True)
        with pytest.raises(PeerRefused):
            await asyncio.to_thread(stolen.renewal().renew)

        show_an_ended_certificate(late, hospital)
        with pytest.raises((AccessError, Offline)):
            await late.connected()
        assert late.renewal().is_due
        await asyncio.to_thread(late.renewal().renew)
        assert not late.renewal().is_due
        await (await late.connected()).close(is_graceful=True)
        await renew_in_session(late, tmp_path / "spool")

    asyncio.run(play())


async def renew_in_session(box: Box, spool_folder: Path) -> None:
    """The vehicle's own courier carries the request where nobody listens on the web."""
    clock, spool = SystemClock(), Spool(spool_folder, keys=box.keys, hospital=box.granted)
    courier = Courier(
        keys=box.keys, tls=box.files, hospital=box.granted, spool=spool, clock=clock, on_incarnation=lambda _: None
    )
    renewal = box.renewal("http://127.0.0.1:9/")
    courier.follow_renewal(renewal)
    before = box.files.identity.certificate.read_bytes()
    running = asyncio.create_task(courier.run())
    async with asyncio.timeout(REVOKED_WITHIN_S):
        while box.files.identity.certificate.read_bytes() == before:
            with contextlib.suppress(Offline):  # no session yet
                await asyncio.to_thread(renewal.renew)
            await asyncio.sleep(0.2)
    courier.stop()
    await running
    spool.close()


def show_an_ended_certificate(box: Box, hospital: Path) -> None:
    """What the box has after some weeks without coverage."""
    vehicle = box.granted.vehicle
    then = SystemClock().now() - timedelta(days=40)
    public = public_of(box.files.request(vehicle), vehicle)
    chain = Authority(HospitalFolder(hospital).authority).issue(vehicle, public, then, timedelta(days=30))
    box.files.renew(chain.decode())
    assert renew_at(leaf(chain)) < SystemClock().now()
