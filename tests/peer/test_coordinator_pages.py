"""A coordinator at work in a real browser: import with mistakes, publish, drag, keyboard, make-up visits, adherence."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from clinic_records.care import CheckIn, CheckInWay, Stop, StopStatus
from clinic_records.clock import CHINA
from clinic_records.ids import IdFactory, StopId
from clinic_records.record import Kind, Lane
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.vehicles import enrol
from schedules.model import Action
from schedules.repair.proposal import Change
from sync.ports import Verdict
from tests.peer.screens import lies_whole, served_hospital, sign_in, watched
from tests.unit.hospital.conftest import Box, Clinic
from tests.unit.hospital.schedule_bench import LAN, TODAY, desk, hospital, laid_before, with_holiday, with_nurses
from tests.unit.hospital.test_downlink import receipt
from tests.unit.schedules.schedule_county import example, put, write_csv, write_xlsx

pytestmark = pytest.mark.peer
__all__ = ["desk", "hospital"]  # fixtures
MOVED = "R03-20261117"
PATHS = ("", "/import", "/repair", "/changes", "/versions", "/adherence", "/outputs", "/day", f"/visits/{MOVED}")


@pytest.fixture
def clinic(hospital: Hospital) -> Clinic:
    box = Box("V03")
    return Clinic(hospital, box, enrol(hospital, box.request()))


@pytest.fixture
def page(browser: Browser, clinic: Clinic) -> Iterator[Page]:
    """The coordinator's screen."""
    with served_hospital(clinic.hospital) as url, watched(browser, url, 1366, 768) as one:
        sign_in(one, LAN.staff)
        one.wait_for_url("**/schedule")
        yield one


def cell(page: Page, day: str, vehicle: str) -> Locator:
    return page.locator(f'td[data-day="{day}"][data-vehicle="{vehicle}"]')


def visit(page: Page, name: str) -> Locator:
    return page.locator(f"#visit-{name}")


def drag(page: Page, one: Locator, there: Locator) -> None:
    """With two moves over the place: by one alone a browser that is busy says nothing of it to the page."""
    one.hover()
    page.mouse.down()
    there.hover()
    there.hover()
    page.mouse.up()


def test_a_plan_with_mistakes_is_corrected_published_and_received(
    page: Page, hospital: Hospital, desk: ScheduleDesk, tmp_path: Path
) -> None:
    lies_whole(page)
    page.get_by_role("link", name="去导入").click()
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    page.set_input_files("#files", write_xlsx(lines, tmp_path / "景宁.xlsx"))
    page.locator(".bottom .main").click()
    found = page.locator("[data-code=R01]")
    expect(found).to_contain_text("排班规则 第5行 point_id P999")
    found.locator("summary").click()
    expect(found.locator("details")).to_contain_text("R07")
    lies_whole(page)
    with page.expect_download() as given:
        page.get_by_role("link", name="下载批注过的表").click()
    assert given.value.suggested_filename == "景宁-检查.xlsx"
    page.goto("/schedule")
    expect(page.locator(".bottom .main")).to_contain_text("看错误")
    page.goto("/schedule/import")
    page.set_input_files("#files", sorted(write_csv(example(), tmp_path / "good").iterdir()))
    page.locator(".bottom .main").click()
    expect(page.get_by_text("没有错误，可以发布")).to_be_visible()
    page.locator(".bottom .main").click()
    lies_whole(page)
    page.locator("#approved_by").fill("县卫健局 王科长")
    page.get_by_role("button", name="发布第1版").click()
    waiting = page.locator("[data-holder=V01]")
    expect(waiting).to_contain_text("还没收到过")
    lies_whole(page)
    outbound = VehicleOutbound(hospital, "V01")
    (item,) = outbound.waiting(Lane.P2, 0, 10)
    assert outbound.settle(receipt(item, Verdict.APPLIED))
    page.locator(".bottom .main").click()
    expect(waiting).to_contain_text("第1版，车上已收")
    assert desk.folder.version(1).approved_by == "县卫健局 王科长"
    with page.expect_download() as given:
        page.goto("/schedule/outputs")
        page.get_by_label("明细表 Excel").check()
        page.get_by_role("button", name="生成并下载").click()
    assert given.value.suggested_filename.endswith(".xlsx")


def test_a_file_that_is_too_large_or_none_says_so_and_keeps_the_page(page: Page, tmp_path: Path) -> None:
    page.goto("/schedule/import")
    large = tmp_path / "large.xlsx"
    large.write_bytes(bytes(21 << 20))
    page.set_input_files("#files", large)
    expect(page.locator("#upload-says")).to_contain_text("超过 20 MB")
    page.locator(".bottom .main").click()
    expect(page.locator("#files")).to_be_visible()
    small = tmp_path / "small.xlsx"
    small.write_bytes(b"no workbook")
    page.set_input_files("#files", small)
    page.locator(".bottom .main").click()
    expect(page.get_by_role("alert")).to_contain_text("另存为")


