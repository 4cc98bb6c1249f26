"""A vehicle's open vault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vehicle_agent.store.derive import new_data_key
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.vault import Vault, create_vault


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    folder = VehicleFolder(tmp_path / "V01")
    key = new_data_key()
    create_vault(folder, key, vehicle="V01", incarnation=1)
    vault = Vault(folder, vehicle="V01", incarnation=1)
    vault.open_with(key)
    yield vault
    vault.lock()
