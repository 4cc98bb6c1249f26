"""A loop on the recording's page in a real browser: every control a finger wide, frames and the moving copy shown."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Page, expect

from clinic_records.care import Recording
from clinic_records.reading import Image
from clinic_web.draw.picture import Picture, View
from clinic_web.draw.recording import draw
from devices.simulators.objects import ultrasound_object
from tests.peer.screens import lies_whole, log_in
from tests.unit.web import web_bench
from tests.unit.web.web_bench import Bench, Served
from vehicle_agent.store.store import Store

pytestmark = pytest.mark.peer


class Drawing:
    """Draws here what a child process draws on a vehicle."""

    async def draw(self, store: Store, recording: Recording, lang: str, view: View) -> Picture:
        blob = await asyncio.to_thread(store.blobs.locate, recording.reading.raw.sha256)
        with blob.plain() as source:
            raw = source.read(1 << 30)
        return await asyncio.to_thread(draw, raw, recording.reading.modality, lang, view=view)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(web_bench, "LineArtist", Drawing)
    with Served(Bench(tmp_path)) as one:
        yield one


def test_a_loop_is_stepped_through_and_plays(page: Page, served: Served) -> None:
    target = BytesIO()
    pydicom.dcmwrite(target, ultrasound_object(), enforce_file_format=True)
    log_in(page)
    content = Image("dicom-image", 240, 320, 30)
    kept = served.run(served.bench.deliver("us-1", target.getvalue(), content=content))
    page.goto(f"/rec/{kept.id}")
    picture = page.locator("figure.drawn img")
    expect(page.get_by_text("第16帧，共30帧")).to_be_visible()
    lies_whole(page)
    wide = "(image) => image.decode().then(() => image.naturalWidth)"
    assert picture.evaluate(wide) == 320
    assert picture.bounding_box()["width"] > 600  # type: ignore[index]  # shown large
    page.get_by_role("link", name="+1", exact=True).click()
    expect(page.get_by_text("第17帧，共30帧")).to_be_visible()
    page.get_by_role("link", name="播放").click()
    expect(page.get_by_text("正在播放")).to_be_visible()
    lies_whole(page)
    assert picture.evaluate(wide) == 320
    page.get_by_role("link", name="停").click()
    expect(page.get_by_text("第16帧，共30帧")).to_be_visible()
