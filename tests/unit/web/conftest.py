"""These tests are about the pages, not about the cost of a PIN."""

from collections.abc import Iterator

import pytest

from vehicle_agent.store import slots


@pytest.fixture(scope="module", autouse=True)
def cheap_pins() -> Iterator[None]:
    """A thousandth of the memory, as long as a module's desk lives; the slots' own test keeps the real cost."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(slots, "_MEMORY_KIB", 64)
        patched.setattr(slots, "_PASSES", 1)
        yield
