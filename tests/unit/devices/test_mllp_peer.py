"""Our MLLP line with python-hl7's client at the other end of a real TCP connection."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Thread

import hl7
import pytest
from hl7.client import MLLPClient

from clinic_records.errors import BadFrame, DeviceUnavailable
from devices.framing.base import Frame
from devices.hl7.mllp import Hl7Mllp
from devices.pump import pump
from devices.simulators.hl7_devices import chemistry_message, monitor_message, spirometer_message
from devices.transports.tcp import TcpTransport
from recordings.hl7.results import decode_hl7


class Listener:
    """A port that serves one connection after the other with a fresh driver each."""

    def __init__(self) -> None:
        self.kept: list[Frame | BadFrame] = []
        self._stop = Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._server.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.settimeout(10)
            wire = TcpTransport(connection, "peer")
            with suppress(DeviceUnavailable):
                pump(wire, Hl7Mllp(lambda: datetime.now(UTC)), self.kept.append, self._stop)
            wire.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.close()


def test_an_independent_client_gets_its_acknowledgements(listener: Listener) -> None:
    with MLLPClient("127.0.0.1", listener.port) as client:
        for number, make in enumerate((chemistry_message, spirometer_message, monitor_message), 1):
            data = make(control_id=f"M{number}")
            answer = hl7.parse(client.send_message(data).strip(b"\x0b\x1c\r").decode())
            assert (str(answer["MSA"][0][1]), str(answer["MSA"][0][2])) == ("AA", f"M{number}")
            assert str(answer["MSH"][0][9]).startswith("ACK")
            (kept,) = listener.kept[number - 1 :]
            assert kept.raw == b"\x0b" + data + b"\x1c"
            assert decode_hl7(kept.raw)[0].numerics


def test_it_may_connect_again_for_every_message(listener: Listener) -> None:
    for number in range(3):
        with MLLPClient("127.0.0.1", listener.port) as client:
            assert f"MSA|AA|{number}".encode() in client.send_message(chemistry_message(control_id=str(number)))
    assert len(listener.kept) == 3


def test_what_it_may_not_send_is_refused_to_its_face(listener: Listener) -> None:
    with MLLPClient("127.0.0.1", listener.port) as client:
        assert b"MSA|AR|9" in client.send_message(b"MSH|^~\\&|A|||||" + b"|ADT^A01|9|P|2.3.1\rPID|1\r")