def test_a_visit_is_dragged_where_the_rules_allow_it(page: Page, desk: ScheduleDesk, tmp_path: Path) -> None:
    laid_before(desk.hospital, tmp_path / "files")
    page.goto("/schedule")
    taken = cell(page, "2026-11-16", "V01")
    drag(page, visit(page, MOVED), taken)
    expect(page.locator("#plan-say")).to_contain_text("不行")
    expect(page.locator("#drop")).to_be_hidden()
    free = cell(page, "2026-11-18", "V01")
    drag(page, visit(page, MOVED), free)
    dialog = page.locator("#drop")
    expect(dialog).to_contain_text("移到 11月18日 周三 V01")
    expect(dialog.locator("#reason")).to_be_focused()
    dialog.get_by_role("button", name="移到这里").click()
    expect(dialog).to_be_visible()  # the browser asks for the reason
    dialog.locator("#reason").fill("道路不通")
    dialog.get_by_role("button", name="移到这里").click()
    expect(free.locator(f"#visit-{MOVED}")).to_be_focused()
    expect(page.locator("#plan-say")).to_contain_text("11月18日 周三")
    (change,) = [one for one in desk.editable().plan.exceptions.values() if one.reason == "道路不通"]
    assert change.approved_by == LAN.name
    page.keyboard.press("u")
    expect(cell(page, "2026-11-17", "V01").locator(f"#visit-{MOVED}")).to_be_visible()


