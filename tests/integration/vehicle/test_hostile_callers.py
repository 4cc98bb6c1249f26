"""The listener's own process under each attack: a device is served, memory is bounded, no path is made of a name."""

from pathlib import Path

import pytest

from benchmarks.dicom_peers import OURS, running
from benchmarks.hostile import LIMIT_MIB, SERVED_S, allow_many_sockets, attack
from benchmarks.hostile_callers import ATTACKS

pytestmark = pytest.mark.filterwarnings("ignore:.*UI.*:UserWarning")


KNOWN = {
    *("vehicle.toml", "vault.pub", "log", "evil.dcm", "held.txt", "steps.jsonl", "commitments.jsonl"),
    "closed-ports.json",
}
"""Names of files that the vehicle or the attack makes by itself."""


@pytest.mark.parametrize("name", ATTACKS)
def test_a_device_is_served_beside_it(name: str, tmp_path: Path) -> None:
    allow_many_sockets()
    vehicle = tmp_path / "vehicle"
    vehicle.mkdir()
    with running(OURS, vehicle) as store:
        came_to, seconds, mib = attack(name, store, tmp_path)
    assert seconds <= SERVED_S, came_to
    assert mib <= LIMIT_MIB, came_to
    kept = {path for path in tmp_path.rglob("*") if path.is_file()}
    sealed = {path for path in kept if path.parent == vehicle / "inbox"}
    assert sealed
    assert all(path.suffix == ".sealed" for path in sealed), "nothing half is left"
    assert {path.name for path in kept - sealed} <= KNOWN
