"""The stream of a tab: whole leaves, only those that changed, and the word that it was locked."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.unit.web.web_bench import Served, logged_in, villager
from vehicle_agent.web.routes import live
from vehicle_agent.web.routes.live import message


class Stream:
    """The events of one tab, read until one is seen; the connection's own time limit bounds the wait."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def until(self, wanted: str) -> list[tuple[str, str]]:
        """Events up to and with the first named `wanted`."""
        seen: list[tuple[str, str]] = []
        name, data = "", []
        for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line and name:
                seen.append((name, "\n".join(data)))
                if name == wanted:
                    return seen
                name, data = "", []
        raise AssertionError(f"the stream ended before {wanted}: {[event for event, _ in seen]}")


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served, follows=False) as one:
        yield one


def test_a_reading_reaches_the_open_page_once_and_whole(served: Served, nurse: httpx.Client) -> None:
    bench = served.bench
    served.run(bench.desk.open_stop(bench.nurse))
    patient = served.run(bench.desk.register(villager(), bench.nurse))
    encounter = served.run(bench.desk.open_encounter(patient.id, "", bench.nurse))
    with nurse.stream("GET", f"/live?page=enc:{encounter.id}") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        first = dict(stream.until("beat"))
        assert {"counts", "enc-state", "dev-ecg-1-state", "dev-ecg-1-act"} <= set(first)
        assert "reading" not in first
        served.run(bench.desk.arm(bench.ecg, encounter.id, bench.nurse))
        armed = dict(stream.until("dev-ecg-1-act"))
        assert "正在等：王秀英" in armed["dev-ecg-1-state"]
        assert "counts" not in armed, "what did not change is not sent again"
        recording = served.run(bench.deliver("ecg-1"))
        news = stream.until("reading")
        assert ("say", "王秀英的心电图到了") in news
        assert f'id="rec-{recording.id}"' in news[-1][1]
        assert f"/rec/{recording.id}/picture" in news[-1][1]
        served.run(bench.desk.mark_urgent(recording.id, bench.nurse))
        later = stream.until(f"rec-{recording.id}-tags")
        assert "reading" not in dict(later), "a row is sent once; its leaves carry what changes"


def test_a_locked_tab_is_told(served: Served, nurse: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.2)  # the next beat tells it
    with nurse.stream("GET", "/live?page=today") as response:
        stream = Stream(response)
        stream.until("beat")
        nurse.post("/lock", data={"x": "1"})
        assert stream.until("locked")[-1] == ("locked", "")


def test_a_page_of_nothing_still_beats(served: Served, nurse: httpx.Client) -> None:
    for page in ("enc:none", "rec:none", "nowhere", ""):
        with nurse.stream("GET", f"/live?page={page}") as response:
            assert re.fullmatch(r"\d{13}", Stream(response).until("beat")[-1][1])


def test_each_line_of_a_leaf_is_a_data_line() -> None:
    assert message("x", "a\nb") == "event: x\ndata: a\ndata: b\n\n"
    assert message("x", "") == "event: x\ndata: \n\n"
