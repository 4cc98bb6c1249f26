"""What stands beside a result on the pages of both sides."""

from pathlib import Path

import pytest

from clinic_records.reading import Code, Numeric
from clinic_web.pages import Pages, create_templates
from recordings.astm.result import STATUS_WORDS

PAGE = '{% import "macros.html" as m with context %}{{ m.beside(number.context) }}'
PROTEIN = Code("loinc", "20454-5", "Protein in urine")


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    (tmp_path / "one.html").write_text(PAGE, "utf-8")
    return create_templates(folders=[tmp_path])


def beside(pages: Pages, lang: str, **context: str) -> str:
    return " ".join(pages.fragment("one.html", lang, number=Numeric(PROTEIN, context=context)).split())


def test_flag_range_and_doubt_stand_beside_the_result(pages: Pages) -> None:
    shown = beside(pages, "zh", flag="H", reference="3.5-9.5", status="validity is questionable")
    assert shown == "<small> <strong>H</strong> (3.5-9.5) 仪器提示结果可疑</small>"
    assert "validity is questionable" in beside(pages, "en", status="validity is questionable")
    assert beside(pages, "zh", attempt="1") == ""
    assert beside(pages, "zh", flag="<b>") == "<small> <strong>&lt;b&gt;</strong></small>"


@pytest.mark.parametrize("status", [*STATUS_WORDS.values(), "unverified", "never heard of"])
def test_every_status_of_a_result_has_its_words(pages: Pages, status: str) -> None:
    assert (status in beside(pages, "zh", status=status)) == (status == "never heard of")
    assert status in beside(pages, "en", status=status)
