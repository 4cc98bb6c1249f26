"""The vehicle's days in a real browser: check-in, substitution, month, versions; pointer and keyboard."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from clinic_records.schedule import Visit
from tests.peer.screens import FRESH_MS, lies_whole, log_in
from tests.unit.web.schedule_bench import publish, today, usual, visit
from tests.unit.web.web_bench import Bench, Served, villager

pytestmark = pytest.mark.peer


@pytest.fixture
def page(page: Page, served: Served) -> Page:
    """The tablet of a nurse who has logged in on a vehicle with a published schedule."""
    log_in(page)
    publish(served.bench, 12, *usual(served.bench))
    page.goto("/")
    return page


def test_a_day_from_check_in_to_a_stop_nobody_planned(page: Page, served: Served) -> None:
    bench, day = served.bench, today(served.bench)
    page.locator("nav").get_by_role("link", name="月历").click()
    today_cell = page.locator("td.today")
    expect(today_cell.locator(".visit")).to_have_count(2)
    today_cell.get_by_role("link", name="08:30 桃源村").click()
    expect(page.get_by_role("heading", name="桃源村 文化礼堂")).to_be_visible()
    page.get_by_text("▸ 替班").click()
    page.get_by_label("谁不来").select_option("兰医生")
    page.get_by_label("谁来替").select_option("李护士")
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="记下替班").click()
    expect(page.locator("#error-summary")).to_contain_text("选一个原因")
    expect(page.get_by_label("谁来替")).to_have_value("s009")
    page.wait_for_timeout(FRESH_MS)
    page.get_by_label("请假").check()
    page.get_by_role("button", name="记下替班").click()
    expect(page.get_by_text("李护士来替")).to_be_visible()
    page.get_by_label("几点到的").fill("23:99")
    page.get_by_role("button", name="开站").click()
    expect(page.locator("#arrived-error")).to_contain_text("08:20")
    page.get_by_label("几点到的").fill("")
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="开站").click()
    expect(page.locator("#check-in")).to_contain_text("签到")
    expect(page.get_by_text("李护士（替兰医生）")).to_be_visible()

    publish_now = [visit("a", day, "08:30"), visit("c", day, "16:00", "P003")]
    served.run(_publish(bench, 13, publish_now))
    expect(page.locator("#stop-changes")).to_contain_text("14:00 东坑村 不去了")
    served.run(bench.desk.close_stop(bench.nurse))
    page.goto("/")
    page.get_by_role("link", name="开加站").click()
    page.get_by_role("button", name="开加站").click()
    expect(page.locator("#error-summary")).to_be_focused()
    page.wait_for_timeout(FRESH_MS)
    page.get_by_label("渤海镇安亭村上村 老年活动室").check()
    page.get_by_label("村里请来").check()
    page.get_by_role("button", name="开加站").click()
    expect(page.get_by_role("heading", name="渤海镇安亭村上村 老年活动室")).to_be_visible()


async def _publish(bench: Bench, version: int, visits: list[Visit]) -> None:
    publish(bench, version, *visits)


def test_a_version_between_the_page_and_the_press_is_told_and_the_page_comes_anew(page: Page, served: Served) -> None:
    day = today(served.bench)
    expect(page.get_by_role("heading", name="桃源村 文化礼堂")).to_be_visible()
    served.run(_publish(served.bench, 13, [visit("b", day, "14:00", "P002")]))
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="开站").click()
    expect(page.get_by_role("alert").filter(has_text="第13版")).to_be_visible()
    expect(page.get_by_role("heading", name="东坑村 便民服务中心")).to_be_visible()
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="开站").click()
    expect(page.locator("#check-in")).to_contain_text("签到")


def test_why_a_visit_was_missed_with_the_keyboard_alone(page: Page, served: Served) -> None:
    old = today(served.bench) - timedelta(days=4)
    page.goto(f"/visits/{old}/old")
    page.locator("#missing summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("塌方")
    page.keyboard.press("Tab")
    page.wait_for_timeout(FRESH_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_text("路不通：塌方")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "look", "lang"),
    [((1280, 800), "day", "zh"), ((800, 1280), "sun", "en"), ((640, 400), "night", "en"), ((640, 400), "sun", "zh")],
    ids=["tablet", "portrait", "zoom-200", "zoom-200-zh"],
)
def test_pages_of_the_days_lie_whole(page: Page, served: Served, size: tuple[int, int], look: str, lang: str) -> None:
    bench, day = served.bench, today(served.bench)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    cookies = (("lang", lang), ("look", look))
    page.context.add_cookies([{"name": name, "value": value, "url": served.url} for name, value in cookies])
    for place in ("/", "/month", f"/visits/{day}/a", "/stops/extra"):
        page.goto(place)
        for summary in page.locator("main summary").all():
            summary.click()
        lies_whole(page)
    served.run(bench.desk.open_stop(bench.nurse))
    patient = served.run(bench.desk.register(villager("阿卜杜勒·买买提江𠮷"), bench.nurse))
    encounter = served.run(bench.desk.open_encounter(patient.id, "高血压随访", bench.nurse))
    for place in ("/", f"/visits/{day}/a", f"/enc/{encounter.id}"):
        page.goto(place)
        lies_whole(page)
