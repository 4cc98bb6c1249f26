"""What is printed: pages, signs a font lacks, a machine without a font."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from clinic_records.errors import ConfigError, RefusedInput
from schedules.exports import fonts
from schedules.exports.fonts import GETA, MAIN, Printable, main_font, rare_fonts, signs_of
from schedules.exports.page import Pages, line_height
from schedules.exports.poster import files
from schedules.exports.printed import months
from schedules.exports.subjects import Kind, chosen
from schedules.exports.words import holiday_name
from tests.unit.schedules.exported import STAMP, asked, laid_out
from tests.unit.schedules.schedule_county import example, put, write_csv

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")

needs_font = pytest.mark.skipif(
    not any(path.is_file() for path in MAIN), reason="fonts-wqy-microhei is not installed; run `make system-packages`"
)


def pages_in(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


@needs_font
def test_a_page_for_each_vehicle_point_and_month() -> None:
    of = laid_out(first=date(2026, 11, 1), last=date(2026, 12, 31))
    made = dict(files(asked(of)))
    wall = made["wall-calendar-2026-11-01_2026-12-31.pdf"]
    notice = made["village-notice-2026-11-01_2026-12-31.pdf"]
    assert pages_in(wall) == 2 * len(of.plan.vehicles)
    assert pages_in(notice) == 2 * len(of.plan.points)
    assert b"/FontFile2" in wall, "the font travels with the file"


@needs_font
def test_one_vehicles_or_points_own_alone() -> None:
    of = laid_out()
    ((name, pdf),) = files(asked(of, chosen(of.plan, Kind.VEHICLE, "V01")))
    assert (name, pages_in(pdf)) == ("wall-calendar-V01-2026-11.pdf", 1)
    ((name, pdf),) = files(asked(of, chosen(of.plan, Kind.POINT, "P01")))
    assert (name, pages_in(pdf)) == ("village-notice-P01-2026-11.pdf", 1)
    with pytest.raises(RefusedInput, match="ics"):
        list(files(asked(of, chosen(of.plan, Kind.PERSON, "n001"))))


@needs_font
def test_the_same_plan_makes_the_same_bytes() -> None:
    point = chosen(laid_out().plan, Kind.POINT, "P01")
    assert dict(files(asked(laid_out(), point))) == dict(files(asked(laid_out(), point)))


@needs_font
def test_a_sign_no_font_has_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schedules.exports.page.rare_fonts", lambda: ())
    lines = example()
    put(lines, "points", 2, "point_name", "\U00020bb7\U000e0100村礼堂")
    of = laid_out(write_csv(lines, tmp_path / "c"))
    told: list[str] = []
    made = dict(files(asked(of, told=told)))
    assert len(made) == 2
    assert len(told) == 2
    for line in told:
        assert "\U00020bb7" in line
        assert "apt-get install fonts-hanazono" in line
    told.clear()
    dict(files(asked(laid_out(), told=told)))
    assert told == []


@needs_font
@pytest.mark.skipif(not DEJAVU.is_file(), reason="fonts-dejavu-core is not installed; run `make system-packages`")
def test_a_sign_the_main_font_lacks_comes_from_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schedules.exports.page.rare_fonts", lambda: (DEJAVU,))
    lines = example()
    put(lines, "points", 2, "point_name", "ƀ村礼堂")
    of = laid_out(write_csv(lines, tmp_path / "c"))
    told: list[str] = []
    ((_, pdf),) = files(asked(of, chosen(of.plan, Kind.POINT, "P01"), told))
    assert told == []
    assert b"DejaVu" in pdf


@needs_font
def test_only_lacking_signs_are_replaced() -> None:
    printable = Printable([main_font()])
    assert printable("安\U00020bb7 A·１") == f"安{GETA} A·１"
    assert printable.lacking == {"\U00020bb7"}
    assert ord("畲") in signs_of(main_font())


@needs_font
def test_long_texts_and_crowded_days_stay_on_their_page(tmp_path: Path) -> None:
    lines = example()
    put(lines, "points", 2, "point_name", "很长的名字" * 60)
    put(lines, "rules", 2, "services", ";".join(f"服务{number}" for number in range(300)))
    header, first, *_ = lines["rules"]
    for number in range(15):
        row = list(first)
        row[0], row[header.index("note")] = f"Z{number:02}", ""
        row[header.index("start")], row[header.index("end")] = (
            f"{11 + number // 4}:{number % 4 * 15:02}",
            (f"{11 + (number + 1) // 4}:{(number + 1) % 4 * 15:02}"),
        )
        lines["rules"].append(row)
    of = laid_out(write_csv(lines, tmp_path / "c"))
    assert len(of.present) > 100
    made = dict(files(asked(of)))
    assert [pages_in(pdf) for pdf in made.values()] == [len(of.plan.vehicles), len(of.plan.points)]


@needs_font
def test_text_is_cut_and_wrapped_to_its_width() -> None:
    pages = Pages("portrait", "A4", STAMP)
    pages.add()
    text = "一二三四五六七八九十"
    whole = pages.width(text, 20)
    lines = pages.wrapped(text, 20, whole / 3)
    assert "".join(lines) == text
    assert len(lines) >= 3
    assert all(pages.width(line, 20) <= whole / 3 for line in lines)
    assert pages.size_for([text], whole / 2, 20, 4) == pytest.approx(10, rel=0.02)
    assert pages.size_for([text], whole / 100, 20, 4) == 4
    assert pages.line(0, 10, 5, text, 20) == pytest.approx(10 + line_height(20))


def test_without_a_font_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("schedules.exports.page.main_font", lambda: main_font([tmp_path / "none.ttc"]))
    with pytest.raises(ConfigError, match="apt-get install fonts-wqy-microhei") as raised:
        list(files(asked(laid_out())))
    assert "fonts-wqy-microhei" in raised.value.hint.zh


@needs_font
def test_the_first_font_that_is_there_is_taken(tmp_path: Path) -> None:
    copy = tmp_path / "copy.ttc"
    shutil.copy(main_font(), copy)
    assert main_font([tmp_path / "none.ttc", copy]) == copy
    assert rare_fonts([copy, tmp_path / "none.ttf"]) == (copy,)
    assert fonts.lacking_words({"乙", "甲"}, "a.pdf").startswith("a.pdf: 字体里没有 乙 甲")


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        (date(2026, 1, 31), date(2026, 2, 1), 2),
        (date(2026, 1, 1), date(2026, 12, 31), 12),
        (date(2026, 12, 31), date(2027, 1, 1), 2),
        (date(2026, 2, 3), date(2026, 2, 3), 1),
    ],
)
def test_months_that_days_touch(first: date, last: date, count: int) -> None:
    made = list(months(first, last))
    assert len(made) == count
    assert all(day.day == 1 for day in made)
    assert made[0] <= first


@pytest.mark.parametrize(("said", "printed"), [("National Day", "国庆节"), ("三月三", "三月三"), ("", "")])
def test_a_holiday_is_named_in_chinese(said: str, printed: str) -> None:
    assert holiday_name(said) == printed
