"""PostgreSQL, its backends, workers and broker killed while vehicles bring their evening in: all of it once."""

import pytest

from benchmarks.prefecture.database import Server
from benchmarks.prefecture.evening import Day
from benchmarks.prefecture.kill import killed_evening

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]


def test_nothing_is_lost_or_doubled_when_the_database_is_killed_under_the_workers(server: Server) -> None:
    evening = killed_evening(server, 3, vehicles=3, kills=4, day=Day(people=12, recordings=30, pictures=1))
    assert evening.judged.is_clean, evening.judged
    assert evening.seconds is not None
    assert evening.kills == {"backend": 1, "worker": 1, "stop at once": 1, "postmaster": 1}
