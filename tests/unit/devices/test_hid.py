"""Reports through a device node; a pty stands for it, as it is a character device too."""

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_records.errors import ConfigError, DeviceUnavailable
from devices.transports.hid import REPORT_SIZE
from devices.transports.open import open_transport


@pytest.fixture
def node() -> Iterator[tuple[int, str]]:
    """The device's end and the path of ours."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_reports_go_both_ways(node: tuple[int, str]) -> None:
    master, path = node
    wire = open_transport(f"hid:{path}")
    assert wire.read(0) == b""
    wire.write(b"\x40\x8f" + bytes(62) + b"\x42")
    sent = b""
    while len(sent) < 2 * (REPORT_SIZE + 1):  # a pty hands over what is there already
        sent += os.read(master, 1000)
    assert sent == b"\0\x40\x8f" + bytes(62) + b"\0\x42" + bytes(63)
    os.write(master, b"\x48" * REPORT_SIZE)
    assert wire.read(1.0) == b"\x48" * REPORT_SIZE
    wire.close()
    wire.close()
    with pytest.raises(DeviceUnavailable):
        wire.read(0)
    with pytest.raises(DeviceUnavailable):
        wire.write(b"x")


def test_node_is_ours_alone(node: tuple[int, str]) -> None:
    wire = open_transport(f"hid:{node[1]}")
    with pytest.raises(DeviceUnavailable, match="another program"):
        open_transport(f"hid:{node[1]}")
    wire.close()
    open_transport(f"hid:{node[1]}").close()


def test_what_is_no_node_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ConfigError, match="not a device node"):
        open_transport(f"hid:{tmp_path / 'file'}")
    with pytest.raises(ConfigError, match="hidraw"):
        open_transport("hid:hidraw0")
    with pytest.raises(DeviceUnavailable, match="No such file"):
        open_transport(f"hid:{tmp_path / 'none'}")


def test_unplugged_device_is_a_cut_wire() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    wire = open_transport(f"hid:{os.ttyname(slave)}")
    os.close(slave)
    os.close(master)
    with pytest.raises(DeviceUnavailable):
        wire.read(0.1)
    wire.close()
