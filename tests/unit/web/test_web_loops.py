"""The recording's page of a loop, a document and an examination's progress."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from clinic_records.clock import Stamp
from clinic_records.ids import DeviceId, sha256_hex
from clinic_records.quantity import quantity
from clinic_records.reading import Code, Content, Document, Image, Numeric, RawBytes, Reading
from tests.unit.web.web_bench import PIN, Bench, Served, logged_in
from vehicle_agent.web.loops import loop_of
from vehicle_agent.web.measures import of_what


def reading(content: Content | None) -> Reading:
    stamp = Stamp(datetime(2026, 11, 23, tzinfo=UTC))
    return Reading(
        DeviceId("us-1"), "ultrasound", stamp, RawBytes(sha256_hex(b""), 0, "application/dicom"), content=content
    )


@pytest.mark.parametrize(
    ("asked", "at", "steps"),
    [
        (None, 16, (("−10", 6), ("−1", 15), ("+1", 17), ("+10", 26))),
        (1, 1, (("−10", None), ("−1", None), ("+1", 2), ("+10", 11))),
        (30, 30, (("−10", 20), ("−1", 29), ("+1", None), ("+10", None))),
        (25, 25, (("−10", 15), ("−1", 24), ("+1", 26), ("+10", 30))),
        (-5, 1, (("−10", None), ("−1", None), ("+1", 2), ("+10", 11))),
        (10**9, 30, (("−10", 20), ("−1", 29), ("+1", None), ("+10", None))),
    ],
)
def test_buttons_of_a_loop(asked: int | None, at: int, steps: tuple[tuple[str, int | None], ...]) -> None:
    loop = loop_of(reading(Image("dicom-image", 240, 320, 30)), asked, is_playing=False)
    assert loop is not None
    assert (loop.count, loop.at, loop.steps) == (30, at, steps)


def test_what_is_no_loop() -> None:
    assert loop_of(reading(Image("dicom-image", 240, 320, 1)), None, is_playing=False) is None
    assert loop_of(reading(Document("application/pdf", "x")), 3, is_playing=True) is None
    playing = loop_of(reading(Image("dicom-image", 240, 320, 2)), 2, is_playing=True)
    assert playing is not None
    assert playing.at is None


def test_a_number_says_which_side_it_is_of() -> None:
    number = Numeric(
        Code("loinc", "11726-7", "Peak Systolic Velocity"), quantity("88", "cm/s"),
        context={"site": "Internal carotid artery", "laterality": "Left", "posture": "lying"},
    )  # fmt: skip
    assert of_what(number) == [("laterality", "Left"), ("site", "Internal carotid artery")]
    assert of_what(Numeric(Code("loinc", "x", "x"))) == []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(Bench(tmp_path_factory.mktemp("vehicle"))) as one:
        one.run(one.bench.desk.login("n001", PIN))
        yield one


@pytest.fixture
def nurse(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served, follows=False) as client:
        yield client


def test_page_of_a_loop_steps_and_plays(served: Served, nurse: httpx.Client) -> None:
    kept = served.run(served.bench.deliver("us-1", notes=("scale 2D ↔ 0.3 mm/px ↕ 0.3 mm/px, 120 mm", "<unverified>")))
    page = nurse.get(f"/rec/{kept.id}?frame=2").text
    assert "第2帧，共30帧" in page
    assert "附注：&lt;unverified&gt;" in page
    assert "附注：scale" not in page
    assert "比例：2D ↔ 0.3 mm/px" in page
    assert f"/rec/{kept.id}/picture?lang=zh&frame=2" in page.replace("&amp;", "&")
    assert f'href="/rec/{kept.id}?frame=3"' in page
    playing = nurse.get(f"/rec/{kept.id}?frame=2&play=1").text
    assert "正在播放" in playing
    assert "&clip=1" in playing.replace("&amp;", "&")
    for query in ("frame=3", "clip=1", ""):
        assert nurse.get(f"/rec/{kept.id}/picture?lang=zh&{query}").status_code == 200
    assert nurse.get(f"/rec/{kept.id}?frame=x").status_code == 422


def test_document_is_a_file_and_never_opened_inside_the_page(served: Served, nurse: httpx.Client) -> None:
    kept = served.run(served.bench.deliver("us-1", content=Document("application/pdf", "骨密度 <b>")))
    page = nurse.get(f"/rec/{kept.id}").text
    assert f'href="/rec/{kept.id}/document"' in page
    assert "骨密度 &lt;b&gt;" in page
    assert "data-drawn" not in page
    answer = nurse.get(f"/rec/{kept.id}/document")
    assert answer.content == b"%PDF-1.4"
    assert answer.headers["content-disposition"] == f'attachment; filename="{kept.id}.pdf"'
    assert answer.headers["content-type"] == "application/octet-stream"
    broken = served.run(
        served.bench.deliver("us-1", raw=b"x", content=Document("application/pdf", ""), source_id="other")
    )
    assert nurse.get(f"/rec/{broken.id}/document").status_code == 200
    assert nurse.get("/rec/none/document").status_code == 404


def test_progress_of_an_examination_is_said_in_words(served: Served, nurse: httpx.Client) -> None:
    for note, words in (
        ("examination in progress", "设备上正在检查"),
        ("examination completed", "设备上检查已完成"),
        ("examination discontinued on the device", "设备上检查已中止"),
    ):
        step = Document("application/dicom", "US")
        kept = served.run(served.bench.deliver("us-1", modality="examination", content=step, notes=(note,)))
        page = nurse.get(f"/rec/{kept.id}").text
        assert words in page
        assert "data-drawn" not in page
        assert "检查进度" in page
