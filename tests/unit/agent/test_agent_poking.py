"""The agent hears that something came; the device never waits for that."""

import threading
from pathlib import Path

from clinic_records.errors import Offline
from vehicle_agent.services.poking import Poking


def test_one_poke_for_all_that_came_meanwhile_and_an_agent_that_is_away_ends_nothing() -> None:
    entered, go_on = threading.Semaphore(0), threading.Semaphore(0)
    times = [0]

    def poke(path: Path) -> None:
        assert path == Path("agent.sock")
        times[0] += 1
        entered.release()
        go_on.acquire()
        if times[0] == 1:
            raise Offline("no agent")

    poking = Poking(Path("agent.sock"), poke=poke)
    poking.start()
    poking.came()
    assert entered.acquire(timeout=60)
    for _ in range(5):
        poking.came()  # while the first is on its way
    go_on.release()
    assert entered.acquire(timeout=60)
    assert times == [2]
    go_on.release()
    poking.came()
    assert entered.acquire(timeout=60)
    go_on.release()
