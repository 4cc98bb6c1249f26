"""The quality pages: a control is written, the mark goes, a marked reading counts once a named person releases it."""

from collections.abc import Iterator

import httpx
import pytest

from clinic_records.quality import QualityMark
from tests.unit.web.test_web_pages import started
from tests.unit.web.web_bench import Served, logged_in

STROKES = {"kind": "calibration", "unit": "L", "value-1": "3.01", "value-2": "2.98"}


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served) as one:
        one.post("/stop/open", data={"x": "1"})
        yield one


def write(nurse: httpx.Client, served: Served, key: str, **more: str) -> httpx.Response:
    return nurse.post(f"/quality/{served.bench.spirometer}", data={**STROKES, "key": key, **more})


def test_a_calibration_is_due_fails_and_passes(served: Served, nurse: httpx.Client) -> None:
    assert "今天还没做质控" in nurse.get("/quality").text
    here = f"/quality/{served.bench.spirometer}"
    assert "2.91" in nurse.get(here).text
    refused = write(nurse, served, "k1")
    assert refused.status_code == 422
    assert "请把每次的值都填上" in refused.text
    assert "最近一次质控不合格" in write(nurse, served, "k2", **{"value-3": "2.80"}).text
    for _ in range(2):
        page = write(nurse, served, "k3", **{"value-3": "3.00"}).text
    assert "最近一次质控不合格" not in page
    assert page.count("<tr>") == 2
    assert "张护士" in page
    log = nurse.get("/quality.csv").content.decode("utf-8-sig").splitlines()
    assert log[0].startswith("device,modality,at,by,kind,passed")
    assert [line.split(",")[5] for line in log[1:]] == ["0", "1"]


def test_a_reading_without_control_counts_once_released(served: Served, nurse: httpx.Client) -> None:
    encounter, device = started(nurse), served.bench.spirometer
    nurse.post(f"/enc/{encounter}/arm", data={"device": device})
    recording = served.run(served.bench.deliver(device))
    assert recording.quality is QualityMark.MISSING
    assert recording.binding is not None
    assert "无质控" in nurse.get(f"/enc/{encounter}").text
    assert nurse.post(f"/rec/{recording.id}/release", data={"note": " "}).status_code == 422
    page = nurse.post(f"/rec/{recording.id}/release", data={"note": "注射器不在车上"}).text
    assert "张护士 已放行" in page
    assert "无质控" not in page
    assert nurse.post(f"/rec/{recording.id}/release", data={"note": "x"}).status_code == 200


def test_a_failed_control_keeps_readings_out_of_every_chart(served: Served, nurse: httpx.Client) -> None:
    encounter, device = started(nurse), served.bench.spirometer
    write(nurse, served, "k1", **{"value-3": "2.80"})
    nurse.post(f"/enc/{encounter}/arm", data={"device": device})
    recording = served.run(served.bench.deliver(device))
    assert (recording.binding, recording.unbound_reason, recording.quality) == (None, "quality", QualityMark.FAILED)
    assert "质控不合格或试剂过期" in nurse.get("/unbound").text
    nurse.post(f"/unbound/{recording.id}/bind", data={"encounter": encounter, "key": "b1"})
    assert "张护士 已放行" in nurse.get(f"/rec/{recording.id}").text


@pytest.mark.parametrize("kind", ["calibration", "lot", "verification", "magic"])
def test_an_empty_form_is_refused_and_said(served: Served, nurse: httpx.Client, kind: str) -> None:
    answer = nurse.post(f"/quality/{served.bench.spirometer}", data={"kind": kind, "key": kind})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert nurse.get("/quality/none").status_code == 404


def test_what_the_device_cannot_know_is_asked_and_kept(served: Served, nurse: httpx.Client) -> None:
    """H05: a glucose without its context is asked about, on the page where it stands."""
    encounter, device = started(nurse), served.bench.spirometer
    nurse.post(f"/enc/{encounter}/arm", data={"device": device})
    recording = served.run(served.bench.deliver(device, modality="glucose"))
    assert "空腹8小时以上" in nurse.get(f"/enc/{encounter}").text
    for wrong in ("meal=never", "arm=left", "", "meal"):
        assert nurse.post(f"/rec/{recording.id}/answer", data={"answer": wrong}).status_code == 422
    nurse.post(f"/rec/{recording.id}/answer", data={"answer": "meal=fasting"})
    kept = served.run(served.bench.desk.recording(recording.id)).recording
    assert kept.answers == {"meal": "fasting"}
    assert "餐后2小时" not in nurse.get(f"/enc/{encounter}").text
