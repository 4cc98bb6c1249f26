"""Which version a vehicle-day keeps: that of its earliest check-in, in whatever order the stops are told."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clinic_records.care import CheckIn, CheckInWay, Stop
from clinic_records.ids import StopId
from schedules.vehicle_days import came_at, kept_versions

DAY = date(2026, 11, 23)
NINE = datetime(2026, 11, 23, 1, tzinfo=UTC)


def stop(minutes: int | None, version: int, *, opened_after: int = 5, day: date = DAY) -> Stop:
    came = None if minutes is None else NINE + timedelta(minutes=minutes)
    return Stop(
        id=StopId("s"),
        vehicle="V01",
        point_id="P",
        point_name="p",
        village="v",
        day=day,
        start=time(9),
        end=time(11),
        schedule_version=version,
        arrived=None if came is None else CheckIn(came, CheckInWay.POSITION),
        opened_at=None if came is None else came + timedelta(minutes=opened_after),
    )


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(1, 9)), min_size=1, unique_by=lambda each: each[0]),
    st.randoms(use_true_random=False),
)
def test_the_earliest_check_in_says(told: list[tuple[int, int]], random: Random) -> None:
    stops = [stop(minutes, version) for minutes, version in told]
    random.shuffle(stops)
    assert kept_versions(stops) == {DAY: min(told)[1]}


def test_the_check_in_counts_before_the_opening() -> None:
    early, late = stop(0, 12, opened_after=90), stop(30, 13, opened_after=1)
    assert kept_versions([late, early]) == {DAY: 12}
    assert came_at(stop(None, 12)) is None


def test_neither_a_stop_without_a_plan_nor_one_nobody_came_to_keeps_a_version() -> None:
    tomorrow = DAY + timedelta(days=1)
    assert kept_versions([stop(0, 0), stop(None, 12), stop(60, 13), stop(0, 14, day=tomorrow)]) == {
        DAY: 13,
        tomorrow: 14,
    }
