"""The pages of the vehicle's days: check-in, substitution, missed and made up, a stop nobody planned, who is due."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta

import httpx
import pytest

from clinic_records.care import Stop
from clinic_records.ids import StopId
from clinic_records.schedule import CancelledVisit, Visit
from tests.unit.web.schedule_bench import publish, today, usual, visit
from tests.unit.web.web_bench import Served, logged_in, villager
from vehicle_agent.visits.versions import listed


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served) as one:
        publish(served.bench, 12, *usual(served.bench))
        yield one


@pytest.fixture
def day(served: Served) -> date:
    return today(served.bench)


def stops(served: Served) -> dict[str, Stop]:
    found = served.bench.vault.store.read(lambda conn: listed(conn, Stop))
    return {one.thing.visit_id: one.thing for one in found}


def test_the_month_shows_every_visit_and_what_became_of_it(nurse: httpx.Client, day: date) -> None:
    page = nurse.get(f"/month?of={day - timedelta(days=4):%Y-%m}")
    assert page.status_code == 200
    assert "渤海镇安亭村上村" in page.text
    assert "未到" in page.text
    assert "V05也来" in nurse.get(f"/month?of={day:%Y-%m}").text
    assert nurse.get("/month?of=2031-02").status_code == 200
    assert nurse.get("/month?of=soon").status_code == 404


def test_the_month_and_today_say_why_a_visit_was_cancelled(nurse: httpx.Client, served: Served, day: date) -> None:
    gone = CancelledVisit(StopId("z"), day, "P003", "老年活动室", "渤海镇安亭村上村", "V03", time(16), "道路不通")
    publish(served.bench, 13, visit("a", day, "08:30"), cancelled=[gone])
    for place in (f"/month?of={day:%Y-%m}", "/"):
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", nurse.get(place).text))
        assert re.search("16:00 渤海镇安亭村上村 — 取消 (· )?道路不通", text), place
    nurse.post("/stop/open", data={"x": "1"})
    publish(served.bench, 14, cancelled=[CancelledVisit(StopId("a"), *_place(visit("a", day, "08:30")), "天气")])
    assert "(天气)" in nurse.get("/").text
    nurse.cookies.set("lang", "en")
    assert "(weather)" in nurse.get("/").text


def _place(one: Visit) -> tuple[date, str, str, str, str, time]:
    return one.date, one.point_id, one.point_name, one.village, one.vehicle_id, one.start


def test_opening_with_a_time_of_arrival(nurse: httpx.Client, served: Served, day: date) -> None:
    for wrong in ("25:00", "8点", "99"):
        page = nurse.post(f"/visits/{day}/b/open", data={"arrived": wrong})
        assert page.status_code == 422
        assert "到达时间写成 08:20" in page.text
        assert f'value="{wrong}"' in page.text, "what was typed is kept"
    assert stops(served) == {}
    page = nurse.post(f"/visits/{day}/b/open", data={"arrived": "0000"})
    assert (page.status_code, page.url.path) == (200, "/")
    assert "签到 00:00 (张护士)" in page.text
    assert stops(served)["b"].schedule_version == 12
    assert nurse.post(f"/visits/{day + timedelta(days=7)}/next/open", data={"x": "1"}).status_code == 404


def test_a_substitution_shows_on_the_visit_and_on_today(nurse: httpx.Client, served: Served, day: date) -> None:
    where = f"/visits/{day}/a/substitute"
    for lacking in ({}, {"why": "other"}, {"why": "leave?"}):
        page = nurse.post(where, data={"planned": "d001", "instead": "s009", **lacking})
        assert page.status_code == 422
        assert "选一个原因" in page.text
    assert nurse.post(where, data={"planned": "d001", "instead": "zz", "why": "ill"}).status_code == 404
    page = nurse.post(where, data={"planned": "d001", "instead": "s009", "why": "other", "note": "去接人"})
    assert "李护士来替" in page.text
    assert "其他：去接人" in page.text
    assert "班表里还排在V05" in page.text, "she is planned on two vehicles"
    assert "李护士（替兰医生）" in nurse.get("/").text
    page = nurse.post(where, data={"planned": "d001", "instead": "d001"})
    assert "李护士来替" not in page.text
    assert len(stops(served)["a"].substitutions) == 2


def test_a_missed_visit_wants_a_reason_and_can_be_made_up_for(nurse: httpx.Client, served: Served, day: date) -> None:
    old = day - timedelta(days=4)
    assert nurse.post(f"/visits/{old}/old/missed", data={"reason": ""}).status_code == 422
    page = nurse.post(f"/visits/{old}/old/missed", data={"reason": "road", "note": "塌方"})
    assert "路不通：塌方" in page.text
    extra = nurse.get("/stops/extra")
    assert "不是补诊" in extra.text
    assert nurse.post("/stops/extra", data={"reason": "asked"}).status_code == 422
    assert nurse.post("/stops/extra", data={"point": "P001"}).status_code == 422
    page = nurse.post("/stops/extra", data={"missed": "old"})
    assert (page.status_code, page.url.path) == (200, "/")
    made = stops(served)[""]
    assert (made.makes_up_for, made.point_id, made.reason) == ("old", "P003", "补诊")
    assert "不是补诊" not in nurse.get("/stops/extra").text


def test_a_newer_version_is_told_on_a_day_that_has_begun(nurse: httpx.Client, served: Served, day: date) -> None:
    nurse.post("/stop/open", data={"x": "1"})
    publish(served.bench, 13, visit("a", day, "08:30"), visit("c", day, "16:00", "P003"))
    page = nurse.get("/").text
    assert "班表第13版到了，今天有变动" in page
    assert "14:00 东坑村 不去了" in page
    assert "加了 16:00 渤海镇安亭村上村" in page
    nurse.cookies.set("lang", "en")
    assert "14:00 东坑村 is cancelled" in nurse.get("/").text


def test_a_version_between_the_page_and_the_press_opens_nothing_and_shows_the_page_anew(
    nurse: httpx.Client, served: Served, day: date
) -> None:
    assert '<input type="hidden" name="visit" value="a"><input type="hidden" name="version" value="12">' in (
        nurse.get("/").text
    )
    publish(served.bench, 13, visit("b", day, "14:00", "P002"))
    page = nurse.post("/stop/open", data={"visit": "a", "version": "12"})
    assert page.status_code == 409
    assert "班表刚换成第13版，没有开站" in page.text
    assert 'name="visit" value="b"' in page.text, "the page anew: pressing again opens what is shown now"
    assert stops(served) == {}
    gone = nurse.post(f"/visits/{day}/a/open", data={"arrived": ""}, headers={"hx-request": "true"})
    assert "班表里没有这一站了" in gone.text
    assert gone.headers["hx-reselect"] == "unset", "the form chooses the page's main part, and this line has none"
    assert nurse.post("/stop/open", data={"visit": "b", "version": "13"}).url.path == "/"
    assert set(stops(served)) == {"b"}


def test_who_was_asked_to_come_again_stands_on_the_next_visits_list(
    nurse: httpx.Client, served: Served, day: date
) -> None:
    bench, later = served.bench, day + timedelta(days=7)
    nurse.post("/stop/open", data={"x": "1"})
    patient = served.run(bench.desk.register(villager(), bench.nurse))
    encounter = served.run(bench.desk.open_encounter(patient.id, "高血压随访", bench.nurse))
    page = nurse.get(f"/enc/{encounter.id}").text
    assert f'value="{later}"' in page
    assert nurse.post(f"/enc/{encounter.id}/follow-up", data={"day": str(day)}).status_code == 422
    nurse.post(f"/enc/{encounter.id}/follow-up", data={"day": str(later)})
    assert "应来 1 人" in nurse.get(f"/visits/{later}/next").text
    nurse.post(f"/enc/{encounter.id}/follow-up", data={"day": ""})
    assert "应来 0 人" in nurse.get(f"/visits/{later}/next").text


def test_what_is_not_ours_is_not_found(nurse: httpx.Client, day: date) -> None:
    for place in (f"/visits/{day}/x", f"/visits/{day}/zz", "/visits/today/a"):
        assert nurse.get(place).status_code == 404, place
    for act in ("open", "missed", "substitute"):
        given = {"planned": "n001", "instead": "s009", "why": "ill", "reason": "road"}
        assert nurse.post(f"/visits/{day}/x/{act}", data=given).status_code == 404, act
