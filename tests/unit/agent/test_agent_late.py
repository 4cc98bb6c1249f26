"""Law 6: what the hospital has not acknowledged for a day, a link without progress and a full disk are said."""

import pytest

from vehicle_agent.alarms import DISK, LINK, OVERDUE_S, disk_alarm, down_alarm, link_alarm, overdue, sentence, stalled
from vehicle_agent.stall import STALLED_S, Progress
from vehicle_agent.store.durable import ROOM
from vehicle_agent.store.retention import DiskBudget, DiskLevel, DiskView
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
    said = sentence(overdue(counts))
    assert bool(said) is is_alarm
    assert not is_alarm or ("小时" in said and "hours" in said)


def test_online_for_half_an_hour_without_progress_is_said() -> None:
    progress = Progress()
    assert progress.note(0.0, 1, is_online=True, waits=True) == 0
    assert stalled(progress.note(STALLED_S - 1, 1, is_online=True, waits=True)) == []
    said = stalled(progress.note(STALLED_S, 1, is_online=True, waits=True))
    assert [each.code for each in said] == ["stalled"]
    assert "30 分钟" in said[0].zh


@pytest.mark.parametrize(
    ("mark", "is_online", "waits"), [(2, True, True), (1, False, True), (1, True, False)]
)  # progress, no link, nothing to send
def test_progress_or_a_reason_for_silence_begins_it_anew(mark: int, *, is_online: bool, waits: bool) -> None:
    progress = Progress()
    progress.note(0.0, 1, is_online=True, waits=True)
    assert progress.note(STALLED_S * 2, mark, is_online=is_online, waits=waits) == 0
    progress.note(STALLED_S * 2, mark, is_online=True, waits=True)
    assert progress.note(STALLED_S * 2 + 5, mark, is_online=True, waits=True) == 5


def test_each_level_of_the_disk_is_said_before_the_nurses_reserve_is_reached() -> None:
    budget = DiskBudget(tight=5 * 2**30, low=2**30)
    levels = [budget.level(free) for free in (6 * 2**30, 4 * 2**30, 2**29, ROOM - 1)]
    assert levels == [DiskLevel.WELL, DiskLevel.TIGHT, DiskLevel.LOW, DiskLevel.CARE_ONLY]
    said = [disk_alarm(DiskView(2**29, 2**40, level)) for level in levels]
    assert [[each.code for each in alarms] for alarms in said] == [
        [],
        ["disk-tight"],
        ["disk-low"],
        ["disk-care-only"],
    ]
    assert "0.5 GB" in sentence(said[2])


def test_every_alarm_tells_both_languages_what_to_do() -> None:
    for zh, en in (*LINK.values(), *DISK.values()):
        assert zh != en
        assert zh
    assert [each.code for each in link_alarm("fork")] == ["fork"]
    assert link_alarm("") == []
    assert sentence(link_alarm("of a later program")).startswith("of a later program")
    assert "3 件" in sentence(down_alarm(3))
    assert down_alarm(0) == []
