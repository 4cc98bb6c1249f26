"""The wires: real ptys and sockets, and what a cut, a thief of the port and a wrong URL become."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_records.errors import ConfigError, DeviceUnavailable
from devices.simulators.pty_line import PtyLine
from devices.transports.faulty import Faults, FaultyTransport
from devices.transports.loop import LoopTransport
from devices.transports.open import check_url, open_transport


@pytest.fixture
def line(tmp_path: Path) -> Iterator[PtyLine]:
    made = PtyLine(tmp_path / "port")
    yield made
    made.close()


def test_serial_line_carries_every_byte_value_both_ways(line: PtyLine) -> None:
    every = bytes(range(256))
    wire = open_transport(f"serial:{line.path}?baud=9600")
    try:
        line.write(every)
        got = b""
        while len(got) < len(every):
            got += wire.read(1.0)
        wire.write(every)
        back = b""
        while len(back) < len(every):
            back += line.read(1.0)
        assert (got, back) == (every, every)
        assert wire.read(0.01) == b""
    finally:
        wire.close()


def test_serial_line_has_one_reader(line: PtyLine) -> None:
    wire = open_transport(f"serial:{line.path}")
    try:
        with pytest.raises(DeviceUnavailable, match=str(line.path)):
            open_transport(f"serial:{line.path}")
    finally:
        wire.close()
    open_transport(f"serial:{line.path}").close()


def test_line_survives_its_reader(line: PtyLine) -> None:
    for _ in range(3):
        wire = open_transport(f"serial:{line.path}")
        line.wait_connected(5.0)
        line.write(b"hello")
        assert wire.read(1.0) == b"hello"
        wire.close()
        assert not line.is_connected


def test_unplugged_serial_line_is_unavailable(tmp_path: Path) -> None:
    line = PtyLine(tmp_path / "port")
    wire = open_transport(f"serial:{line.path}")
    line.close()
    try:
        with pytest.raises(DeviceUnavailable):
            wire.read(1.0)
        with pytest.raises(DeviceUnavailable):
            wire.write(b"x")
    finally:
        wire.close()
    assert not (tmp_path / "port").exists()


def test_tcp_wire_and_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = open_transport(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"from the device")
            assert wire.read(2.0) == b"from the device"
            assert wire.read(0.01) == b""
            wire.write(b"to the device")
            assert peer.recv(100) == b"to the device"
        with pytest.raises(DeviceUnavailable, match="closed"):
            wire.read(2.0)
        wire.close()
        with pytest.raises(DeviceUnavailable):
            wire.read(0.0)


def test_replay_gives_the_file_then_silence_then_the_cut(tmp_path: Path) -> None:
    file = tmp_path / "session.bin"
    file.write_bytes(b"recorded")
    wire = open_transport(f"replay:{file}")
    assert [wire.read(1.0), wire.read(1.0)] == [b"recorded", b""]
    wire.write(b"nobody listens")
    with pytest.raises(DeviceUnavailable, match="over"):
        wire.read(1.0)
    wire.close()


def test_loop_gives_back_what_was_written() -> None:
    wire = open_transport("loop:")
    wire.write(b"a" * 100_000)
    assert len(wire.read(1.0)) + len(wire.read(1.0)) == 100_000
    assert wire.read(0.01) == b""
    wire.close()
    for use in (lambda: wire.read(0.0), lambda: wire.write(b"")):
        with pytest.raises(DeviceUnavailable):
            use()


@pytest.mark.parametrize(
    "url",
    [
        "", "serial", "usb:1", "serial:", "serial:/dev/x?baud=fast", "serial:/dev/x?parity=Q", "serial:/dev/x?colour=1",
        "tcp:", "tcp:host", "tcp:host:0", "tcp:host:99999", "tcp::80", "serial:/dev/null?stopbits=7",
    ],
)  # fmt: skip
def test_wrong_url_says_how_to_write_it(url: str) -> None:
    with pytest.raises(ConfigError):
        open_transport(url)


@pytest.mark.parametrize("url", ["serial:/dev/no-such-port", "replay:/no/such/file", "tcp:127.0.0.1:1"])
def test_what_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(DeviceUnavailable, match=url.split(":")[1]):
        open_transport(url)


def test_faults_are_the_same_for_the_same_seed() -> None:
    def read_all(seed: int) -> list[bytes]:
        inner = LoopTransport()
        inner.write(bytes(range(100)))
        wire = FaultyTransport(inner, Faults(is_bytewise=True, noise=0.5, loss=0.5, stall=0.2), seed)
        return [wire.read(0.001) for _ in range(200)]

    assert read_all(7) == read_all(7)
    assert len({tuple(read_all(seed)) for seed in range(6)}) > 1


def test_cut_comes_after_exactly_so_many_bytes() -> None:
    inner = LoopTransport()
    inner.write(bytes(100))
    wire = FaultyTransport(inner, Faults(cut_after=42), 1)
    assert wire.read(0.01) == bytes(42)
    inner.write(bytes(100))
    with pytest.raises(DeviceUnavailable, match="42"):
        wire.read(0.01)


@pytest.mark.parametrize(
    "url",
    ["seril:/dev/x", "serial:/dev/x?baud=fast", "serial:", "hid:relative", "tcp:host", "", "serial:/dev/x?colour=1"],
)
def test_a_wrong_url_is_seen_without_opening_it(url: str) -> None:
    with pytest.raises(ConfigError, match="transport"):
        check_url(url)
    for right in ("serial:/dev/none?baud=9600", "serial:usb:0403:6001", "hid:/dev/hidraw9", "tcp:host:80", "loop:"):
        check_url(right)
