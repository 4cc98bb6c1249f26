"""Counties of strangers, written as people write: no error on clean data, and every visit as it was meant."""

from datetime import date, datetime
from pathlib import Path
from random import Random

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from clinic_records.schedule import Visit
from schedules.check import Checked
from schedules.draft import check_files
from schedules.findings import Finding, Severity
from schedules.headings import HEADINGS
from schedules.load.cells import Unreadable, read_cell
from schedules.load.source import read_tables
from schedules.tables import TABLES, Form
from tests.unit.schedules.another_county import another_county
from tests.unit.schedules.messy_files import messy
from tests.unit.schedules.messy_grids import Grid, dated_list
from tests.unit.schedules.schedule_county import Lines, example, put, write_csv, write_xlsx

YEAR = date(2026, 1, 1), date(2026, 12, 31)
MARCH = date(2026, 3, 1), date(2026, 3, 31)
SEEDS = range(3)


def laid_out(path: Path, days: tuple[date, date] = YEAR) -> Checked:
    return check_files(path, days, days[0]).checked


def errors(found: Checked) -> list[Finding]:
    return [one for one in found.findings if one.severity is Severity.ERROR]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_strangers_county_in_every_form(seed: int, tmp_path: Path) -> None:
    lines = another_county(seed)
    clean = laid_out(write_csv(lines, tmp_path / "clean"))
    assert clean.visits
    assert errors(clean) == []
    strange = messy(lines, Random(seed))
    for path in (
        write_csv(strange, tmp_path / "bom", encoding="utf-8-sig"),
        write_csv(strange, tmp_path / "tab", encoding="gb18030", tab=True),
        write_csv(strange, tmp_path / "unicode", encoding="utf-16", tab=True),
        write_xlsx(strange, tmp_path / "text.xlsx"),
        write_xlsx(lines, tmp_path / "typed.xlsx"),
    ):
        found = laid_out(path)
        assert errors(found) == [], path.name
        assert found.visits == clean.visits, path.name


@pytest.mark.parametrize("seed", range(6))
def test_a_strangers_wall_grid(seed: int, tmp_path: Path) -> None:
    lines = another_county(seed, is_weekly=True)
    folder = write_csv(lines, tmp_path / "c")
    clean = laid_out(folder)
    found = laid_out(Grid(lines, Random(seed)).write(folder / "grid.xlsx"))
    assert errors(found) == []
    assert found.visits == clean.visits


def meant(visits: tuple[Visit, ...]) -> set[tuple[object, ...]]:
    return {(v.date, v.point_id, v.vehicle_id, v.start, v.end, frozenset(v.staff_ids)) for v in visits}


@pytest.mark.parametrize("seed", range(6))
def test_a_strangers_dated_list(seed: int, tmp_path: Path) -> None:
    lines = another_county(seed)
    clean = laid_out(write_csv(lines, tmp_path / "clean"), MARCH)
    folder = write_csv(
        {name: rows for name, rows in lines.items() if name not in {"rules", "exceptions"}}, tmp_path / "c"
    )
    found = laid_out(dated_list(lines, clean.visits, Random(seed), folder), MARCH)
    assert errors(found) == []
    assert meant(found.visits) == meant(clean.visits)


def with_chinese_headings(lines: Lines) -> Lines:
    return {
        name: [[HEADINGS.get(str(word), (word,))[0] for word in rows[0]], *rows[1:]] for name, rows in lines.items()
    }


def test_chinese_headings_below_a_title_and_a_remark_under_the_table(tmp_path: Path) -> None:
    lines = with_chinese_headings(example())
    for rows in lines.values():
        rows.insert(0, ["云溪县流动医院", "", "2026年"])
        rows.append(["备注：以县卫健局通知为准"])
    put(lines, "rules", 4, "开始", "25:00", header=2)
    for path in (write_csv(lines, tmp_path / "c"), write_xlsx(lines, tmp_path / "c.xlsx")):
        found = laid_out(path, (date(2026, 11, 1), date(2026, 11, 30)))
        own = [(one.code, one.row, one.column) for one in errors(found) if not one.cause]
        assert own == [("D03", 4, "开始")]
        assert sum(one.code == "N03" for one in found.findings) == len(lines)


def test_sheets_under_english_names(tmp_path: Path) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in example().items():
        sheet = book.create_sheet(f" {name.title()}")
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
    book.save(tmp_path / "c.xlsx")
    assert errors(laid_out(tmp_path / "c.xlsx", (date(2026, 11, 1), date(2026, 11, 30)))) == []


