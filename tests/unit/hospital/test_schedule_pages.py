"""The coordinator's pages: who may, what is shown in both languages, what is refused and leaves nothing behind."""

import asyncio
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest
from openpyxl import Workbook, load_workbook

from clinic_records.care import CheckIn, CheckInWay, Stop, StopStatus, Substitution
from clinic_records.clock import CHINA
from clinic_records.ids import IdFactory, StopId
from clinic_records.people import Author, Role
from clinic_records.record import Kind
from cloud_hospital.hospital import Hospital
from cloud_hospital.schedule_desk import uploads
from cloud_hospital.schedule_desk.desk import ScheduleDesk
from cloud_hospital.schedule_desk.uploads import OLD_S
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import enrol
from cloud_hospital.web.coordinator.words import in_words, reason_words
from schedules.draft import month_days, read_draft
from schedules.folder import Draft
from schedules.load.zip_limits import FILE_LIMIT
from schedules.tables import TABLES
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Box, Clinic
from tests.unit.hospital.schedule_bench import (
    LAN,
    PASSWORD,
    TODAY,
    WRITTEN,
    browser,
    cheap_hashes,
    client,
    desk,
    hospital,
    laid_before,
    signed_in,
    with_holiday,
    words,
)
from tests.unit.hospital.test_pages import pytestmark as needs_libraries
from tests.unit.schedules.schedule_county import example, put, write_csv, write_xlsx

pytestmark = needs_libraries
__all__ = ["cheap_hashes", "client", "desk", "hospital"]  # fixtures
PATHS = (
    "/schedule",
    "/schedule/import",
    "/schedule/repair",
    "/schedule/changes",
    "/schedule/versions",
    "/schedule/adherence",
    "/schedule/outputs",
    "/schedule/day?day=2026-11-17",
    "/schedule/visits/R03-20261117",
)


