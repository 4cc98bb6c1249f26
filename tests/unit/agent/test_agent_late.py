"""Law 6: what the hospital has not acknowledged for a day is an alarm, not silence."""

import pytest

from vehicle_agent.status import OVERDUE_S, overdue
from vehicle_agent.visits.views import LaneCounts


@pytest.mark.parametrize(
    ("counts", "is_alarm"),
    [
        (LaneCounts(), False),
        (LaneCounts(queued=3, oldest_s=OVERDUE_S - 1), False),
        (LaneCounts(queued=3, oldest_s=OVERDUE_S + 1), True),
        (LaneCounts(refused=1, oldest_s=OVERDUE_S * 9), True),
    ],
)
def test_a_day_without_a_receipt_is_said(counts: LaneCounts, *, is_alarm: bool) -> None:
    said = overdue(counts)
    assert bool(said) is is_alarm
    assert not is_alarm or ("小时" in said and "hours" in said)
