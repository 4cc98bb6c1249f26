"""The urgent one on every page until somebody has seen it, the alarms by language, and the quarantine's tasks."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import httpx
import msgspec
import pytest

from clinic_records.clock import Origin, Stamp
from clinic_records.consult import Seen
from clinic_records.ids import BlobHash, DeviceId, RecordId
from clinic_records.people import Author, Role
from clinic_records.record import Kind, Lane, Record, encode_payload
from devices.delivery import Delivery
from tests.unit.web.test_web_pages import started
from tests.unit.web.web_bench import Bench, Served, logged_in
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.quarantine import quarantine
from vehicle_agent.store.records import put_foreign

DOCTOR = Author("d001", "李医生", Role.SPECIALIST)


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served) as one:
        one.post("/stop/open", data={"x": "1"})
        yield one


def say_seen(bench: Bench, thing: str) -> None:
    """A specialist looks, and the message has come down."""
    seen = Seen(RecordId(bench.ids.new()), Kind.RECORDING.value, RecordId(thing), DOCTOR, bench.clock.now())
    record = Record(
        id=seen.id,
        revision=1,
        kind=Kind.SEEN,
        lane=Lane.P1,
        payload=encode_payload(seen),
        origin=Origin("H01", 1, 1),
        author=DOCTOR,
        recorded_at=seen.at,
    )
    bench.vault.store.write(lambda conn: put_foreign(conn, record))


def set_aside(bench: Bench, raw: bytes, reason: str) -> int:
    """A device's delivery that nobody could read."""
    sha256: BlobHash = bench.vault.store.blobs.keep(raw).sha256
    meta = msgspec.json.encode(Delivery(DeviceId("ecg-1"), "ecg-scp", Stamp(bench.clock.now()), "application/scp-ecg"))

    def job(conn: Connection) -> int:
        return quarantine(conn, at=bench.clock.now(), source="ecg-1", reason=reason, blob=sha256, meta=meta)

    return bench.vault.store.write(job)


def urgent_one(served: Served, nurse: httpx.Client) -> str:
    encounter = started(nurse)
    nurse.post(f"/enc/{encounter}/arm", data={"device": "ecg-1"})
    recording = served.run(served.bench.deliver("ecg-1"))
    nurse.post(f"/rec/{recording.id}/urgent")
    return recording.id


def test_an_urgent_one_stands_on_every_page_until_a_named_person_has_seen_it(
    served: Served, nurse: httpx.Client
) -> None:
    assert "urgent-row" not in nurse.get("/").text
    recording = urgent_one(served, nurse)
    for place in ("/", "/unbound", "/quality", "/people/new"):
        page = nurse.get(place).text
        assert "加急：" in page
        assert "还没有人看" in page
        assert "tel:120" not in page
    bench = served.bench
    bench.clock.raise_floor(bench.clock.now() + timedelta(minutes=2))
    page = nurse.get("/").text
    assert "两分钟了还没有人看。打电话" in page
    assert "tel:120" in page
    say_seen(bench, recording)
    page = nurse.get("/").text
    assert "李医生已看" in page
    assert "tel:120" not in page


def test_a_phone_call_is_noted_and_the_asking_ends(served: Served, nurse: httpx.Client) -> None:
    recording = urgent_one(served, nurse)
    served.bench.clock.raise_floor(served.bench.clock.now() + timedelta(minutes=5))
    page = nurse.post(f"/rec/{recording}/phoned").text
    assert "张护士已打通电话" in page
    assert "tel:120" not in page
    assert "还没有人看" in page, "phoned is not seen"
    assert nurse.post("/rec/nothing/phoned").status_code == 404


def test_a_task_of_the_quarantine_is_looked_at_downloaded_and_closed_with_a_note(
    served: Served, nurse: httpx.Client
) -> None:
    task = set_aside(served.bench, b"\x00raw bytes", "no reader knows it")
    assert f'href="/quarantine/{task}"' in nurse.get("/sync").text
    page = nurse.get(f"/quarantine/{task}").text
    assert "no reader knows it" in page
    answer = nurse.get(f"/quarantine/{task}/raw")
    assert answer.content == b"\x00raw bytes"
    assert "attachment" in answer.headers["content-disposition"]
    refused = nurse.post(f"/quarantine/{task}/close", data={"note": " "})
    assert (refused.status_code, "写下看到什么" in refused.text) == (422, True)
    assert f'href="/quarantine/{task}"' not in nurse.post(f"/quarantine/{task}/close", data={"note": "线松了"}).text
    assert "已了结" in nurse.get(f"/quarantine/{task}").text


def test_a_task_is_read_again_from_its_page(served: Served, nurse: httpx.Client) -> None:
    task = set_aside(served.bench, b"raw", "an old program")
    nurse.post(f"/quarantine/{task}/retry")
    vault = served.bench.vault
    ((_, meta),) = vault.inbox.pending(vault.inbox_private)
    assert msgspec.json.decode(meta, type=Delivery).device == "ecg-1"


@pytest.mark.parametrize("task", ["0", "999999", "x", "1" * 40, "-1", "１"])
def test_a_task_that_is_none_is_not_found(nurse: httpx.Client, task: str) -> None:
    assert nurse.get(f"/quarantine/{task}").status_code == 404


def test_nobody_sees_a_task_before_login(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=30) as stranger:
        for place in ("/quarantine/1", "/quarantine/1/raw"):
            assert stranger.get(place, follow_redirects=False).status_code in {303, 401}


def test_metrics_need_an_agent(served: Served) -> None:
    assert httpx.get(f"{served.url}/metrics").status_code == 404

    async def account() -> bytes:
        await asyncio.sleep(0)
        return b"clinic_link_online 1.0\n"

    served.bench.app.state.metrics = account
    answer = httpx.get(f"{served.url}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "clinic_link_online 1.0\n"
