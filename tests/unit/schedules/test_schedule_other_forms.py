"""Wall grids and dated lists as people make them, read to the rules they mean."""

import contextlib
import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from clinic_records.errors import RefusedInput
from schedules.check import check
from schedules.findings import Finding
from schedules.load.csv_folder import read_folder
from schedules.load.grid import _stops_of
from schedules.load.matrix import matrix_of_sheet
from schedules.load.period import period_of
from schedules.load.registers import Registers
from schedules.load.rows import RawTables
from schedules.load.source import read_tables
from tests.unit.schedules.schedule_county import calm, example, put, write_csv, write_xlsx

TITLE = "云溪县流动医院2026年11月排班表"
HEADER = ["车辆", "车牌", "驾驶员", "医生", "护士", "星期一", "星期二", "星期三", "星期四", "星期五"]
V01 = [
    "V01", "示例01", "何师傅", "李医生", "张护士",
    "上塘村文化礼堂 08:30-11:00\n下塘村便民服务中心 13:30-15:30",
    "云溪镇枫树岭村小学操场 08:30-11:00", "石门村村口停车场 09:00-11:30", "", "休息",
]  # fmt: skip
V02 = ["V02", "示例02", "许师傅", "王医生", "赵护士", "", "", "", "上塘村文化礼堂 09:00-11:30", ""]
MEANT = [
    ("R001", "P01", "V01", "每周一", "08:30", "11:00", "1", "r001;d001;n001"),
    ("R002", "P02", "V01", "每周一", "13:30", "15:30", "2", "r001;d001;n001"),
    ("R003", "P03", "V01", "每周二", "08:30", "11:00", "1", "r001;d001;n001"),
    ("R004", "P04", "V01", "每周三", "09:00", "11:30", "1", "r001;d001;n001"),
    ("R005", "P01", "V02", "每周四", "09:00", "11:30", "1", "r002;d002;n002"),
]
COLUMNS = ("rule_id", "point_id", "vehicle_id", "pattern", "start", "end", "stop_no", "staff_ids")


def beside(folder: Path) -> Path:
    """The example county's registers, without rules of their own."""
    lines = example()
    del lines["rules"], lines["exceptions"]
    return write_csv(lines, folder)


def meaning(tables: RawTables) -> list[tuple[object, ...]]:
    return [tuple(row.cells.get(name) for name in COLUMNS) for row in tables["rules"].rows or ()]


def said(tables: RawTables) -> list[tuple[str, int, str, str]]:
    found = check(tables, date(2026, 11, 1), date(2026, 11, 30)).findings
    return [(one.code, one.row, one.column, one.value) for one in found if one.code[0] in "FNDR"]


def plain_grid(folder: Path) -> Path:
    book = Workbook()
    for line in ([TITLE], HEADER, V01, V02):
        book.worksheets[0].append(line)
    book.save(folder / "grid.xlsx")
    return folder / "grid.xlsx"


