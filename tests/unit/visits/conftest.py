"""The clinic fixture."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.visits.visits_world import Clinic
from vehicle_agent.store.derive import database_key, new_data_key
from vehicle_agent.store.store import Store


@contextmanager
def opened(folder: Path) -> Iterator[Clinic]:
    """A clinic on a new store in `folder`."""
    (folder / "blobs").mkdir()
    key = database_key(new_data_key())
    store = Store.open(folder / "clinic.db", folder / "blobs", key, vehicle="V01", incarnation=1)
    yield Clinic(store)
    store.close()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with opened(tmp_path) as one:
        yield one
