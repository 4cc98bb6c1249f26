"""The hospital's desk in a real browser: an urgent ECG is seen by name, what was set aside is decided, alarms stand."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from clinic_records.clock import SystemClock
from clinic_records.people import Author, Role
from clinic_records.record import Kind
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.intake.strangers import raise_alarm
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import enrol
from tests.peer.screens import lies_whole, served_hospital, sign_in, watched
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver
from tests.unit.hospital.schedule_bench import PASSWORD
from tests.unit.hospital.test_seen import urgent_visit

pytestmark = pytest.mark.peer


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def clinic(tmp_path: Path, clock: SystemClock) -> Iterator[Clinic]:
    init_hospital(tmp_path / "hospital", HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path / "hospital", clock) as hospital:
        box = Box("V01")
        add_user(hospital, Author("d001", "李医生", Role.SPECIALIST), PASSWORD)
        yield Clinic(hospital, box, enrol(hospital, box.request()))


@pytest.fixture
def page(browser: Browser, clinic: Clinic) -> Iterator[Page]:
    """A specialist's screen, signed in."""
    with served_hospital(clinic.hospital) as url, watched(browser, url, 1280, 900) as one:
        sign_in(one, "d001")
        expect(one.get_by_role("heading", name="车上来件")).to_be_visible()
        yield one


def test_an_urgent_ecg_is_seen_by_name(page: Page, clinic: Clinic, clock: SystemClock) -> None:
    visit = urgent_visit(clinic)
    clinic.send(clinic.box.record(Kind.ENCOUNTER, visit.encounter, visit.encounter.id))
    clinic.send_blob(visit.ecg_bytes)
    clock.raise_floor(clock.now() + timedelta(minutes=3))
    page.goto("/")
    row = page.locator("p.card", has_text="加急：王秀英")
    expect(row).to_contain_text("还没有人看")
    lies_whole(page)
    row.get_by_role("link", name="打开").click()
    lies_whole(page)
    page.get_by_role("button", name="我已看过 (李医生)，告诉车上").click()
    expect(page.locator(".reading", has_text="心电图")).to_contain_text("李医生已看")
    page.goto("/")
    expect(page.locator("p.card", has_text="加急：王秀英")).to_have_count(0)


def test_what_was_set_aside_is_decided_with_a_reason(page: Page, clinic: Clinic) -> None:
    clinic.hospital.log.revoke("V01", clinic.hospital.now(), "stolen")
    for record in a_visit().records(clinic.box)[:2]:
        deliver(clinic.hospital, "V01", clinic.box.seal(record, clinic.recipient))
    raise_alarm(clinic.hospital, "V02", "fork", "two boxes speak")
    page.goto("/")
    page.get_by_role("link", name="搁置和告警").click()
    expect(page.locator("main")).to_contain_text("2 件搁置，等人决定")
    expect(page.locator("main")).to_contain_text("two boxes speak")
    lies_whole(page)
    page.get_by_role("button", name="处理好了").click()
    expect(page.locator("main")).not_to_contain_text("two boxes speak")
    page.get_by_role("link", name="打开 1").click()
    expect(page.get_by_role("heading", name="搁置第 1 件")).to_be_visible()
    lies_whole(page)
    page.get_by_role("button", name="放行").click()
    expect(page.get_by_role("alert")).to_contain_text("写明看到什么")
    page.get_by_label("看到什么，为什么这样决定").fill("停用以前录的")
    page.get_by_role("button", name="放行").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="打开 2").click()
    page.get_by_label("看到什么，为什么这样决定").fill("查无此人")
    page.get_by_role("button", name="搁置不收").click()
    expect(page.locator("main")).to_contain_text("没有搁置的")
    page.get_by_role("link", name="连决定过的一起看").click()
    expect(page.locator("tbody")).to_contain_text("已放行")
    expect(page.locator("tbody")).to_contain_text("已搁置不收")
    lies_whole(page)
