"""What is drawn of pictures, loops, reports and documents."""

from io import BytesIO
from xml.etree import ElementTree as ET

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from clinic_records.errors import BadFrame, RefusedInput
from clinic_web.draw.picture import View
from clinic_web.draw.recording import draw
from clinic_web.draw.report import MAX_LINES, report_svg
from devices.simulators import imaging
from devices.simulators.objects import ultrasound_object


def saved(dataset: Dataset) -> bytes:
    target = BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


@pytest.fixture(scope="module")
def loop() -> bytes:
    return saved(ultrasound_object())


def test_frames_of_a_loop(loop: bytes) -> None:
    usual, first, middle = (draw(loop, "ultrasound", "zh", view=View(frame)) for frame in (None, 0, 15))
    assert usual.data == middle.data != first.data
    assert Image.open(BytesIO(first.data)).size == (320, 240)
    with pytest.raises(BadFrame, match="frame 31 of 30"):
        draw(loop, "ultrasound", "zh", view=View(30))
    with pytest.raises(BadFrame, match="frame 0 of 30"):
        draw(loop, "ultrasound", "zh", view=View(-1))


def test_loop_that_moves(loop: bytes) -> None:
    clip = draw(loop, "ultrasound", "zh", view=View(is_clip=True))
    assert clip.media_type == "image/webp"
    assert getattr(Image.open(BytesIO(clip.data)), "n_frames", 1) > 10
    assert len(clip.data) < 600_000


def test_report_is_text_on_a_page() -> None:
    drawn = draw(saved(imaging.examination("ultrasound-cardiac", None)), "ultrasound", "zh")
    assert drawn.media_type == "image/svg+xml"
    words = [element.text for element in ET.fromstring(drawn.data).iter("{http://www.w3.org/2000/svg}text")]
    assert any(word and "Left Ventricular Ejection Fraction: 62 %" in word for word in words)


def test_pdf_is_opened_not_drawn() -> None:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.3"
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = b"%PDF-1.4\n"
    made.file_meta = imaging.examination("fundus", None).file_meta
    raw = saved(made)
    with pytest.raises(RefusedInput, match="document to be opened"):
        draw(raw, "document", "zh")
    found = draw(raw, "document", "zh", view=View(is_document=True))
    assert (found.media_type, found.data.rstrip(b"\0")) == ("application/pdf", b"%PDF-1.4\n")


def test_long_and_strange_lines_stay_on_the_page() -> None:
    svg = report_svg("  " + "心" * 300 + "\n<script>\x07\x00\n" + "x" * 5000, "t & t")
    root = ET.fromstring(svg)
    rows = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(sum(2 if ord(char) > 255 else 1 for char in row) <= 106 for row in rows)
    assert "".join(rows).count("心") == 300
    assert "<script>" in rows
    assert (
        len(list(ET.fromstring(report_svg("x\n" * 9999, "t")).iter("{http://www.w3.org/2000/svg}text")))
        == MAX_LINES + 1
    )
