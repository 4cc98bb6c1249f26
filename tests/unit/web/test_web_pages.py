"""A nurse's day on the pages, over the real desk and a real store."""

import re
from collections.abc import Iterator

import httpx
import pytest

from clinic_records.ids import EncounterId
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from clinic_web.formats import unit
from clinic_web.pages import LOOKS
from tests.unit.web.web_bench import PIN, RESIDENT, Bench, Served, logged_in, villager

FORM = {
    "name": "王秀英",
    "resident_id": RESIDENT,
    "identity_check": "card+face",
    "allergies": "known",
    "substances": "青霉素",
    "reason": "高血压随访",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One vehicle for the module: a PIN costs a third of a second."""
    with Served(Bench(tmp_path_factory.mktemp("vehicle"))) as one:
        yield one


@pytest.fixture
def stranger(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, headers={"origin": served.url}, follow_redirects=True, timeout=30) as one:
        yield one


@pytest.fixture(scope="module")
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served) as one:
        one.post("/stop/open", data={"x": "1"})
        yield one


def started(nurse: httpx.Client, **changes: str) -> str:
    """A registered person's encounter id."""
    page = nurse.post(
        "/people/new", data={**FORM, "resident_id": "", "birth_unknown": "yes", "sex": "female", **changes}
    )
    found = re.search(r"/enc/([0-9a-f-]{36})$", str(page.url))
    assert found, page.text[-2000:]
    return found[1]


def test_nobody_sees_a_page_before_login(stranger: httpx.Client) -> None:
    for place in ("/", "/people/new", "/enc/1", "/rec/1", "/rec/1/picture", "/rec/1/raw", "/unbound", "/sync"):
        page = stranger.get(place)
        assert page.url.path == "/login", place
    assert stranger.get("/sync", headers={"hx-request": "true"}).status_code == 401
    assert stranger.post("/stop/open", data={"x": "1"}).status_code == 401
    assert "locked" in stranger.get("/live?page=today").text


def test_emergency_numbers_are_there_without_login_and_claim_nothing(stranger: httpx.Client) -> None:
    page = stranger.get("/sos")
    assert page.status_code == 200
    assert 'href="tel:120"' in page.text
    assert "不会自动发出求援" in page.text


def test_a_wrong_pin_says_what_to_do_and_keeps_who(stranger: httpx.Client) -> None:
    page = stranger.post("/login", data={"staff": "n001", "pin": "0000"})
    assert page.status_code == 422
    assert "工号或口令不对" in page.text
    assert 'value="n001" checked' in page.text
    assert "session" not in stranger.cookies


def test_another_origin_changes_nothing(served: Served) -> None:
    evil = httpx.post(f"{served.url}/login", data={"staff": "n001", "pin": PIN}, headers={"origin": "http://evil"})
    assert evil.status_code == 403
    assert "set-cookie" not in evil.headers
    assert httpx.post(f"{served.url}/login", data={"staff": "n001", "pin": PIN}).status_code == 403


def test_a_huge_form_is_refused(nurse: httpx.Client) -> None:
    assert nurse.post("/people/new", data={"name": "王" * 300_000}).status_code == 413


@pytest.mark.parametrize("place", ["/", "/people/new", "/unbound", "/sync", "/sos", "/login", "/nowhere"])
def test_every_answer_is_private_and_runs_only_our_scripts(nurse: httpx.Client, place: str) -> None:
    page = nurse.get(place)
    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=", page.text)
    assert '<html lang="zh-Hans-CN"' in page.text
    assert len(re.findall(r'class="main"', page.text.split('<footer class="bottom">')[1].split("</footer>")[0])) == 1


def test_registration_keeps_what_was_typed_and_says_each_error_twice(nurse: httpx.Client) -> None:
    page = nurse.post("/people/new", data={**FORM, "name": "", "resident_id": "110105194912310021"})
    assert page.status_code == 422
    assert "有 3 处要改" in page.text
    assert 'value="110105194912310021"' in page.text
    assert page.text.count("身份证号最后一位对不上") == 2
    assert 'aria-describedby="name-error"' in page.text
    assert "<title>错误：" in page.text
    for target in re.findall(r'<a href="#([a-z_]+)" data-focus', page.text):
        assert f'id="{target}"' in page.text


def test_a_known_number_offers_the_person_it_belongs_to(nurse: httpx.Client) -> None:
    first = nurse.post("/people/new", data={**FORM, "key": "a"})
    assert "/enc/" in str(first.url)
    again = nurse.post("/people/new", data={**FORM, "name": "王秀英子", "key": "b"})
    assert again.status_code == 409
    assert "可能是同一个人" in again.text
    assert "就是王秀英，开始诊疗" in again.text
    assert 'value="王秀英子"' in again.text


def test_two_presses_are_one_person(nurse: httpx.Client, served: Served) -> None:
    data = {**FORM, "name": "雷两次", "resident_id": "", "birth_unknown": "yes", "sex": "male", "key": "twice"}
    first, second = nurse.post("/people/new", data=data), nurse.post("/people/new", data=data)
    assert first.url == second.url
    assert len(served.run(served.bench.desk.search("雷两次"))) == 1


def test_names_are_text_and_never_markup(nurse: httpx.Client, served: Served) -> None:
    encounter = started(nurse, name="<b>蓝</b>&𠮷", reason="<script>x</script>")
    for place in ("/", f"/enc/{encounter}"):
        text = nurse.get(place).text
        assert "&lt;b&gt;蓝&lt;/b&gt;&amp;𠮷" in text
        assert "<script>x" not in text
    served.run(served.bench.desk.arm(served.bench.ecg, EncounterId(encounter), served.bench.nurse))
    assert "<b>蓝" not in nurse.get(f"/enc/{encounter}").text


def test_a_reading_comes_with_person_source_time_unit_and_picture(nurse: httpx.Client, served: Served) -> None:
    encounter = started(nurse, name="蓝心电")
    box = nurse.post(f"/enc/{encounter}/arm", data={"device": "ecg-1"}, headers={"hx-request": "true"})
    assert "正在等：蓝心电" in box.text
    recording = served.run(served.bench.deliver("ecg-1"))
    page = nurse.get(f"/enc/{encounter}").text
    article = page[page.index(f'id="rec-{recording.id}"') :]
    for words in (
        "心电图",
        "蓝心电",
        "十二导心电图机",
        "自动",
        "12导联 10秒 500Hz",
        "排队中",
        "78\N{NO-BREAK SPACE}次/分",
        "没测到",
    ):
        assert words in article
    picture = nurse.get(f"/rec/{recording.id}/picture")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in picture.headers["content-security-policy"]
    raw = nurse.get(f"/rec/{recording.id}/raw")
    assert raw.headers["content-disposition"].startswith("attachment")
    assert len(raw.content) == recording.reading.raw.size
    urgent = nurse.post(f"/rec/{recording.id}/urgent", data={"x": "1"})
    assert "加急" in urgent.text
    assert "把蓝心电的心电图加急发给医院" not in urgent.text


def test_another_persons_arming_is_said_and_can_be_taken_over(nurse: httpx.Client) -> None:
    one, two = started(nurse, name="钟一"), started(nurse, name="钟二")
    nurse.post(f"/enc/{one}/arm", data={"device": "spiro-1"})
    assert "占用：钟一" in nurse.get(f"/enc/{two}").text
    nurse.post(f"/enc/{two}/arm", data={"device": "spiro-1"})
    assert "占用：钟二" in nurse.get(f"/enc/{one}").text
    nurse.post(f"/enc/{two}/disarm", data={"device": "spiro-1"})
    assert "占用：" not in nurse.get(f"/enc/{one}").text.split('id="dev-spiro-1"')[1].split("</form>")[0]


def test_an_unbound_reading_waits_for_a_person(nurse: httpx.Client, served: Served) -> None:
    encounter = started(nurse, name="雷超声")
    recording = served.run(served.bench.deliver("us-1"))
    pick = f"/unbound?pick={recording.id}"
    page = nurse.get(pick).text
    assert "到达时没有指定任何人" in page
    assert not re.search(r'name="encounter"[^>]*checked', page), "nobody is preselected"
    nobody = nurse.post(f"/unbound/{recording.id}/bind", data={"key": "1"})
    assert nobody.status_code == 422
    assert "先选是谁的" in nobody.text
    assert nurse.post(f"/unbound/{recording.id}/reject", data={"reason": "bored"}).status_code == 422
    nurse.post(f"/unbound/{recording.id}/bind", data={"encounter": encounter, "key": "2"})
    assert f'id="rec-{recording.id}"' in nurse.get(f"/enc/{encounter}").text
    gone = served.run(served.bench.deliver("us-1", source_id="second"))
    nurse.post(f"/unbound/{gone.id}/reject", data={"reason": "test"})
    assert gone.id not in nurse.get("/unbound").text


def test_search_finds_by_the_end_of_the_number_and_says_when_nobody(nurse: httpx.Client, served: Served) -> None:
    if not served.run(served.bench.desk.search(RESIDENT)):
        served.run(served.bench.desk.register(villager(resident_id=RESIDENT), served.bench.nurse))
    assert "找到 1 人" in nurse.post("/search", data={"text": "002X"}).text
    none = nurse.post("/search", data={"text": "没有这个人"}, headers={"hx-request": "true"})
    assert "没有找到" in none.text
    assert "<html" not in none.text


def test_a_finished_encounter_arms_nothing(nurse: httpx.Client) -> None:
    encounter = started(nurse, name="蓝完成")
    assert str(nurse.post(f"/enc/{encounter}/finish", data={"key": "f"}).url).endswith("/")
    page = nurse.get(f"/enc/{encounter}").text
    assert "已完成" in page
    assert f"/enc/{encounter}/arm" not in page
    refused = nurse.post(f"/enc/{encounter}/arm", data={"device": "ecg-1"})
    assert refused.status_code in {409, 422}
    assert "没有做成" in refused.text


def test_what_does_not_exist_says_so_in_the_page(nurse: httpx.Client) -> None:
    for place in ("/nowhere", "/enc/01a2", "/rec/01a2"):
        page = nurse.get(place)
        assert page.status_code == 404, place
        assert "没有做成" in page.text
    line = nurse.post("/enc/01a2/finish", data={"key": ""}, headers={"hx-request": "true"})
    assert line.headers["hx-retarget"] == "#note"


def test_both_languages_and_all_looks(served: Served, nurse: httpx.Client) -> None:
    with httpx.Client(base_url=served.url, headers={"origin": served.url}, follow_redirects=True, timeout=30) as other:
        other.cookies.update(nurse.cookies)
        page = other.post("/look", data={"lang": "en", "back": "/sync"})
        assert page.url.path == "/sync"
        assert '<html lang="en"' in page.text
        assert "no coverage" in page.text
        for look in LOOKS:
            assert f'data-look="{look}"' in other.post("/look", data={"look": look, "back": "/"}).text
        assert 'data-look="day"' in other.post("/look", data={"look": "day", "back": "//evil"}).text
        assert other.post("/look", data={"lang": "fr", "back": "/"}).status_code == 200
        assert '<html lang="en"' in other.get("/").text


def test_lock_ends_the_session_and_the_overlay_is_only_for_the_same_person(served: Served) -> None:
    with logged_in(served) as one:
        assert one.post("/lock", data={"x": "1"}).url.path == "/login"
        assert one.get("/").url.path == "/login"
        same = one.post("/login", data={"staff": "n001", "pin": PIN, "was": "n001"}, headers={"hx-request": "true"})
        assert same.headers["hx-trigger"] == "unlocked"
        other = one.post("/login", data={"staff": "n001", "pin": PIN, "was": "n002"}, headers={"hx-request": "true"})
        assert other.headers["hx-redirect"] == "/"


@pytest.mark.parametrize(
    ("context", "words"),
    [({"meal": "before"}, "餐前"), ({"site": "axilla"}, "腋温"), ({"laterality": "left"}, "left")],
)
def test_what_a_device_says_beside_its_number_is_shown(
    nurse: httpx.Client, served: Served, context: dict[str, str], words: str
) -> None:
    said = Numeric(Code("loinc", "8310-5", "Body temperature"), quantity("36.6", "Cel"), context=context)
    served.run(served.bench.deliver("us-1", modality="temperature", content=None, numerics=(said,)))
    page = nurse.get("/unbound").text
    assert f'<span class="hint">{words}</span>' in page
    assert "36.6\N{NO-BREAK SPACE}°C" in page


@pytest.mark.parametrize(("code", "printed"), [("10*9/L", "10^9/L"), ("[pH]", ""), ("U/L", "U/L")])
def test_a_unit_is_printed_as_people_write_it(code: str, printed: str) -> None:
    assert unit(code, "zh") == printed
