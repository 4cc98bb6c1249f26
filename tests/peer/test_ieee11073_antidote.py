"""Our manager with agents we did not write, our simulated agents with a manager we did not write: signove/antidote.

No distribution packages its sample programs. In its source, with `lib` for
`src/*.c src/{api,communication,communication/parser,communication/plugin,dim,specializations,util,trans}/*.c`:
`gcc -D_GNU_SOURCE -I. -Isrc -pthread -o antidote-agent apps/sample_agent.c apps/sample_agent_common.c $lib -lm` and
`gcc -D_GNU_SOURCE -I. -Isrc -pthread -o antidote-manager apps/sample_manager.c $lib -lm`; then put both on the PATH.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Timer

import pytest

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.simulators import phd
from devices.transports.base import Transport
from devices.transports.tcp import TcpTransport
from recordings.ieee11073 import nomenclature as mdc
from recordings.ieee11073.decode import decode

pytestmark = pytest.mark.peer
PORT = 6024
"""Both programs' own constant."""


def find(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not on the PATH; how it is built stands above")
    return program


@pytest.mark.parametrize(
    ("sensor", "modality", "codes"),
    [
        ("bloodpressure", "blood-pressure", {"8480-6", "8462-4", "8478-0", "8867-4"}),
        ("pulseoximeter", "oximetry", {"59408-5", "8889-8"}),
        ("weightscale", "body", {"29463-7"}),
        ("glucometer", "glucose", {"41653-7"}),
    ],
)
def test_sample_agent_is_heard_to_its_release(sensor: str, modality: str, codes: set[str]) -> None:
    program = find("antidote-agent")
    items: list[Frame | BadFrame] = []
    with socket.create_server(("127.0.0.1", PORT)) as server:
        server.settimeout(20)
        agent = subprocess.Popen([program, sensor], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection, _ = server.accept()
            connection.settimeout(30)
            with connection, suppress(DeviceUnavailable):  # it hangs up after its release
                driver = make_driver("ieee-11073", lambda: datetime.now(UTC))
                pump(TcpTransport(connection, "agent"), driver, items.append, Event())
        finally:
            agent.terminate()
            agent.wait(10)
    assert all(isinstance(item, Frame) for item in items)
    found = [one for item in items for one in decode(item.raw)]
    assert len(found) == 3, "it measures three times before it releases"
    for one in found:
        assert (one.modality, {n.code.code for n in one.numerics}) == (modality, codes)
        assert all(n.quantity for n in one.numerics)
        assert one.device["system_id"] == "1133557799bbddff"
        if one.start:
            local = datetime.now().astimezone().utcoffset() or timedelta()
            assert abs(one.start + timedelta(hours=8) - local - datetime.now(UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("simulate", "values"),
    [
        (phd.simulate_blood_pressure, {"128.000000", "82.000000", "97.000000", "71.000000"}),
        (phd.simulate_oximeter, {"97.000000", "98.000000", "71.000000", "72.000000", "73.000000"}),
        (phd.simulate_thermometer, {"36.799999"}),
        (phd.simulate_scale, {"62.400002"}),
        (phd.simulate_glucose, {"6.100000", str(mdc.CTXT_GLU_MEAL_FASTING)}),
        (phd.simulate_peak_flow, {"412.000000", "520.000000", "2.450000"}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_simulated_agent_is_read_alike_by_the_sample_manager(
    simulate: Callable[[Transport, Event], None], values: set[str], tmp_path: Path
) -> None:
    """It prints each value as a C float with six decimals."""
    # it remembers configurations in its temporary folder
    settings = os.environ | dict.fromkeys(("TMP", "TMPDIR", "TEMP"), str(tmp_path))
    manager = subprocess.Popen(
        [find("antidote-manager"), "--tcp"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=settings
    )
    stop = Event()
    try:
        with connected() as wire:
            wire.settimeout(30)
            waker = Timer(60, stop.set)
            waker.start()
            simulate(TcpTransport(wire, "manager"), stop)
            waker.cancel()
    finally:
        manager.terminate()
        _, said = manager.communicate(timeout=60)
    assert not stop.is_set(), "it was never released"
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if '"HANDLE"' in line]
    shown = re.findall(
        r'"(?:[a-z-]*value[a-z-]*|\d)", "type": "\w+", "value": "([^"]*)"', "".join(lines), re.IGNORECASE
    )
    assert set(shown) == values


def connected() -> socket.socket:
    """A connection as soon as the manager listens."""
    for _ in range(100):
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", PORT), 5)
        time.sleep(0.1)
    pytest.fail("the manager never listened")
