"""A form sent again after the agent started anew registers nobody twice, and never shows another person's page."""

from collections.abc import Iterator

import httpx
import pytest

from clinic_web.once import Once
from tests.unit.web.web_bench import Bench, Served, logged_in

FORM = {
    "name": "雷大娘",
    "sex": "female",
    "birth_unknown": "yes",
    "identity_check": "declared",
    "allergies": "asked-none",
    "reason": "咳嗽",
    "key": "form-1",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(Bench(tmp_path_factory.mktemp("vehicle"))) as one:
        yield one


@pytest.fixture(scope="module")
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served) as one:
        one.post("/stop/open", data={"x": "1"})
        yield one


def forget(served: Served) -> None:
    """What the pages remember in memory is gone, as after a restart of the agent."""
    served.bench.app.state.site.once = Once()


def named(served: Served, name: str) -> int:
    return len(served.run(served.bench.desk.search(name)))


def test_the_same_form_after_a_restart_is_the_same_person_and_encounter(nurse: httpx.Client, served: Served) -> None:
    first = nurse.post("/people/new", data=FORM)
    forget(served)
    again = nurse.post("/people/new", data=FORM)
    assert (again.status_code, again.url) == (200, first.url)
    assert "/enc/" in str(first.url)
    assert named(served, "雷大娘") == 1


def test_a_form_changed_and_sent_again_is_another_person(nurse: httpx.Client, served: Served) -> None:
    """The browser's way back keeps the key; the second villager must not open the first one's page."""
    first = nurse.post("/people/new", data={**FORM, "name": "蓝大爷", "key": "form-2"})
    second = nurse.post("/people/new", data={**FORM, "name": "钟大爷", "key": "form-2"})
    forget(served)
    third = nurse.post("/people/new", data={**FORM, "name": "兰大爷", "key": "form-2"})
    assert len({first.url, second.url, third.url}) == 3
    assert (named(served, "蓝大爷"), named(served, "钟大爷"), named(served, "兰大爷")) == (1, 1, 1)


def test_a_form_without_a_key_counts_each_time(nurse: httpx.Client, served: Served) -> None:
    for _ in range(2):
        nurse.post("/people/new", data={**FORM, "name": "同名", "key": ""})
    assert named(served, "同名") == 2
