"""Our manager with agents we did not write: the sample agent of signove/antidote, which calls TCP port 6024.

No distribution packages it. From its source: `gcc -D_GNU_SOURCE -I. -Isrc -pthread -o antidote-agent
apps/sample_agent.c apps/sample_agent_common.c $(ls src/*.c src/{api,communication,communication/parser,
communication/plugin,dim,specializations,util,trans}/*.c) -lm`, then put it on the PATH.
"""

import shutil
import socket
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices.framing.base import Frame
from devices.pump import pump
from devices.registry import make_driver
from devices.transports.tcp import TcpTransport
from recordings.ieee11073.decode import decode

pytestmark = pytest.mark.peer
PORT = 6024
"""The agent's own constant."""


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
    program = shutil.which("antidote-agent")
    if program is None:
        pytest.skip("antidote-agent is not on the PATH; how it is built stands above")
    items: list[Frame | BadFrame] = []
    with socket.create_server(("127.0.0.1", PORT)) as server:
        server.settimeout(20)
        agent = subprocess.Popen([program, sensor], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection, _ = server.accept()
            connection.settimeout(5)
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
