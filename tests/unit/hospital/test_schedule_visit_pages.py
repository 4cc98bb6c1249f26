"""The coordinator's pages of single visits and findings: reasons, people, remedies, and what counts as published."""

import re
from datetime import date
from pathlib import Path

from cloud_hospital.hospital import Hospital
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.web.coordinator.head import head_of
from cloud_hospital.web.coordinator.words import reason_words, short_day
from schedules.desk.decide import Word
from schedules.model import Action
from schedules.reasons import kept_reason, reason_in
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.schedule_bench import (
    LAN,
    TODAY,
    WRITTEN,
    cheap_hashes,
    client,
    desk,
    hospital,
    laid_before,
    with_holiday,
    with_nurses,
    words,
)
from tests.unit.hospital.test_pages import pytestmark as needs_libraries
from tests.unit.schedules.schedule_county import example

pytestmark = needs_libraries
__all__ = ["cheap_hashes", "client", "desk", "hospital"]  # fixtures


def test_a_suggested_reason_is_kept_in_one_language_and_shown_in_the_readers(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    draft = laid_before(hospital, tmp_path / "files")
    path = "/schedule/visits/R03-20261117"
    client.cookies.set("lang", "en")
    assert '<option value="road closed">' in client.get(path).text
    answer = client.post(f"{path}/cancel", data={**WRITTEN, "revision": draft.revision, "reason": "Road closed"})
    assert answer.status_code == 303
    (row,) = [one for one in desk.folder.draft().plan.exceptions.values() if one.reason == "道路不通"]
    assert row.action is Action.CANCEL
    assert "road closed" in words(client.get(path).text)
    assert reason_words("cancel 道路不通", "en") == "cancelled · road closed"
    client.cookies.set("lang", "zh")
    page = client.get(path).text
    assert ("道路不通" in words(page), '<option value="道路不通">' in page) == (True, True)
    assert kept_reason(" 山上结冰 ") == reason_in("山上结冰", "en") == "山上结冰", "one's own words stay"


def test_people_are_swapped_on_the_visits_page(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    draft = laid_before(hospital, tmp_path / "files", with_nurses(example()))
    path = "/schedule/visits/R01-20261116"
    page = client.get(path).text
    assert ("换人" in page, 'name="for-n001"' in page, "人员当天在别的车上" in page) == (True, True, True)
    form = {**WRITTEN, "revision": draft.revision, "for-d001": "d001", "for-n001": ""}
    answer = client.post(f"{path}/swap", data=form)
    assert (answer.status_code, "不能这样换：没有护士" in answer.text) == (422, True)
    assert answer.text.count(" selected>没有人替") == 1, "what was chosen stays"
    answer = client.post(f"{path}/swap", data={**form, "for-n001": "n903", "whole_day": "1"})
    assert answer.status_code == 303
    assert "丙护士" in words(client.get(path).text)
    assert len(desk.folder.draft().edits) == 2, "both stops of that day"


def test_a_finding_about_one_visit_is_mended_by_one_press_and_shows_before_how(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    lines = with_holiday(example(), "2026-11-24")  # R03 and R10 lose one visit each
    for day in ("2026-11-16", "2026-11-23"):  # R01 and R02 lose two
        lines["unavailable"].append([f"U-{day}", day, day, "n001", "", "", "请假"])
    draft = laid_before(hospital, tmp_path / "files", lines)
    page = client.get("/schedule/import").text
    offered = re.findall(r'name="accept" value="(\S+)"', page)
    assert offered == ["R03-20261124", "R10-20261124"], "several visits of one row are a person's to weigh"
    form = dict(re.findall(r'<input type="hidden" name="(\S+)" value="(\S*)">', page.partition("remedy")[2])[:8])
    there = form["day-R03-20261124"], form["vehicle-R03-20261124"]
    assert f"改法： 11月24日 周二 → {short_day(date.fromisoformat(there[0]), 'zh')}" in words(page)
    answer = client.post("/schedule/repair", data={**form, "accept": offered[0]})
    assert answer.headers["location"] == "/schedule/import?only=error#findings"
    taken = desk.folder.draft()
    (row,) = [one for one in taken.plan.exceptions.values() if one.exception_id == "M-R03-20261124"]
    assert (str(row.new_date), row.new_vehicle_id, row.approved_by) == (*there, "兰调度")
    assert len(taken.findings) < len(draft.findings)
    assert re.findall(r'name="accept" value="(\S+)"', client.get("/schedule/import").text) == offered[1:]
    assert client.post("/schedule/repair", data={**form, "accept": offered[0]}).status_code == 409, "seen before"


def test_a_version_counts_on_the_days_on_which_it_is_in_force(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    draft = laid_before(hospital, tmp_path / "files")
    desk.publish(LAN, draft.revision, "王科长", TODAY)
    for name in ("R03-20261117", "R03-20261124"):
        draft = desk.cancel(LAN, desk.folder.draft().revision, name, Word("修路"))
    assert len(head_of(desk, draft).differing) == 2
    desk.publish(LAN, draft.revision, "王科长", date(2026, 11, 20))
    left = head_of(desk, draft).differing
    assert [one.before.visit_id for one in left if one.before] == ["R03-20261117"], "vehicles go by version 1 that day"
    assert "草稿和已发布的一样" not in client.get("/schedule").text
    assert "－1" in client.get("/schedule/versions").text, "version 2 takes one visit away, not two"
    desk.publish(LAN, draft.revision, "王科长", TODAY)
    assert head_of(desk, draft).differing == ()
