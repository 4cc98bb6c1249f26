"""A card on the reader and a scanner's code, in a real browser over the real desk."""

import pytest
from playwright.sync_api import Page, expect

from clinic_records.ids import DeviceId
from devices.framing.base import Frame
from tests.peer.screens import FRESH_MS, lies_whole, log_in
from tests.unit.visits.test_visits_identity import card, scan
from tests.unit.web.web_bench import RESIDENT, Served

pytestmark = pytest.mark.peer


def present(served: Served, item: Frame) -> None:
    async def act() -> None:
        served.bench.desk.identity.present(DeviceId("card1"), item)

    served.run(act())


def test_a_card_opens_the_form_and_the_person_is_registered(page: Page, served: Served) -> None:
    log_in(page)
    page.get_by_role("button", name="开加站").click()
    page.get_by_role("link", name="登记新居民").wait_for()
    present(served, card())
    box = page.locator("#presented")
    expect(box).to_contain_text("王秀英")
    lies_whole(page)
    page.wait_for_timeout(FRESH_MS)
    box.get_by_role("link", name="登记新居民").click()
    expect(page.locator("#resident_id")).to_have_value(RESIDENT)
    expect(page.get_by_label("只刷卡")).to_be_checked()
    page.get_by_label("人证一致").check()
    page.get_by_label("还没问").check()
    page.get_by_role("button", name="登记，开始诊疗").click()
    expect(page.locator(".band")).to_contain_text("尾号002X")
    expect(page.locator("#presented")).to_be_empty()


def test_a_card_fills_an_empty_form_by_itself_and_asks_before_it_replaces_somebody(page: Page, served: Served) -> None:
    log_in(page)
    page.goto("/people/new")
    page.locator("#phone").fill("13800138000")
    present(served, card())
    expect(page.locator("#name")).to_have_value("王秀英")
    expect(page.locator("#birth_year")).to_have_value("1949")
    expect(page.get_by_text("校验码正确")).to_be_visible()
    expect(page.locator("#phone")).to_have_value("13800138000")
    number = "810000199408230021"
    present(served, card(mark="J", nation="", name="陈大文", number=number, birth="19940823"))
    box = page.locator("#presented")
    expect(box).to_contain_text("陈大文")
    expect(page.locator("#name")).to_have_value("王秀英")
    page.wait_for_timeout(FRESH_MS)
    box.get_by_role("button", name="用这张证填表").first.click()
    expect(page.locator("#name")).to_have_value("陈大文")
    expect(page.locator("#resident_id")).to_have_value(number)
    expect(page.locator("#birth_year")).to_have_value("1994")
    for left in (1, 0):
        page.wait_for_timeout(FRESH_MS)
        box.get_by_role("button", name="不用了").first.click()
        expect(box.locator("section")).to_have_count(left)
    expect(page.locator("#name")).to_have_value("陈大文")


def test_what_a_scanner_types_is_said_beside_the_page(page: Page, served: Served) -> None:
    page.clock.install()
    log_in(page)
    page.goto("/people/new")
    page.locator("#name").fill("王")
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    for digit in "6901234567892":
        page.keyboard.press(f"Digit{digit}")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#presented")).to_contain_text("商品码")
    expect(page.locator("#presented")).to_contain_text("06901234567892")
    expect(page.locator("#name")).to_have_value("王")
    present(served, scan("样本7号"))
    expect(page.locator("#presented")).to_contain_text("样本7号")
