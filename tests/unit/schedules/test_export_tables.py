"""The workbook of visits and the list of text messages."""

import csv
import io
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from schedules.exports.entries import Entries
from schedules.exports.sheet_file import Sheet, sheet_file
from schedules.exports.subjects import Kind, chosen
from schedules.exports.text_messages import HEADER, TextMessage, files, text_message_table, text_messages
from schedules.exports.workbook import COLUMNS, PROGRESS_ROWS, visits_workbook
from schedules.exports.workbook import files as workbook_files
from tests.unit.schedules.exported import asked, laid_out
from tests.unit.schedules.schedule_county import example, put, write_csv


def rows(of: Entries, sheet: str = "巡诊") -> list[dict[str, object]]:
    book = load_workbook(io.BytesIO(visits_workbook(of, lambda *_: None)))
    header, *lines = book[sheet].iter_rows(values_only=True)
    assert header == tuple(name for name, _ in COLUMNS)
    return [dict(zip(map(str, header), line, strict=True)) for line in lines]


def test_a_row_for_each_visit_with_true_dates_and_times() -> None:
    of = laid_out()
    made = rows(of)
    assert len(made) == len(of.present) == 39
    for row, (visit, _, _) in zip(made, of.present, strict=True):
        assert row["日期"] == datetime.combine(visit.date, time())
        assert (row["开始"], row["结束"]) == (visit.start, visit.end)
        assert (row["编号"], row["服务点"], row["车辆"]) == (visit.visit_id, visit.point_id, visit.vehicle_id)
    moved = next(row for row in made if row["编号"] == "R04-20261125")
    assert (moved["状态"], moved["原因"], moved["星期"]) == ("改期", "道路施工", "周四")


def test_cancelled_visits_stand_on_their_own_sheet() -> None:
    of = laid_out(first=date(2026, 12, 1), last=date(2026, 12, 31))
    (gone,) = rows(of, "取消")
    assert (gone["编号"], gone["状态"], gone["原因"]) == ("R11-20261214", "取消", "车辆年检")
    assert "R11-20261214" not in [row["编号"] for row in rows(of)]


@pytest.mark.parametrize("evil", ['=HYPERLINK("http://x","y")', "=1+1", "a\x07b\ud7ff"])
def test_text_stays_text(tmp_path: Path, evil: str) -> None:
    lines = example()
    put(lines, "points", 2, "point_name", evil)
    made = rows(laid_out(write_csv(lines, tmp_path / "c")))
    shown = {row["服务点名称"] for row in made if row["服务点"] == "P01"}
    assert shown == {evil.replace("\x07", " ")}
    book = load_workbook(io.BytesIO(visits_workbook(laid_out(tmp_path / "c"), lambda *_: None)))
    assert not [cell for line in book["巡诊"].iter_rows() for cell in line if cell.data_type == "f"]


def test_progress_is_told_and_ends_at_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schedules.exports.workbook.PROGRESS_ROWS", 10)
    told: list[str] = []
    ((name, _),) = workbook_files(asked(laid_out(), told=told))
    assert name == "schedule-2026-11.xlsx"
    assert told == ["10 / 39", "20 / 39", "30 / 39", "39 / 39"]
    assert PROGRESS_ROWS == 1000


def messages(of: Entries) -> dict[tuple[str, str], TextMessage]:
    return {(one.point_id, one.month): one for one in text_messages(of, "流动医院")}


def test_a_message_tells_a_points_month_and_its_changes() -> None:
    found = messages(laid_out())
    assert found["P01", "2026-11"].text == (
        "【流动医院】上塘村文化礼堂：11月2、9、16、23、30日（周一） 08:30-11:00；"
        "11月5、19日（周四） 09:00-11:30巡诊。请带身份证、医保卡。"
    )
    moved = found["P04", "2026-11"].text
    assert "11月26日周四（由11月25日周三改期） 13:30-16:00" in moved
    gone = messages(laid_out(first=date(2026, 12, 1), last=date(2026, 12, 31)))["P05", "2026-12"].text
    assert "12月14日周一不来" in gone


@pytest.mark.parametrize(("length", "parts"), [(70, 1), (71, 2), (134, 2), (135, 3)])
def test_parts_are_counted_as_the_network_does(length: int, parts: int) -> None:
    assert TextMessage("1", "n", "P", "2026-11", "字" * length).parts == parts
    assert TextMessage("1", "n", "P", "2026-11", "𠮷" * 36).parts == 2, "a rare character takes two places"


def test_the_list_opens_in_a_spreadsheet_and_runs_nothing() -> None:
    table = text_message_table(
        (
            TextMessage("+8613800000000", "=1+1", "P01", "2026-11", "@x"),
            TextMessage("", '陈,"医"\n生', "P02", "m", "好"),
        )
    )
    assert table.startswith(b"\xef\xbb\xbf")
    header, *lines = csv.reader(io.StringIO(table.decode("utf-8-sig"), newline=""))
    assert tuple(header) == HEADER
    assert lines == [
        ["+8613800000000", "'=1+1", "P01", "2026-11", "'@x", "1"],
        ["", '陈,"医"\n生', "P02", "m", "好", "1"],
    ]


def test_one_vehicles_files_hold_its_visits_alone() -> None:
    of = laid_out()
    vehicle = chosen(of.plan, Kind.VEHICLE, "V01")
    ((name, content),) = workbook_files(asked(of, vehicle))
    assert name == "schedule-V01-2026-11.xlsx"
    book = load_workbook(io.BytesIO(content))
    assert {line[2] for line in book["巡诊"].iter_rows(min_row=2, values_only=True)} == {"V01"}
    ((name, content),) = files(asked(of, chosen(of.plan, Kind.POINT, "P01")))
    assert name == "sms-P01-2026-11.csv"
    assert content.decode().count("【示例流动医院】") == 1


def test_columns_past_z_and_empty_sheets() -> None:
    columns = [(f"c{number}", 5) for number in range(30)]
    content = sheet_file([Sheet("a & <b>", columns, 1, [["x"] * 29 + [None]]), Sheet("空", columns, 0, [])])
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["a & <b>", "空"]
    assert book["a & <b>"].auto_filter.ref == "A1:AD2"
    assert [cell.value for cell in book["a & <b>"][2]][:29] == ["x"] * 29
    assert book["空"].max_row == 1
    assert book["空"]["A1"].font.b


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
            st.dates(date(1900, 3, 1), date(9999, 12, 31)),
            st.times().map(lambda one: one.replace(second=0, microsecond=0)),
        ),
        max_size=5,
    )
)
def test_what_is_written_is_read_back(lines: list[tuple[str, date, time]]) -> None:
    content = sheet_file([Sheet("s", [("a", 1), ("b", 1), ("c", 1)], len(lines), lines)])
    _, *found = load_workbook(io.BytesIO(content))["s"].iter_rows(values_only=True)
    assert [(row[0] or "", row[1], row[2]) for row in found] == [
        (text, datetime.combine(day, time()), clock) for text, day, clock in lines
    ]
