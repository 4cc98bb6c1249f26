"""A nurse at work in a real browser, over the real desk on a real store: pointer, keyboard, both languages."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peer.screens import FRESH_MS, lies_whole, log_in, watched
from tests.unit.web.web_bench import PIN, RESIDENT, Served, villager

pytestmark = pytest.mark.peer


def test_a_nurse_registers_arms_sees_the_reading_arrive_and_finishes(page: Page, served: Served) -> None:
    log_in(page)
    page.get_by_role("button", name="开加站").click()
    expect(page.get_by_role("heading", name="加站", exact=True)).to_be_visible()
    page.get_by_role("link", name="登记新居民").click()
    page.get_by_label("姓名").fill("王秀英")
    page.get_by_label("身份证号").fill("110105194912310021")
    page.get_by_role("button", name="登记，开始诊疗").click()
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(page).to_have_title("错误：登记")
    expect(page.get_by_label("姓名")).to_have_value("王秀英")
    page.wait_for_timeout(FRESH_MS)
    summary.get_by_text("身份证号最后一位对不上").click()
    expect(page.locator("#resident_id")).to_be_focused()
    page.locator("#resident_id").fill(RESIDENT)
    page.keyboard.press("Tab")
    expect(page.get_by_text("校验码正确")).to_be_visible()
    expect(page.get_by_label("女")).to_be_checked()
    expect(page.locator("#birth_year")).to_have_value("1949")
    page.get_by_label("人证一致").check()
    page.get_by_label("问过，没有").check()
    page.get_by_role("button", name="登记，开始诊疗").click()
    expect(page.locator(".band")).to_contain_text("尾号002X")

    device = page.locator("#dev-ecg-1")
    device.get_by_role("button", name="指定").click()
    expect(device).to_contain_text("正在等：王秀英")
    expect(device.locator("[data-until]")).to_contain_text("剩1")
    loads = page.evaluate("performance.getEntriesByType('navigation').length + performance.timeOrigin")
    recording = served.run(served.bench.deliver("ecg-1"))
    article = page.locator(f"#rec-{recording.id}")
    expect(article).to_contain_text("排队中")
    expect(article).to_contain_text("秒前")
    picture = article.locator("img")
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert loads == page.evaluate("performance.getEntriesByType('navigation').length + performance.timeOrigin")
    expect(page.locator("#say")).to_contain_text("王秀英的心电图到了")
    page.wait_for_timeout(FRESH_MS)
    article.get_by_role("button", name="把王秀英的心电图加急发给医院").click()
    expect(article.locator(".tag", has_text="加急")).to_be_visible()
    expect(article.locator(".tag")).to_have_count(3)
    page.get_by_role("button", name="完成诊次").click()
    expect(page.locator("#queue")).to_contain_text("已完成")


def test_the_same_with_the_keyboard_alone(page: Page, served: Served) -> None:
    page.goto("/")
    page.keyboard.type(PIN)
    page.keyboard.press("Control+Enter")
    page.locator("#text").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="登记新居民").wait_for()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type("蓝小妹")
    page.keyboard.press("Tab")
    page.keyboard.type(RESIDENT, delay=60)
    page.keyboard.press("Tab")
    expect(page.get_by_text("校验码正确")).to_be_visible()
    for control in ("identity_check", "allergies"):
        for _ in range(12):
            if page.evaluate("document.activeElement.name") == control:
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.locator(f"[name={control}]:checked")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    page.locator("#readings").wait_for(state="attached")
    for _ in range(30):
        if page.evaluate("document.activeElement.id") == "dev-us-1-button":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#dev-us-1")).to_contain_text("正在等：蓝小妹")
    expect(page.locator("#dev-us-1-button")).to_be_focused()
    recording = served.run(served.bench.deliver("us-1"))
    expect(page.locator(f"#rec-{recording.id}")).to_be_visible()
    page.keyboard.press("F8")
    expect(page.locator("#queue")).to_contain_text("蓝小妹")
    page.keyboard.press("F9")
    expect(page.get_by_role("link", name="120")).to_be_visible()


def test_a_scanned_card_fills_the_form_and_submits_nothing(page: Page) -> None:
    page.clock.install()
    log_in(page)
    page.goto("/people/new")
    page.locator("#name").fill("王")
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))  # a scanner is fast however busy this machine is
    for character in RESIDENT:
        page.keyboard.press("KeyX" if character == "X" else f"Digit{character}")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#resident_id")).to_have_value(RESIDENT)
    expect(page.locator("#name")).to_have_value("王")
    expect(page.get_by_text("校验码正确")).to_be_visible()
    assert page.url.endswith("/people/new")


def test_nothing_moves_under_the_finger(page: Page, served: Served) -> None:
    bench = served.bench
    log_in(page)
    served.run(bench.desk.open_stop(bench.nurse))
    patient = served.run(bench.desk.register(villager(), bench.nurse))
    encounter = served.run(bench.desk.open_encounter(patient.id, "", bench.nurse))
    page.goto("/")
    page.locator(f"#open-{encounter.id}").focus()
    other = served.run(bench.desk.register(villager("蓝大娘"), bench.nurse))
    served.run(bench.desk.open_encounter(other.id, "", bench.nurse))
    pill = page.locator("#pill-queue")
    expect(pill).to_contain_text("有 1 条新的")
    expect(page.locator("#queue tr")).to_have_count(1)
    expect(page.locator(f"#open-{encounter.id}")).to_be_focused()
    pill.click()
    expect(page.locator("#queue tr")).to_have_count(2)
    expect(page.locator("#queue tr").last).to_contain_text("蓝大娘")


def test_a_locked_tablet_asks_for_the_pin_and_loses_nothing(page: Page) -> None:
    log_in(page)
    page.goto("/people/new")
    page.get_by_label("姓名").fill("雷没丢")
    page.get_by_label("男").check()
    page.context.clear_cookies()
    page.locator("#main-button").click()
    dialog = page.locator("#pin-dialog")
    expect(dialog).to_be_visible()
    dialog.locator("#overlay-pin").fill("0000")
    dialog.get_by_role("button", name="登录").click()
    expect(dialog).to_contain_text("口令不对")
    dialog.locator("#overlay-pin").fill(PIN)
    dialog.get_by_role("button", name="登录").click()
    expect(page.locator("#error-summary")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("姓名")).to_have_value("雷没丢")
    expect(page.get_by_label("男")).to_be_checked()


def test_values_turn_grey_when_the_vehicle_is_silent(page: Page, served: Served) -> None:
    page.clock.install()
    log_in(page)
    page.goto("/sync")
    expect(page.locator("#stale-line")).to_be_hidden()
    with page.expect_event("requestfinished", lambda request: "/live" in request.url):
        served.run(quiet(served))  # what it still had to say would be heard after the leap in time
    page.clock.fast_forward(15_000)
    expect(page.locator("#stale-line")).to_be_visible()
    expect(page.locator("body")).to_have_class("is-stale")


async def quiet(served: Served) -> None:
    """The vehicle says nothing more."""
    served.bench.app.state.site.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("size", [(1280, 800), (800, 1280), (640, 400)], ids=["tablet", "portrait", "zoom-200"])
def test_pages_lie_whole_in_every_look(browser: Browser, served: Served, lang: str, size: tuple[int, int]) -> None:
    bench = served.bench
    with watched(browser, served.url, *size) as page:
        log_in(page)
        served.run(bench.desk.open_stop(bench.nurse))
        patient = served.run(bench.desk.register(villager("阿卜杜勒·买买提江𠮷", RESIDENT), bench.nurse))
        encounter = served.run(bench.desk.open_encounter(patient.id, "高血压随访", bench.nurse))
        served.run(bench.desk.arm(bench.ecg, encounter.id, bench.nurse))
        recording = served.run(bench.deliver("ecg-1"))
        served.run(bench.deliver("us-1"))
        places = ("/", "/people/new", f"/enc/{encounter.id}", f"/rec/{recording.id}", "/unbound", "/sync", "/sos")
        for look in ("day", "sun", "night"):
            cookies = (("lang", lang), ("look", look))
            page.context.add_cookies([{"name": name, "value": value, "url": served.url} for name, value in cookies])
            for place in places:
                page.goto(place)
                lies_whole(page)
            page.goto("/people/new")
            page.locator("#main-button").click()
            page.locator("#error-summary").wait_for()
            lies_whole(page)
