"""One lab a module: a hospital and a vehicle as separate processes."""

from collections.abc import Iterator

import pytest

from benchmarks.lab import working_lab
from commands.demo.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Schedule published, vehicle unlocked, stop open, no limit on the road."""
    with working_lab() as made:
        yield made
