"""A locked vehicle does not claim that nothing waits: what was not sealed yet cannot be counted without the key."""

import json
from pathlib import Path

from typer.testing import CliRunner

from commands import sync as sync_command
from commands import vehicle as vehicle_command
from tests.integration.vehicle.vehicle_world import Vehicle, make_vehicle, wait_until


def test_complete_is_said_only_of_an_open_vehicle(tmp_path: Path) -> None:
    make_vehicle(tmp_path / "V01", "")
    vehicle, runner = Vehicle(tmp_path / "V01"), CliRunner()
    vehicle.start()
    try:
        folder = str(vehicle.root)
        for command in (vehicle_command.app, sync_command.app):
            assert runner.invoke(command, ["status", folder, "--require-complete"]).exit_code == 4
        said = json.loads(runner.invoke(vehicle_command.app, ["status", folder, "--json"]).stdout)
        assert (said["waits"], said["sync"]["is_whole"]) == (0, False)
        vehicle.login()
        wait_until(lambda: vehicle.do("status")["sync"]["is_whole"])
        for command in (vehicle_command.app, sync_command.app):
            assert runner.invoke(command, ["status", folder, "--require-complete"]).exit_code == 0
    finally:
        vehicle.stop()
