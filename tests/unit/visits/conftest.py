"""The clinic fixture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.visits.visits_world import Clinic
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.store import Store


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    (tmp_path / "blobs").mkdir()
    key = database_key(new_data_key())
    store = Store.open(tmp_path / "clinic.db", tmp_path / "blobs", key, vehicle="V01", incarnation=1)
    yield Clinic(store)
    store.close()
