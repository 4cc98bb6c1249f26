"""The short form of `make fault-sessions`: one batch of few visits."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.fault_sessions import VERDICTS

pytestmark = [pytest.mark.acceptance, pytest.mark.kill, pytest.mark.timeout(600)]


def test_a_clinic_works_over_faulty_connections_and_kills(campaign: Callable[..., list[dict[str, Any]]]) -> None:
    lines = campaign("fault_sessions", "--sessions", "5", "--kills", "3", "--cycles", "5", "--budget-s", "240")
    assert all(line[name] == 0 for line in lines for name in VERDICTS)
    assert all(line["told"] >= 3 * line["cycles"] for line in lines)
    assert len({fate for line in lines for fate in line["fates"]}) >= 3
