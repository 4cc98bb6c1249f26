"""Which worker runs what: a module's tests stay together, and the longest modules come first.

Marks of `xdist_group` would say the same, but pytest 9.2 with xdist 3.8 passes over them without a word.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST: Final = (
    "unit/sync/test_simulation.py",
    "acceptance/test_bad_peers.py",
    "acceptance/test_fuzz.py",
    "integration/hospital/test_processes.py",
    "acceptance/test_kill.py",
    "acceptance/test_urgent.py",
    "acceptance/test_bad_input.py",
    "peer/test_prefecture_kills.py",
    "acceptance/test_fault_sessions.py",
    "peer/test_nurse_page.py",
    "peer/test_day_over_mosquitto.py",
    "acceptance/test_clinic_day.py",
)
"""Half a minute and more, longest first: begun late, one of them would run on alone at the end."""


class ByModule(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out whole modules, so that what a module shares is made once."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::", 1)[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Order the tests, each module's own order kept."""
    rank = {f"tests/{module}": place for place, module in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("::", 1)[0], len(rank)))
