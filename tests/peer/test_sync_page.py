"""A nurse sees in a real browser where her data is: the urgent one, the alarms, what could not be understood."""

from datetime import timedelta

import msgspec
import pytest
from playwright.sync_api import Page, expect

from clinic_records.ids import RecordId
from tests.peer.screens import FRESH_MS, lies_whole, log_in
from tests.unit.web.test_web_sync import say_seen, set_aside
from tests.unit.web.web_bench import Served, villager
from vehicle_agent.visits.views import LaneCounts, SyncView

pytestmark = pytest.mark.peer


def an_urgent_ecg(page: Page, served: Served) -> RecordId:
    log_in(page)
    bench = served.bench
    served.run(bench.desk.open_stop(bench.nurse))
    patient = served.run(bench.desk.register(villager(), bench.nurse))
    encounter = served.run(bench.desk.open_encounter(patient.id, "胸痛", bench.nurse))
    served.run(bench.desk.arm(bench.ecg, encounter.id, bench.nurse))
    recording = served.run(bench.deliver("ecg-1"))
    served.run(bench.desk.mark_urgent(recording.id, bench.nurse))
    return recording.id


def test_nobody_has_seen_it_after_two_minutes_phone_and_then_somebody_has(page: Page, served: Served) -> None:
    recording = an_urgent_ecg(page, served)
    bench, row = served.bench, page.locator("#urgent")
    page.goto("/unbound")
    expect(row).to_contain_text("加急：王秀英")
    expect(row).to_contain_text("排队中")
    expect(row).to_contain_text("还没有人看")
    bench.clock.raise_floor(bench.clock.now() + timedelta(minutes=2))
    expect(row.get_by_role("link", name="120")).to_be_visible()
    lies_whole(page)
    page.wait_for_timeout(FRESH_MS)
    row.get_by_role("button", name="已打通电话").click()
    expect(row).to_contain_text("张护士已打通电话")
    expect(row.get_by_role("link", name="120")).to_have_count(0)
    say_seen(bench, recording)
    bench.desk.events.publish("sync")
    expect(row).to_contain_text("李医生已看")
    lies_whole(page)


def test_alarms_and_the_quarantine_are_worked_off_on_the_sync_page(
    page: Page, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vehicle_agent.alarms import overdue, stalled  # noqa: PLC0415  beside what it makes

    log_in(page)
    bench = served.bench
    bench.counts["p3"] = LaneCounts(queued=3, held=1, refused=1, oldest_s=26 * 3600.0)
    plain = bench.look_at_sync

    async def look() -> SyncView:
        view = await plain()
        return msgspec.structs.replace(view, alarms=[*overdue(LaneCounts(oldest_s=26 * 3600.0)), *stalled(1900.0)])

    monkeypatch.setattr(bench.desk, "_look_at_sync", look)
    task = set_aside(bench, b"\x00\x01raw", "第 3 字节不是帧头")
    page.goto("/sync")
    expect(page.locator("#link")).to_contain_text("最老的数据 26 小时没有送到医院")
    expect(page.locator("#link")).to_contain_text("31 分钟没有任何数据送到医院")
    lies_whole(page)
    page.get_by_role("link", name=f"查看 {task}").click()
    expect(page.get_by_role("heading", name=f"隔离第 {task} 件")).to_be_visible()
    lies_whole(page)
    with page.expect_download() as started:
        page.get_by_role("link", name="下载原始数据").click()
    assert started.value.path().read_bytes() == b"\x00\x01raw"
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="了结").click()
    expect(page.get_by_role("alert").filter(has_text="写下看到什么")).to_be_visible()
    page.get_by_label("看到什么，怎么处理的").fill("线松了，已插紧")
    page.wait_for_timeout(FRESH_MS)
    page.get_by_role("button", name="了结").click()
    expect(page.get_by_role("heading", name="隔离 0")).to_be_visible()