def sent(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    """A form's files."""
    return [("files", one) for one in files]


def csv_files(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def publish(client: Caller, desk: ScheduleDesk) -> httpx.Response:
    seen = {"revision": desk.folder.draft().revision, "number": max(desk.folder.numbers(), default=0) + 1}
    form = {**seen, "approved_by": "县卫健局 王科长", "effective_from": "2026-11-10"}
    return client.post("/schedule/publish", data=form)


def test_only_who_plans_sees_the_plan_and_a_coordinator_lands_on_it(hospital: Hospital, client: Caller) -> None:
    stranger = browser(hospital)
    assert {stranger.get(path).status_code for path in PATHS} == {401}
    assert stranger.post("/schedule/upload", files=sent(("a.xlsx", b"x"))).status_code == 401
    add_user(hospital, Author("d001", "李医生", Role.DOCTOR), PASSWORD)
    doctor = browser(hospital)
    doctor.post("/login", data={"staff": "d001", "password": PASSWORD})
    assert {doctor.get(path).status_code for path in PATHS} == {403}
    assert client.get("/").headers["location"] == "/schedule"
    other = client.post("/schedule/publish", data={}, headers={"Origin": "https://elsewhere"})
    assert other.status_code == 403, "a form of another site"


def test_every_page_says_something_useful_before_there_is_a_plan(client: Caller) -> None:
    for path in PATHS[:-1]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "main" in answer.text
    assert "先导入" in client.get("/schedule").text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_shows_the_county_in_both_languages(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path, lang: str
) -> None:
    laid_before(hospital, tmp_path / "files", with_holiday(example()))
    client.cookies.set("lang", lang)
    for path in PATHS:
        page = client.get(path)
        assert page.status_code == 200, path
        found = re.findall(r"plan\.[a-z_]+\.[a-z_]+", words(page.text))
        assert found == [], "a key instead of its words"
        if lang == "en" and path in PATHS[:7]:
            assert "显示" not in page.text
    month = client.get("/schedule?month=2026-11").text
    assert month.count('data-day="2026-11-17"') == 2, "two vehicles"
    assert ("畲族节" in month, 'class="visit wrong"' in month) == (True, True)
    assert client.get("/schedule?month=2026-13").status_code == 422
    assert client.get("/schedule/day?day=x").status_code == 422
    assert client.get("/schedule/visits/nothing").status_code == 404
    assert desk.draft() is not None


def test_what_files_say_is_text_on_every_page(hospital: Hospital, client: Caller, tmp_path: Path) -> None:
    lines, evil = with_holiday(example()), "<script>alert(1)</script>\"'>{{7*7}}"
    for table, column in (("points", "point_name"), ("vehicles", "plate"), ("staff", "name"), ("holidays", "name")):
        for row in range(2, len(lines[table]) + 1):
            put(lines, table, row, column, evil)
    put(lines, "exceptions", 2, "reason", evil)
    laid_before(hospital, tmp_path / "files", lines)
    for path in PATHS:
        page = client.get(path).text
        assert "<script>alert" not in page, path
        assert "\"'>{{" not in page, path
        assert ">49" not in page, path


def test_a_visit_is_moved_cancelled_and_put_back_on_the_pages(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    draft = laid_before(hospital, tmp_path / "files")
    path, form = "/schedule/visits/R03-20261117", {"day": "2026-11-18", "vehicle": "V01", "start": "13:00", **WRITTEN}
    choices = client.get("/schedule/choices", params={"visit": "R03-20261117", "month": "2026-11"}).json()
    assert choices["2026-11-17/V01"] == {"start": "08:30", "end": "11:00"}
    assert choices["2026-11-09/V01"]["why"] == "已过去或来不及通知"
    assert "doubt" in choices["2026-11-21/V02"]
    assert client.get("/schedule/choices", params={"visit": "x", "month": "2026-11"}).status_code == 404
    for broken, status, said in (
        ({"reason": ""}, 422, "写上原因"),
        ({"start": "25:00"}, 422, "不是时间"),
        ({"day": "30.2.2026"}, 422, "不是日期"),
        ({"day": "2026-11-16", "start": "08:30"}, 422, "不能放在这里"),
        ({"revision": "7"}, 409, "刚改过"),
    ):
        answer = client.post(f"{path}/move", data={**form, "revision": draft.revision, **broken})
        assert answer.status_code == status, broken
        assert said in answer.text
        assert 'value="王科长"' in answer.text, "what was typed is kept"
    assert desk.draft() == draft
    answer = client.post(f"{path}/move", data={**form, "revision": 0})
    assert answer.headers["location"] == "/schedule?month=2026-11&vehicle=&visit=R03-20261117"
    assert "11月18日 周三 13:00" in words(client.get("/schedule").text)
    assert client.post(f"{path}/cancel", data={**WRITTEN, "revision": 1}).status_code == 303
    assert "取消" in client.get(path).text
    assert "2 处手工改动，导入会换掉" in client.get("/schedule/import").text
    assert client.post("/schedule/undo", data={"revision": 1, "month": "2026-11"}).status_code == 409
    for revision in (2, 3):
        assert client.post("/schedule/undo", data={"revision": revision, "month": "2026-11"}).status_code == 303
    assert desk.editable().visits == draft.visits


def test_make_up_visits_are_edited_accepted_and_refused_one_by_one(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    laid_before(hospital, tmp_path / "files", with_holiday(example(), "2026-11-24"))
    page = client.get("/schedule/repair").text
    assert "去不成 2 次" in page
    first, second = re.findall(r'data-change="([^"]+)"', page)
    form = {"month": "2026-11", "revision": "0", "approved_by": "王科长", "announced_on": "2026-11-10"}
    fields = {f"day-{first}": "2026-11-20", f"vehicle-{first}": "", f"start-{first}": "13:30"}
    refused = client.post("/schedule/repair", data={**form, **fields, f"day-{first}": "2026-11-09", "accept": first})
    assert refused.status_code == 422
    assert "不能这样改" in refused.text
    assert client.post("/schedule/repair", data={**form, "accept": "R99-20261124"}).status_code == 409
    other = {f"day-{second}": "2026-11-25", f"vehicle-{second}": "V01", f"start-{second}": "13:30"}
    assert client.post("/schedule/repair", data={**form, **other, "accept": second}).status_code == 303
    made = next(one for one in desk.editable().visits if one.visit_id == second)
    assert (made.vehicle_id, made.staff_ids) == ("V01", ("r001", "d001", "n001")), "its own people go"
    assert client.post("/schedule/undo", data={"revision": "1", "month": "2026-11"}).status_code == 303
    form["revision"] = "2"
    assert client.post("/schedule/repair", data={**form, **fields, "accept": first}).status_code == 303
    made = next(one for one in desk.editable().visits if one.visit_id == first)
    assert (made.date, made.start) == (date(2026, 11, 20), time(13, 30))
    assert client.post("/schedule/repair", data={**form, "revision": "3", "refuse": second}).status_code == 303
    assert "不要的 1 条不再提" in client.get("/schedule/repair?month=2026-11").text
    assert client.post("/schedule/repair", data={**form, "revision": "4", "all": "1"}).status_code == 303
    assert "没有去不成的巡诊" in client.get("/schedule/repair?month=2026-11").text


def test_files_with_mistakes_are_named_annotated_corrected_and_published(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    bad = write_xlsx(lines, tmp_path / "景宁.xlsx").read_bytes()
    assert client.post("/schedule/upload", files=sent(("景宁.xlsx", bad))).status_code == 303
    page = client.get("/schedule/import").text
    assert all(word in words(page) for word in ("R01", "第5行", "point_id", "P999", "由它引起的", "1 个错误，不能发布"))
    assert page.index('data-code="R01"') < page.index("由它引起的"), "what follows stands under it"
    book = load_workbook(io.BytesIO(client.get("/schedule/annotated.xlsx").content))
    assert "R01" in str(book["排班规则"]["B5"].comment.text)
    assert publish(browser(hospital), desk).status_code == 401
    assert client.post("/schedule/publish", data={"revision": 0, "number": 1, "approved_by": "王"}).status_code == 422
    good = write_csv(example(), tmp_path / "good")
    assert client.post("/schedule/upload", files=sent(*csv_files(good))).status_code == 303
    page = client.get("/schedule/import").text
    assert "没有错误，可以发布" in page
    assert client.post("/schedule/publish", data={"revision": 0, "effective_from": "x"}).status_code == 422
    assert client.post("/schedule/publish", data={"revision": 0}).status_code == 422
    late = client.get("/schedule/changes").text
    assert 'name="number" value="1"' in late
    assert publish(client, desk).headers["location"] == "/schedule/versions"
    second = {"revision": desk.folder.draft().revision, "number": 1, "approved_by": "李科长"}
    answer = client.post("/schedule/publish", data=second)
    assert (answer.status_code, "兰调度刚发布了第1版，没有再发" in answer.text) == (409, True)
    assert 'name="number" value="2"' in answer.text, "the page anew"
    again = publish(client, desk)
    assert (again.status_code, "第1版已是这样" in again.text) == (409, True)
    versions = words(client.get("/schedule/versions").text)
    assert all(
        word in versions for word in ("第1版", "现行", "县卫健局 王科长", "兰调度", "V02", "还没收到过", "排队中")
    )
    assert "草稿和已发布的一样" in client.get("/schedule").text
    assert "412" in words(client.get("/schedule/versions/1").text)


def bomb() -> bytes:
    """A small file that would unpack to 300 MiB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(b" " * (1 << 20))
    return out.getvalue()


def entities() -> bytes:
    """A workbook whose text would grow by entities."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    return out.getvalue()


HOSTILE: dict[str, list[tuple[str, Callable[[], bytes]]]] = {
    "a bomb": [("plan.xlsx", bomb)],
    "entities": [("plan.xlsx", entities)],
    "no workbook": [("plan.xlsx", lambda: b"PK\x03\x04" + bytes(200))],
    "an old one": [("plan.xlsx", lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500))],
    "another type": [("plan.exe", lambda: b"MZ")],
    "no name to go by": [("..", lambda: b"x")],
    "one name twice": [("a/rules.csv", lambda: b"x"), ("b\\rules.csv", lambda: b"y")],
    "a picture as text": [("rules.csv", lambda: bytes(range(256)) * 64)],
    "too large": [("plan.xlsx", lambda: bytes(FILE_LIMIT + 1))],
    "too many": [(f"{n}.csv", lambda: b"x") for n in range(13)],
    "nothing": [],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_reason_and_nothing_of_them_is_kept(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path, name: str
) -> None:
    draft = laid_before(hospital, tmp_path / "files")
    given = [(file, made()) for file, made in HOSTILE[name]]
    extra = {} if given else {"data": {"days": "2026-11"}, "headers": {"Origin": "https://h"}}
    answer = client.post("/schedule/upload", files=sent(*given) or [("other", ("", b""))], **extra)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Traceback" not in answer.text
    assert desk.draft() == draft
    assert list(desk.folder.source.glob("*")) in ([], None) if desk.folder.source.exists() else True
    assert not list(hospital.folder.root.rglob("plan.*"))


def test_an_upload_far_too_large_is_answered_with_a_page(client: Caller, desk: ScheduleDesk) -> None:
    answer = client.post("/schedule/upload", files=sent(("plan.xlsx", bytes(100 << 20))))
    assert answer.status_code == 422
    assert "没有收，也没有留下" in answer.text
    assert not desk.folder.source.exists()


def test_what_a_killed_process_left_aside_is_swept_away(client: Caller, desk: ScheduleDesk, tmp_path: Path) -> None:
    left = desk.folder.source / ".left"
    left.mkdir(parents=True)
    (left / "plan.xlsx").write_bytes(b"x")
    desk.hospital.clock.later(timedelta(days=365 * 20, seconds=OLD_S))  # type: ignore[attr-defined]  # the bench's own
    fresh = signed_in(desk.hospital)
    assert fresh.post("/schedule/upload", files=sent(("plan.xlsx", b"x"))).status_code == 422
    assert list(desk.folder.source.iterdir()) == []
    assert client.cookies is not fresh.cookies


def test_a_wall_grid_comes_alone_beside_the_tables_of_the_import_before(
    client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    lines = example() | {"exceptions": example()["exceptions"][:1]}
    book = write_xlsx(lines, tmp_path / "plan.xlsx").read_bytes()
    client.post("/schedule/upload", files=sent(("plan.xlsx", book)))
    wall = Workbook()
    sheet = wall.worksheets[0]
    for line in (
        ["2026年12月巡诊安排", "", ""],
        ["车辆", "星期一", "星期二"],
        ["V01", "P01 08:30-11:00", "P03 08:30-11:00"],
    ):
        sheet.append(line)
    out = io.BytesIO()
    wall.save(out)
    answer = client.post("/schedule/upload", files=sent(("墙表.xlsx", out.getvalue())))
    assert answer.status_code == 303, answer.text
    draft = desk.editable()
    assert (draft.source, len(draft.plan.points), len(draft.plan.rules)) == ("墙表.xlsx", 6, 2)
    assert [path.name for path in desk.folder.source.iterdir()] == [draft.files], "the folder before is gone"
    put(lines, "vehicles", 2, "plate", "新01")
    newer = write_xlsx(lines, tmp_path / "z.xlsx").read_bytes()
    client.post("/schedule/upload", files=sent(("z.xlsx", newer)))
    client.post("/schedule/upload", files=sent(("墙表.xlsx", out.getvalue())))
    assert desk.editable().plan.vehicles["V01"].plate == "新01", "the tables of the import before, not of an older one"


def test_of_two_imports_at_once_neither_sweeps_the_others_files_away(
    desk: ScheduleDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    kept = desk.replace

    def replace(draft: Draft) -> Draft:
        seen.append(uploads._one_at_a_time.acquire(blocking=False))
        return kept(draft)

    monkeypatch.setattr(desk, "replace", replace)
    book = write_xlsx(example(), tmp_path / "plan.xlsx").read_bytes()
    uploads.take(desk, [uploads.Given("plan.xlsx", io.BytesIO(book))], None, LAN)
    assert seen == [False], "until its draft stands the next one waits"


def test_the_plan_as_it_is_now_reads_back_as_the_same_plan(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    lines = example()
    put(lines, "points", 2, "closed_weekdays", "SA;SU")
    draft = laid_before(hospital, tmp_path / "files", lines)
    form = {"day": "2026-11-18", "vehicle": "V01", "start": "13:00", "revision": draft.revision, **WRITTEN}
    assert client.post("/schedule/visits/R03-20261117/move", data=form).status_code == 303
    path = tmp_path / "now.xlsx"
    path.write_bytes(client.get("/schedule/plan.xlsx").content)
    again, _ = read_draft(path, (draft.first, draft.last), hospital.now())
    assert again.visits == desk.editable().visits
    assert again.plan.points["P01"].closed_weekdays == (5, 6)
    for name in TABLES:
        field = "travel" if name == "travel_minutes" else name
        assert list(getattr(again.plan, field)) == list(getattr(desk.editable().plan, field))


def test_everything_is_given_out_of_the_published_plan(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    laid_before(hospital, tmp_path / "files")
    assert "还没有发布过班表" in client.get("/schedule/outputs").text
    assert client.get("/schedule/export?format=ics&month=2026-11").status_code == 404
    assert publish(client, desk).status_code == 303
    page = client.get("/schedule/outputs").text
    assert all(word in page for word in ("vehicle/V01", "point/P01", "person/n001", "2026-11"))
    calendar = client.get("/schedule/export?format=ics&month=2026-11&of=vehicle/V01")
    assert calendar.content.startswith(b"BEGIN:VCALENDAR")
    assert re.findall(rb"UID:\S+@(\S+)", calendar.content)[0] == b"h01.clinic.example", "of this hospital alone"
    for name, first in (("xlsx", b"PK"), ("gtfs", b"PK"), ("sms", b"\xef\xbb\xbf")):
        answer = client.get(f"/schedule/export?format={name}&month=2026-11")
        assert (answer.status_code, answer.content[: len(first)]) == (200, first), name
    for wrong in ("format=exe&month=2026-11", "format=ics&month=2031-01", "format=ics&month=x"):
        assert client.get(f"/schedule/export?{wrong}").status_code == 422
    assert client.get("/schedule/export?format=ics&month=2026-11&of=vehicle/V99").status_code == 404
    assert client.get("/schedule/export?format=ics&month=2026-11&of=lorry/V01").status_code == 404


def test_the_month_to_come_is_given_out_before_it_begins(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    for month in ("2026-11", "2026-12"):
        path = write_csv(example(), tmp_path / month)
        draft = desk.replace(read_draft(path, month_days(month), hospital.now(), LAN.name)[0])
        desk.publish(LAN, draft.revision, "王科长", max(draft.first, TODAY))
    page = words(client.get("/schedule/outputs").text)
    assert "2026-11 · 第1版" in page
    assert "2026-12 · 第2版" in page
    calendar = client.get("/schedule/export?format=ics&month=2026-12&of=vehicle/V01")
    assert b"DTSTART;TZID=Asia/Shanghai:202612" in calendar.content


def test_adherence_shows_a_stop_as_soon_as_its_record_has_come(
    hospital: Hospital, client: Caller, desk: ScheduleDesk, tmp_path: Path
) -> None:
    laid_before(hospital, tmp_path / "files")
    assert publish(client, desk).status_code == 303
    page = words(client.get("/schedule/adherence").text)
    assert all(word in page for word in ("过点没有消息", "计划", "按时率"))
    box = Box("V07")
    clinic = Clinic(hospital, box, enrol(hospital, box.request()))
    foreseen = Stop(
        StopId(IdFactory().new()), "V07", "P03", "蓝坑村文化礼堂", "蓝坑村", TODAY, time(8, 30), time(11),
        visit_id="R03-20261110", substitutions=(Substitution("n001", "n009", "李护士", "请假", LAN, hospital.now()),),
    )  # fmt: skip
    clinic.send(box.record(Kind.STOP, foreseen, foreseen.id))
    assert "过点没有消息" in client.get("/schedule/adherence").text, "who comes instead is no word of having come"
    arrived = CheckIn(datetime(2026, 11, 10, 8, 41, tzinfo=CHINA), CheckInWay.HAND, LAN)
    stop = Stop(
        StopId(IdFactory().new()), "V07", "P03", "蓝坑村文化礼堂", "蓝坑村", TODAY, time(8, 30), time(11),
        StopStatus.OPEN, visit_id="R03-20261110", arrived=arrived,
    )  # fmt: skip
    clinic.send(box.record(Kind.STOP, stop, stop.id))
    page = words(client.get("/schedule/adherence").text)
    assert all(word in page for word in ("开诊中", "08:41", "晚11分"))
    assert client.get("/schedule/adherence?month=x").status_code == 422
    assert client.get("/schedule/adherence?month=9999-12").status_code == 422
    assert client.get("/schedule/day?day=1-1-1").status_code == 422
    assert reason_words("missed 路不通", "zh") == "未到 · 路不通"
    assert in_words("节假日", "en") == "public holiday"


def test_other_pages_answer_while_a_file_is_read(hospital: Hospital, client: Caller, tmp_path: Path) -> None:
    book = write_xlsx(example(), tmp_path / "plan.xlsx").read_bytes()
    order: list[str] = []

    async def ask(method: str, path: str, **given: object) -> None:
        transport = httpx.ASGITransport(client._app)
        async with httpx.AsyncClient(transport=transport, base_url="https://h", cookies=client.cookies) as one:
            answer = await one.request(method, path, headers={"Origin": "https://h"}, **given)  # type: ignore[arg-type]  # httpx's own
        assert answer.status_code in {200, 303}
        order.append(path)

    async def both() -> None:
        await asyncio.gather(
            ask("POST", "/schedule/upload", files=sent(("plan.xlsx", book))), ask("GET", "/schedule/versions")
        )

    asyncio.run(both())
    assert order == ["/schedule/versions", "/schedule/upload"]
