from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import SystemClock, from_ms, to_ms


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_there_and_back(unix_ms: int) -> None:
    assert to_ms(from_ms(unix_ms)) == unix_ms


def test_the_clock_never_shows_less_than_its_floor() -> None:
    future = datetime.now(UTC) + timedelta(days=365)
    clock = SystemClock()
    doubtful = [clock.is_doubtful]
    clock.raise_floor(future)
    assert clock.now() == future
    doubtful.append(clock.is_doubtful)
    assert doubtful == [False, True]
    clock.raise_floor(future - timedelta(days=100))
    assert clock.now() == future


def test_a_floor_in_the_past_changes_nothing() -> None:
    clock = SystemClock(datetime(2020, 1, 1, tzinfo=UTC))
    assert not clock.is_doubtful
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