@pytest.mark.parametrize("is_number", [True, False])
def test_days_of_a_workbook_that_counts_from_1904(is_number: bool, tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.remove(book.worksheets[0])
    lines = example()
    for name, rows in lines.items():
        sheet = book.create_sheet(TABLES[name].sheet)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
        if name == "rules":
            at = rows[0].index("effective_from") + 1
            for number in range(2, len(rows) + 1):
                day = datetime(2026, 11, 1)  # noqa: DTZ001 - a cell has no zone
                sheet.cell(number, at).value = (day.date() - date(1904, 1, 1)).days if is_number else day
    book.save(tmp_path / "c.xlsx")
    rules = laid_out(tmp_path / "c.xlsx", (date(2026, 11, 1), date(2026, 11, 30))).plan.rules
    assert {rule.effective_from for rule in rules.values()} == {date(2026, 11, 1)}


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        ("0830", "08:30:00"),
        (830, "08:30:00"),
        ("八点半", "08:30:00"),
        ("八点三十分", "08:30:00"),
        ("十点一刻", "10:15:00"),
        ("下午2点", "14:00:00"),
        ("2:30 pm", "14:30:00"),
        ("中午12:30", "12:30:00"),
        ("8：30", "08:30:00"),
        ("25:00", None),
        ("2560", None),
        ("8点75分", None),
        ("二十五点", None),
        ("8:3", None),
        ("8", None),
        ("三点水", None),
        ("晚上12点", None),
        ("凌晨12:30", None),
        ("12:30 am", None),
    ],
)
def test_times_as_people_write_them(raw: object, time: str | None) -> None:
    if time is None:
        with pytest.raises(Unreadable, match="not a time"):
            read_cell(Form.TIME, raw)
    else:
        value, notes = read_cell(Form.TIME, raw)
        assert (str(value), [note.code for note in notes]) == (time, ["N01"])


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        ("20260105", "2026-01-05"),
        ("2026-01-05（周一）", "2026-01-05"),
        ("2026年1月5号 星期一", "2026-01-05"),
        ("2026-01-05T00:00:00", "2026-01-05"),
        ("2026-01-05（周二）", None),
        ("20260230", None),
        ("26-1-5", None),
        ("#N/A", None),
    ],
)
def test_dates_as_people_write_them(raw: str, day: str | None) -> None:
    if day is None:
        with pytest.raises(Unreadable):
            read_cell(Form.DATE, raw)
    else:
        assert str(read_cell(Form.DATE, raw)[0]) == day


def test_the_result_of_a_broken_formula_is_no_text(tmp_path: Path) -> None:
    lines = example()
    put(lines, "points", 3, "point_name", "#REF!")
    own = [one for one in errors(laid_out(write_xlsx(lines, tmp_path / "c.xlsx"))) if not one.cause]
    assert [(one.code, one.row, one.column) for one in own] == [("F06", 3, "point_name")]


def test_a_kind_of_day_nobody_knows_is_no_workday(tmp_path: Path) -> None:
    lines = example()
    put(lines, "holidays", 2, "kind", "调休")
    found = laid_out(write_csv(lines, tmp_path / "c"))
    assert ("D10", 2, "kind") in [(one.code, one.row, one.column) for one in errors(found)]


@pytest.mark.parametrize("role", ["护士", "主管护师", "Head nurse"])
def test_every_kind_of_nurse_is_one(role: str, tmp_path: Path) -> None:
    lines = example()
    for number, row in enumerate(lines["staff"], 1):
        if number > 1 and row[lines["staff"][0].index("role")] in {"nurse", "护士"}:
            put(lines, "staff", number, "role", role)
    found = laid_out(write_csv(lines, tmp_path / "c"), (date(2026, 11, 1), date(2026, 11, 30)))
    assert [one for one in found.findings if one.code == "Q01"] == []


def test_a_stop_misspelt_in_a_grid_is_one_mistake_not_one_of_each_exception(tmp_path: Path) -> None:
    lines = another_county(1, is_weekly=True)
    grid = Grid(lines, Random(1))
    key, stops = next((key, stops) for key, stops in grid.stops.items() if len(stops) > 1)
    row, column = grid.cells[key]
    for text, code in (("无名山庄 08:00-09:00", "R01"), (grid.points[stops[0]["point_id"]]["point_name"], "D03")):
        grid.rows[row - 1][column - 1] = text
        path = grid.write(write_csv(lines, tmp_path / code) / "grid.xlsx")
        own = [one for one in errors(laid_out(path)) if not one.cause]
        assert {(one.code, one.row, one.column) for one in own if one.code == code} == {
            (code, row, grid.header[column - 1])
        }
        lost = {stop["rule_id"] for stop in stops[1:]}
        orphans = [one for one in own if one.code == "R05" and one.value not in lost]
        assert orphans == []


def test_names_set_as_wide_as_three(tmp_path: Path) -> None:
    lines = example()
    put(lines, "staff", 2, "name", "张伟")
    folder = write_csv({name: rows for name, rows in lines.items() if name not in {"rules", "exceptions"}}, tmp_path)
    (folder / "x.csv").write_text(
        "2026年,,\n车辆,人员,周一,周二\nV01,张　伟、李医生,上塘村文化礼堂 八点半至十点,-\n", encoding="utf-8"
    )
    rules = read_tables(folder / "x.csv")["rules"]
    assert [one.code for one in rules.findings] == []
    (row,) = rules.rows or ()
    assert (row.cells["start"], row.cells["end"]) == ("08:30", "10:00")
    assert str(row.cells["staff_ids"]).split(";")[0] == lines["staff"][1][0]
