"""These tests are about the pages, not about the cost of a PIN."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.web.web_bench import Bench, Served
from vehicle_agent.store import slots


@pytest.fixture(scope="module", autouse=True)
def cheap_pins() -> Iterator[None]:
    """A thousandth of the memory, as long as a module's desk lives; the slots' own test keeps the real cost."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(slots, "_MEMORY_KIB", 64)
        patched.setattr(slots, "_PASSES", 1)
        yield


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A vehicle of the test's own."""
    with Served(Bench(tmp_path / "V03")) as one:
        yield one