def test_a_visit_is_carried_by_keyboard_alone_and_put_back_by_escape(
    page: Page, desk: ScheduleDesk, tmp_path: Path
) -> None:
    laid_before(desk.hospital, tmp_path / "files")
    page.goto("/schedule")
    begin = page.locator("#plan [tabindex='0']")
    begin.focus()
    expect(begin).to_have_attribute("id", "visit-R03-20261110")
    for _ in range(14):  # past Sunday the same vehicle's next week follows
        if page.evaluate("document.activeElement.dataset.visit") == MOVED:
            break
        page.keyboard.press("ArrowRight")
    expect(visit(page, MOVED)).to_be_focused()
    page.keyboard.press("m")
    say = page.locator("#plan-say")
    expect(page.locator("td.can").first).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(say).to_contain_text("✕ 11月16日 周一 V01 不行")
    page.keyboard.press("Enter")
    expect(page.locator("#drop")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(say).to_contain_text("放回原处")
    expect(visit(page, MOVED)).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("td.can").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(say).to_contain_text("✓ 11月18日 周三 V01 可以")
    page.keyboard.press("Enter")
    expect(page.locator("#drop #reason")).to_be_focused()
    page.keyboard.type("村里要求")
    page.keyboard.press("Enter")
    expect(cell(page, "2026-11-18", "V01").locator(f"#visit-{MOVED}")).to_be_focused()
    assert desk.editable().edits[-1].visit_id == MOVED
    page.keyboard.press("c")
    expect(page.locator("#cancel")).to_be_visible()
    lies_whole(page)
    page.locator("#reason").fill("天气")
    page.locator("#cancel").click()
    expect(visit(page, MOVED)).to_contain_text("取消")
    assert MOVED not in {one.visit_id for one in desk.editable().visits}


def _any_change() -> Change:
    return Change("R05-20261119", "R05", "P05", date(2026, 11, 19), Action.MOVE, date(2026, 11, 20))


def test_two_coordinators_at_once_do_not_overtake_each_other(page: Page, desk: ScheduleDesk, tmp_path: Path) -> None:
    draft = laid_before(desk.hospital, tmp_path / "files")
    page.goto(f"/schedule/visits/{MOVED}")
    page.locator("#day").fill("2026-11-18")
    page.locator("#start").fill("13:00")
    page.locator("#reason").fill("村里要求")
    desk.refuse(draft.revision, _any_change())
    page.locator(".bottom .main").click()
    expect(page.get_by_role("alert")).to_contain_text("刚改过")
    expect(page.locator("#reason")).to_have_value("村里要求")
    page.locator(".bottom .main").click()
    expect(cell(page, "2026-11-18", "V01").locator(f"#visit-{MOVED}")).to_be_visible()


def test_one_person_is_swapped_for_a_vehicles_day(page: Page, desk: ScheduleDesk, tmp_path: Path) -> None:
    laid_before(desk.hospital, tmp_path / "files", with_nurses(example()))
    page.goto("/schedule/visits/R01-20261116")
    nurse = page.get_by_label("张护士")
    expect(nurse.get_by_role("option", name="人员休假")).to_be_disabled()
    nurse.select_option("n903")
    page.get_by_label("V01 当天别的站也这样换").check()
    page.get_by_role("button", name="换人").click()
    expect(page.locator("#reason:invalid")).to_be_focused()  # the browser asks for it before anything is sent
    page.locator("#reason").fill("人员请假")
    page.get_by_role("button", name="换人").click()
    expect(page.get_by_label("丙护士")).to_be_visible()
    draft = desk.editable()
    swapped = {one.visit_id for one in draft.visits if "n903" in one.staff_ids}
    assert swapped == {"R01-20261116", "R02-20261116"}


def test_a_finding_with_one_remedy_is_mended_by_one_press(page: Page, desk: ScheduleDesk, tmp_path: Path) -> None:
    laid_before(desk.hospital, tmp_path / "files", with_holiday(example(), "2026-11-24"))
    page.goto("/schedule/import?only=error")
    lies_whole(page)
    first = page.locator("form.remedy").first
    expect(first).to_contain_text("改法： 11月24日 周二 → ")
    first.get_by_role("button", name="这样改").click()
    expect(page.locator("form.remedy")).to_have_count(1)
    page.get_by_role("button", name="这样改").click()
    expect(page.get_by_text("没有错误，可以发布")).to_be_visible()
    assert len(desk.editable().edits) == 2


def test_make_up_visits_are_accepted_edited_and_refused(page: Page, desk: ScheduleDesk, tmp_path: Path) -> None:
    laid_before(desk.hospital, tmp_path / "files", with_holiday(example(), "2026-11-24"))
    page.goto("/schedule")
    expect(page.locator("a.visit.wrong")).to_have_count(2)
    page.get_by_role("link", name="去补诊").click()
    rows = page.locator("[data-change]")
    expect(rows).to_have_count(2)
    lies_whole(page)
    rows.first.locator("summary").click()
    rows.first.locator("input[name^=day]").fill("2026-11-09")
    rows.first.get_by_role("button", name="采纳").click()
    expect(page.get_by_role("alert")).to_contain_text("不能这样改")
    rows.first.locator("summary").click()
    rows.first.locator("input[name^=day]").fill("2026-11-20")
    rows.first.locator("select").select_option("")
    rows.first.locator("input[name^=start]").fill("13:30")
    rows.first.get_by_role("button", name="采纳").click()
    expect(rows).to_have_count(1)
    before = rows.first.inner_text()
    rows.first.get_by_role("button", name="不要").click()
    expect(page.get_by_text("不要的 1 条不再提")).to_be_visible()
    assert rows.first.inner_text() != before
    page.get_by_role("button", name="全部采纳 1 条").click()
    expect(page.get_by_text("这个月没有去不成的巡诊")).to_be_visible()
    page.goto("/schedule")
    expect(page.locator("a.visit.wrong")).to_have_count(0)


def test_adherence_follows_the_vehicles_and_every_page_lies_whole_in_both_languages(
    page: Page, clinic: Clinic, desk: ScheduleDesk, tmp_path: Path
) -> None:
    draft = laid_before(desk.hospital, tmp_path / "files")
    desk.publish(LAN, draft.revision, "王科长", TODAY)
    page.goto("/schedule/adherence")
    board = page.locator("[data-today='R03-20261110']")
    expect(board).to_contain_text("过点没有消息")
    arrived = CheckIn(datetime(2026, 11, 10, 8, 41, tzinfo=CHINA), CheckInWay.HAND, LAN)
    stop = Stop(
        StopId(IdFactory().new()), "V03", "P03", "蓝坑村文化礼堂", "蓝坑村", TODAY, time(8, 30), time(11),
        StopStatus.OPEN, visit_id="R03-20261110", arrived=arrived,
    )  # fmt: skip
    clinic.send(clinic.box.record(Kind.STOP, stop, stop.id))
    page.locator(".bottom .main").click()
    expect(board).to_contain_text("开诊中")
    expect(board).to_contain_text("晚11分")
    for english in (False, True):
        if english:
            page.get_by_role("button", name="Switch to English").click()
        for path in PATHS:
            page.goto(f"/schedule{path}")
            expect(page.locator("h1")).to_be_visible()
            page.evaluate("scrollTo(0, 0)")  # off today, whose week lies under the days' names
            lies_whole(page)
    page.emulate_media(media="print")
    page.goto("/schedule")
    expect(page.locator(".print-only")).to_contain_text("Version 1")
    expect(page.locator(".bottom")).to_be_hidden()
