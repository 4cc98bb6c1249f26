"""A card on the reader reaches every open page, fills the form, and leaves nothing of itself on the disk."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clinic_records.errors import BadFrame
from clinic_records.ids import DeviceId
from clinic_records.people import IdentityCheck
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric
from devices.framing.base import Frame
from tests.unit.visits.test_visits_identity import card, scan
from tests.unit.web.test_web_live import Stream
from tests.unit.web.web_bench import RESIDENT, Served, logged_in, villager
from vehicle_agent.settings import DeviceSettings

READER = DeviceId("card1")


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served, follows=False) as one:
        yield one


def present(served: Served, item: Frame | BadFrame) -> str:
    async def act() -> str:
        served.bench.desk.identity.present(READER, item)
        return (await served.bench.desk.identity.waiting())[0].presented.token

    return served.run(act())


def box(nurse: httpx.Client, place: str = "today") -> str:
    """The box as a page of `place` gets it on opening."""
    with nurse.stream("GET", f"/live?page={place}") as response:
        return dict(Stream(response).until("beat")).get("presented", "")


def test_a_card_nobody_knows_leads_to_a_filled_form(served: Served, nurse: httpx.Client) -> None:
    served.run(served.bench.desk.open_stop(served.bench.nurse))
    assert box(nurse) == ""
    token = present(served, card())
    shown = box(nurse)
    assert "王秀英" in shown
    assert "尾号002X" in shown
    assert RESIDENT not in shown
    assert f"/people/new?card={token}" in shown
    form = nurse.get(f"/people/new?card={token}").text
    for filled in (
        'value="王秀英"',
        f'value="{RESIDENT}"',
        'value="1949"',
        'value="card" checked',
        'value="female" checked',
    ):
        assert filled in form
    assert "data-fill" in box(nurse, "register")
    typed = {
        "name": "王秀英",
        "resident_id": RESIDENT,
        "identity_check": "card",
        "allergies": "not-asked",
        "card": token,
    }
    assert nurse.post("/people/new", data={**typed, "key": "k1"}).status_code == 303
    (person,) = served.run(served.bench.desk.search(RESIDENT))
    assert person.identity_check is IdentityCheck.CARD
    assert box(nurse) == ""
    assert nurse.post("/people/new", data={**typed, "key": "k1"}).headers["location"].startswith("/enc/")


def test_a_card_we_know_opens_its_person(served: Served, nurse: httpx.Client) -> None:
    bench = served.bench
    person = served.run(bench.desk.register(villager(resident_id=RESIDENT), bench.nurse))
    token = present(served, card())
    assert "先开站" in box(nurse)
    served.run(bench.desk.open_stop(bench.nurse))
    assert f"/people/{person.id}/encounters" in box(nurse)
    answer = nurse.post(f"/people/{person.id}/encounters", data={"key": "k", "card": token})
    encounter = answer.headers["location"]
    assert encounter.startswith("/enc/")
    assert box(nurse) == ""
    again = present(served, card())
    assert f"/people/{person.id}/shown" in box(nurse)
    assert nurse.post(f"/people/{person.id}/shown", data={"card": again}).headers["location"] == encounter


def test_troubles_packs_and_unknown_codes_are_shown_and_dismissed(served: Served, nurse: httpx.Client) -> None:
    token = present(served, BadFrame("cut", raw=b"x"))
    assert "再来一次" in box(nurse)
    assert nurse.post("/presented/dismiss", data={"token": token}).status_code == 303
    assert box(nurse) == ""
    present(served, scan("]d20106901234567892172712311024A7\x1d21S17"))
    assert {"06901234567892", "24A7", "2027-12-31", "S17"} <= set(words(box(nurse)))
    present(served, scan("<script>alert(1)</script>"))
    shown = box(nurse)
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "不认识这个码" in shown


def words(html: str) -> list[str]:
    return html.replace("<", " ").replace(">", " ").replace("·", " ").split()


def test_a_code_typed_by_a_scanner_is_answered_and_not_held(served: Served, nurse: httpx.Client) -> None:
    served.run(served.bench.desk.open_stop(served.bench.nurse))
    person = served.run(served.bench.desk.register(villager(resident_id=RESIDENT), served.bench.nurse))
    answer = nurse.post("/scan", data={"code": f"MC1:{person.id}".upper(), "place": "today"})
    assert person.name in answer.text
    assert "医保码没有网认不出人" in nurse.post("/scan", data={"code": "33" * 14}).text
    assert box(nurse) == ""
    assert nurse.post("/scan", data={"code": ""}).status_code == 422
    assert person.name in nurse.post("/search", data={"text": f"MC1:{person.id}"}).text


def test_nobody_sees_a_card_without_logging_in(served: Served, nurse: httpx.Client) -> None:
    present(served, card())
    with httpx.Client(base_url=served.url, headers={"origin": served.url}, timeout=30) as stranger:
        assert "王秀英" not in stranger.get("/").text
        with stranger.stream("GET", "/live?page=today") as response:
            assert "presented" not in dict(Stream(response).until("locked"))
        assert stranger.post("/scan", data={"code": RESIDENT}).status_code in {303, 401}


def test_a_card_nobody_used_leaves_nothing_on_the_disk(
    served: Served, nurse: httpx.Client, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    present(served, card())
    box(nurse)
    said = "".join(capfd.readouterr())
    places = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert places
    for secret in (RESIDENT, "王秀英"):
        assert secret not in said
        for encoding in ("utf-8", "utf-16-le"):
            assert not [path for path in places if secret.encode(encoding) in path.read_bytes()]


def test_the_refrigerator_stands_on_the_page_of_today(served: Served, nurse: httpx.Client) -> None:
    bench = served.bench
    bench.roster.__init__((DeviceSettings(id="fridge1", key="fridge-xy-md02", url="loop:"),))  # type: ignore[misc]
    for celsius, context, words in (
        ("4.2", {}, "4.2"),
        ("9.1", {"excursion": "high"}, "药先不用"),
    ):
        temperature = Numeric(Code("local", "storage-temperature", "t"), quantity(celsius, "Cel"), context=context)
        served.run(bench.deliver("fridge1", modality="cold-chain", content=None, numerics=(temperature,)))
        page = nurse.get("/").text
        assert "冷藏箱温度" in page
        assert celsius in page
        assert words in page
    assert "药先不用" in live_leaf(nurse, "instruments")
    assert "指定" not in page


def live_leaf(nurse: httpx.Client, leaf: str) -> str:
    with nurse.stream("GET", "/live?page=today") as response:
        return dict(Stream(response).until("beat"))[leaf]