def merged_grid(folder: Path) -> Path:
    """Titles and remarks across, each crew over two rows, a stop over two rows, weekdays over two columns."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "每周排班"
    rows: list[list[Any]] = [
        ["云溪县流动医院排班表"],
        ["执行时间：2026年11月1日至2026年11月30日"],
        [],
        ["车 辆", "司机", "医师", "护士", "周一", "", "周二", "周三", "周四", "周五"],
        ["", "", "", "", "上午", "下午", "", "", "", ""],
        ["V01\n(示例01)", "何师傅", "李医生", "张护士",
         "上塘村 · 文化礼堂　８：３０—１１：００", "下塘村便民服务中心 13:30～15:30",
         "1. 枫树岭村小学操场 8.30-11.00", "", "", "-"],
        ["", "", "", "", "", "", "", "09:00-11:30 石门村村口停车场", "", ""],
        ["示例02", "许师傅", "王医生", "赵护士", "", "", "", "", "上塘村文化礼堂（9点-11点半）", ""],
        ["备注：节假日顺延，08:00-12:00 可打电话"],
    ]  # fmt: skip
    for line in rows:
        sheet.append([cell or None for cell in line])
    for area in ("A1:J1", "A2:J2", "E4:F4", "A6:A7", "B6:B7", "C6:C7", "D6:D7", "E6:E7", "G6:G7", "A9:J9"):
        sheet.merge_cells(area)
    book.save(folder / "grid.xlsx")
    return folder / "grid.xlsx"


def test_a_sheet_is_looked_at_as_far_as_anything_stands_in_it() -> None:
    sheet = Workbook().worksheets[0]
    sheet["C2"] = "x"
    sheet.merge_cells("C2:E3")
    assert [[cell.text for cell in row] for row in matrix_of_sheet(sheet)] == [[""] * 5, *[["", "", "x", "x", "x"]] * 2]


def csv_grid(folder: Path) -> Path:
    with (folder / "墙表.csv").open("w", encoding="gbk", newline="") as file:
        csv.writer(file).writerows([[TITLE], [], HEADER, V01, V02])
    return folder / "墙表.csv"


def turned_grid(folder: Path) -> Path:
    book = Workbook()
    book.worksheets[0].append([TITLE])
    for line in zip(HEADER, V01, V02, strict=True):
        book.worksheets[0].append(list(line))
    book.save(folder / "grid.xlsx")
    return folder / "grid.xlsx"


def two_blocks(folder: Path) -> Path:
    book = Workbook()
    for line in ([TITLE], HEADER, V01, [], HEADER, V02):
        book.worksheets[0].append(line)
    book.save(folder / "grid.xlsx")
    return folder / "grid.xlsx"


def grid_as_a_sheet(folder: Path) -> Path:
    """The grid instead of the table of rules, in the one workbook that holds the other tables."""
    lines = example()
    del lines["rules"], lines["exceptions"]
    path = write_xlsx(lines, folder / "plan.xlsx")
    from openpyxl import load_workbook  # noqa: PLC0415

    book = load_workbook(path)
    sheet = book.create_sheet("墙表")
    for line in ([TITLE], HEADER, V01, V02):
        sheet.append(line)
    book.save(path)
    return path


GRIDS: dict[str, Callable[[Path], Path]] = {
    "plain": plain_grid,
    "merged": merged_grid,
    "CSV in GBK": csv_grid,
    "turned": turned_grid,
    "two blocks": two_blocks,
    "a sheet of the workbook": grid_as_a_sheet,
    "the folder": lambda folder: plain_grid(folder).parent,
}


SAID = {
    "CSV in GBK": [("F02", 0, "", "")],
    "merged": [("N01", 6, "周一", "上塘村 · 文化礼堂 8:30—11:00")],
}
"""What is told of how a grid was read."""


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_means_its_rules(name: str, tmp_path: Path) -> None:
    tables = read_tables(GRIDS[name](beside(tmp_path / "c")))
    assert meaning(tables) == MEANT
    (first, *_) = tables["rules"].rows or ()
    assert first.cells["services"] == "门诊;配药;慢病随访;B超;心电"
    assert (first.cells["effective_from"], first.cells["effective_to"]) == ("2026-11-01", "2026-11-30")
    assert said(tables) == SAID.get(name, [])


def test_the_countys_grid_is_its_table_of_rules(shared_data: Path) -> None:
    folder = shared_data / "schedules"
    with (folder / "rules.csv").open(encoding="utf-8-sig", newline="") as file:
        wanted = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]
    tables = read_tables(folder / "wall_grid_2026.xlsx")
    assert [row.cells for row in tables["rules"].rows or ()] == wanted
    checked = check(tables, date(2026, 1, 1), date(2026, 12, 31))
    assert len(checked.visits) == 3674
    assert not [one for one in checked.findings if one.severity == "error"]


def test_without_rules_before_the_countys_grid_numbers_them_alike(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "schedules"
    for name in ("points", "vehicles", "staff", "villages"):
        (tmp_path / f"{name}.csv").write_bytes((folder / f"{name}.csv").read_bytes())
    (tmp_path / "grid.xlsx").write_bytes((folder / "wall_grid_2026.xlsx").read_bytes())
    made = read_tables(tmp_path / "grid.xlsx", 2026)["rules"].rows or ()
    kept = read_tables(folder / "rules.csv".replace("rules.csv", ""))["rules"].rows or ()
    assert [row.cells for row in made] == [row.cells for row in kept]


def changed(folder: Path, row: int, column: int, text: str) -> RawTables:
    path = plain_grid(folder)
    from openpyxl import load_workbook  # noqa: PLC0415

    book = load_workbook(path)
    book.worksheets[0].cell(row, column).value = text
    book.save(path)
    return read_tables(path)


@pytest.mark.parametrize(
    ("row", "column", "text", "found"),
    [
        (3, 6, "白岩乡上塘村文化 08:30-11:00", ("R01", 3, "星期一", "白岩乡上塘村文化")),
        (3, 6, "上塘村文化礼堂 08:30-11:00\n无名村 13:30-15:30", ("R01", 3, "星期一", "无名村")),
        (3, 7, "枫树岭村小学操场", ("D03", 3, "星期二", "枫树岭村小学操场")),
        (3, 7, "枫树岭村小学操场 08:30-25:00", ("D03", 3, "星期二", "25:00")),
        (3, 7, "枫树岭村小学操场 11:00-08:30", ("T01", 3, "星期二", "08:30")),
        (3, 1, "V09", ("R02", 3, "车辆", "V09")),
        (3, 4, "无名医生", ("R03", 3, "医生", "无名医生")),
    ],
)
def test_a_mistake_is_found_in_its_cell(
    row: int, column: int, text: str, found: tuple[str, int, str, str], tmp_path: Path
) -> None:
    tables = changed(beside(tmp_path / "c"), row, column, text)
    findings: tuple[Finding, ...] = check(tables, date(2026, 11, 1), date(2026, 11, 30)).findings
    own = [(one.code, one.row, one.column, one.value) for one in findings if one.severity == "error" and not one.cause]
    assert found in own


def test_weeks_of_the_month_in_a_cell() -> None:
    text = "甲村 08:30-10:00（第1、3周）\n乙村（第2、4周） 10:30-11:30；丙村 13:00-14:00"
    assert list(_stops_of(text.replace("（", "(").replace("）", ")").replace("；", ";"))) == [
        ("甲村", "08:30", "10:00", "第1、3"),
        ("乙村", "10:30", "11:30", "第2、4"),
        ("丙村", "13:00", "14:00", ""),
    ]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026年11月", (date(2026, 11, 1), date(2026, 11, 30))),
        ("2026-11-02 至 2026-12-31", (date(2026, 11, 2), date(2026, 12, 31))),
        ("wall_grid_2026", (date(2026, 1, 1), date(2026, 12, 31))),
        ("2026年2月30日至2026年3月1日", None),
        ("每周排班", None),
    ],
)
def test_the_days_of_a_title(text: str, days: tuple[date, date] | None) -> None:
    assert period_of(text) == days


def test_only_its_own_village_may_stand_before_a_point(tmp_path: Path) -> None:
    lines = example()
    put(lines, "points", 3, "point_name", "便民服务中心")
    registers = Registers(read_folder(write_csv(lines, tmp_path / "c")))
    for mine in ("云溪镇上塘村文化礼堂", "云溪 上塘村文化礼堂", "示例县云溪镇上塘村文化礼堂", "上塘村·上塘村文化礼堂"):
        assert registers.point(mine) == "P01"
    assert registers.point("云溪镇下塘村便民服务中心") == "P02"
    for others in ("西上塘村文化礼堂", "白岩乡上塘村文化礼堂", "XP01", "上下塘村便民服务中心", "石门村便民服务中心"):
        assert registers.point(others) == others, "a stop that nobody knows is said, never taken for another"


def test_days_in_a_title_are_no_times(tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    book = Workbook()
    for line in (["云溪县2026年11月巡诊（11.02-11.30）"], HEADER, V01):
        book.worksheets[0].append(line)
    book.save(folder / "grid.xlsx")
    rows = read_tables(folder / "grid.xlsx")["rules"].rows or ()
    assert {(row.cells["effective_from"], row.cells["effective_to"]) for row in rows} == {("2026-11-01", "2026-11-30")}


@pytest.mark.parametrize(("title", "is_told"), [("2026年11月", True), ("2026-11-23 至 2026-11-27", False)])
def test_dates_beside_weekdays_are_told_where_the_sheet_holds_longer(title: str, is_told: bool, tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    book = Workbook()
    for line in ([title], [*HEADER[:5], "星期一（2026-11-23）", "星期二（2026-11-24）", *HEADER[7:]], V01):
        book.worksheets[0].append(line)
    book.save(folder / "grid.xlsx")
    rules = read_tables(folder / "grid.xlsx")["rules"]
    assert [(one.code, one.value) for one in rules.findings] == [("N01", "星期一(2026-11-23)")] * is_told
    assert {row.cells["effective_to"] for row in rules.rows or ()} == {"2026-11-30" if is_told else "2026-11-27"}


def test_a_grid_that_names_no_year(tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    (folder / "holidays.csv").unlink()
    book = Workbook()
    for line in (HEADER, V01):
        book.worksheets[0].append(line)
    book.save(folder / "grid.xlsx")
    (found, *_) = read_tables(folder / "grid.xlsx")["rules"].findings
    assert (found.code, found.row) == ("F03", 1)
    assert meaning(read_tables(folder / "grid.xlsx", 2026)) == MEANT[:4]


NOVEMBER = date(2026, 11, 1), date(2026, 11, 30)
LIST = [
    ["2026年11月巡诊安排"],
    ["日期", "时间", "地点", "车辆", "医生", "备注"],
    ["2026-11-03", "8:30-11:00", "上塘村文化礼堂", "示例01", "李医生", ""],
    ["2026/11/4", "13:30～15:00", "P02", "V02", "", "下午"],
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_dated_list_means_a_visit_a_row(kind: str, tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    path = folder / f"list.{kind}"
    if kind == "csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(LIST)
    else:
        book = Workbook()
        for line in LIST:
            book.worksheets[0].append(line)
        book.save(path)
    visits = check(read_tables(path), date(2026, 11, 1), date(2026, 11, 30)).visits
    assert [(str(v.date), v.point_id, v.vehicle_id, f"{v.start:%H:%M}", v.staff_ids) for v in visits] == [
        ("2026-11-03", "P01", "V01", "08:30", ("d001", "r001", "n001")),
        ("2026-11-04", "P02", "V02", "13:30", ("r002", "d002", "n002")),
    ]


def test_a_row_put_into_a_list_renames_no_other_visit(tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    again = ["2026-11-03", "13:30-15:00", "上塘村文化礼堂", "示例01", "李医生", ""]
    between = ["2026-11-03", "15:30-17:00", "P02", "V02", "", ""]

    def ids(*rows: list[str]) -> list[str]:
        head, numbered = [LIST[0], ["序号", *LIST[1]]], [[str(n), *row] for n, row in enumerate(rows, start=1)]
        with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([*head, *numbered])
        return [v.visit_id for v in check(read_tables(folder / "list.csv"), *NOVEMBER).visits]

    before = ids(*LIST[2:], again)
    assert before == ["P01-20261103-20261103", "P01-20261103-2-20261103", "P02-20261104-20261104"]
    after = ids(between, *LIST[2:], again)
    assert set(after) - set(before) == {"P02-20261103-20261103"}
    assert set(before) <= set(after)


def test_a_list_with_numbers_keeps_them(tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["编号", *LIST[1]], ["A7", *LIST[2]], ["", *LIST[3]]])
    visits = check(read_tables(folder / "list.csv"), *NOVEMBER).visits
    assert [v.rule_id for v in visits] == ["A7", "P02-20261104"]


@pytest.mark.parametrize(
    ("column", "text", "code", "header"),
    [
        (0, "2026-02-30", "D02", "日期"),
        (1, "8:30", "D09", "时间"),
        (2, "无名村", "R01", "地点"),
        (3, "V09", "R02", "车辆"),
        (4, "无名", "R03", "医生"),
    ],
)
def test_a_mistake_of_a_list_is_found_under_its_header(
    column: int, text: str, code: str, header: str, tmp_path: Path
) -> None:
    folder = beside(tmp_path / "c")
    lines = [list(line) for line in LIST]
    lines[2][column] = text
    with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    found = check(read_tables(folder / "list.csv"), date(2026, 11, 1), date(2026, 11, 30)).findings
    assert (code, 3, header) in [(one.code, one.row, one.column) for one in found if not one.cause]


def test_the_countys_visits_as_a_list(shared_data: Path) -> None:
    checked = check(read_tables(shared_data / "schedules/visits.csv"), date(2026, 1, 1), date(2026, 12, 31))
    assert len(checked.visits) == 3674
    assert not [one for one in checked.findings if one.severity == "error"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(RefusedInput, match="a wall grid or a dated list"):
        read_tables(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_bytes(b"\xff\xff\xff")
    with pytest.raises(RefusedInput, match="neither UTF-8 nor GBK"):
        read_tables(tmp_path / "y.csv")


@calm
@given(st.text(alphabet="上村(第1、3周)08:30-11点半 \n;；～.，", max_size=60))
def test_no_cell_of_a_grid_does_more_than_be_a_stop(text: str) -> None:
    for _, start, end, _ in _stops_of(text):
        assert bool(start) == bool(end)


words = st.sampled_from(
    [
        *["", "车辆", "驾驶员", "医生", "星期一", "周二", "Friday", "V01", "示例02", "V09", "何师傅", "无名", "休息"],
        *["日期", "地点", "时间", "第1、3周", "2026年11月", "备注", "2026-11-03"],
        *["上塘村文化礼堂 08:30-11:00", "08:30-11:00 P02", "P03 25:61-9:00"],
    ]
)


@calm
@given(st.lists(st.lists(words, max_size=6), max_size=8))
def test_no_sheet_does_more_than_be_refused(lines: list[list[str]]) -> None:
    with TemporaryDirectory() as name:
        folder = beside(Path(name) / "c")
        path = folder / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        with contextlib.suppress(RefusedInput):
            check(read_tables(path), date(2026, 11, 1), date(2026, 11, 30))


def test_a_sheet_of_endless_stops_is_cut(tmp_path: Path) -> None:
    folder = beside(tmp_path / "c")
    with (folder / "x.csv").open("w", encoding="utf-8", newline="") as file:
        day = "P01 08:00-09:00\n"
        line = ["V01", *[""] * 4, *[day * 100] * 4, day * 101]
        csv.writer(file).writerows([HEADER, *[line] * 40])
    rules = read_tables(folder / "x.csv", 2026)["rules"]
    assert len(rules.rows or ()) == 10_000
    assert {one.code for one in rules.findings} == {"F05"}


def test_people_without_a_number_are_nobody(tmp_path: Path) -> None:
    lines = example()
    del lines["rules"], lines["exceptions"]
    put(lines, "staff", 3, "staff_id", "")
    put(lines, "points", 3, "point_id", "")
    put(lines, "vehicles", 3, "vehicle_id", "")
    folder = write_csv(lines, tmp_path / "c")
    found = check(read_tables(plain_grid(folder)), date(2026, 11, 1), date(2026, 11, 30)).findings
    assert {"D09", "R01", "R02", "R03"} <= {one.code for one in found}
