"""A vehicle with all four devices of the spine, its simulators plugged in; the agent is started by the test."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devices.simulators.ecg_scp import EcgScpSimulator
from devices.simulators.spirometer import SpirometerSimulator
from tests.integration.vehicle.vehicle_world import Clinic, Vehicle, make_vehicle


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    devices = f"""
[[devices]]
id = "ecg1"
key = "ecg-scp"
url = "serial:{tmp_path / "ecg"}"
[[devices]]
id = "spiro1"
key = "spirometer-sp80b"
url = "serial:{tmp_path / "spiro"}"
[[devices]]
id = "us1"
key = "ultrasound-dicom"
ae_title = "US1"
"""
    with ExitStack() as stack:
        ecg = EcgScpSimulator(tmp_path / "ecg", baud=0)
        stack.callback(ecg.close)
        spirometer = SpirometerSimulator(tmp_path / "spiro")
        stack.callback(spirometer.close)
        make_vehicle(tmp_path / "V01", devices)
        vehicle = Vehicle(tmp_path / "V01")
        stack.callback(lambda: sys.stderr.write(vehicle.log()))  # shown by pytest where the test failed
        stack.callback(vehicle.stop)
        yield Clinic(vehicle, ecg, spirometer)
