"""Workbooks that go back to the coordinator: the annotated one, the template; and the draft beside what is in force."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from typer.testing import CliRunner

from clinic_records.errors import RefusedInput
from clinic_records.ids import StopId
from clinic_records.schedule import Visit
from commands.schedule import app
from schedules.annotate import SUMMARY, annotate
from schedules.check import check
from schedules.diff import Kind, changes, visits_in_force
from schedules.load.source import read_tables
from schedules.publish import make_version
from schedules.tables import TABLES
from schedules.template import write_template
from tests.unit.schedules.schedule_county import EXAMPLE, calm, example, put, write_csv, write_xlsx
from tests.unit.schedules.test_schedule_other_forms import beside, merged_grid

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


def annotated(source: Path, out: Path) -> int:
    tables = read_tables(source)
    return annotate(source, tables, check(tables, FIRST, LAST).findings, out)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_wrong_cell_has_its_comment(kind: str, tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    put(lines, "staff", 3, "licence_valid_to", "=1+")
    put(lines, "points", 4, "open_to", "25:00")
    source = write_csv(lines, tmp_path / "c") if kind == "csv" else write_xlsx(lines, tmp_path / "c.xlsx")
    assert annotated(source, tmp_path / "out.xlsx") >= 3
    book = load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames[0] == SUMMARY
    assert set(book.sheetnames[1:]) == {table.sheet for table in TABLES.values()}
    cell = book["排班规则"]["B5"]
    assert "[R01]" in cell.comment.text
    assert "P999" in cell.comment.text
    assert cell.fill.fgColor.rgb == "FFF4B6B6"
    assert "[D03]" in book["服务点"]["I4"].comment.text
    said = [[cell.value for cell in line] for line in book[SUMMARY].iter_rows(min_row=2)]
    assert ["error", "R01", 5, "point_id"] in [[line[0], line[1], line[3], line[4]] for line in said]
    assert {line[8] for line in said if line[1] == "R07"} == {
        "rules.csv row 5" if kind == "csv" else "c.xlsx 排班规则 row 5",
        "points.csv row 4" if kind == "csv" else "c.xlsx 服务点 row 4",
        "staff.csv row 3" if kind == "csv" else "c.xlsx 人员 row 3",
    }
    if kind == "xlsx":
        again = tmp_path / "again.xlsx"
        annotated(tmp_path / "out.xlsx", again)
        assert load_workbook(again)["排班规则"]["B5"].comment is not None, "a corrected copy can be checked again"


def test_text_of_a_cell_never_becomes_a_formula(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 5, "note", '=HYPERLINK("http://example.org")')
    put(lines, "rules", 6, "point_id", "=P99")
    annotated(write_csv(lines, tmp_path / "c"), tmp_path / "out.xlsx")
    book = load_workbook(tmp_path / "out.xlsx")
    assert not [cell for sheet in book for line in sheet.iter_rows() for cell in line if cell.data_type == "f"]


def test_a_merged_cell_of_a_grid_is_commented_at_its_first(tmp_path: Path) -> None:
    path = merged_grid(beside(tmp_path / "c"))
    book = load_workbook(path)
    book["每周排班"]["E6"].value = "无名村 08:30-11:00"
    book.save(path)
    annotated(path, tmp_path / "out.xlsx")
    comment = load_workbook(tmp_path / "out.xlsx")["每周排班"]["E6"].comment
    assert "无名村" in comment.text


def test_the_file_that_was_checked_is_not_overwritten(tmp_path: Path) -> None:
    source = write_xlsx(example(), tmp_path / "c.xlsx")
    with pytest.raises(RefusedInput, match="give another name"):
        annotated(source, source)


def test_a_template_can_be_filled_in_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_template(path)
    empty = check(read_tables(path), FIRST, LAST)
    assert empty.findings == ()
    book = load_workbook(path)
    for name, lines in example().items():
        sheet = book[TABLES[name].sheet]
        assert [cell.value for cell in sheet[1]] == [column.name for column in TABLES[name].columns]
        assert all(cell.comment for cell in sheet[1])
        for row, line in enumerate(lines[1:], start=2):
            for place, text in enumerate(line, start=1):
                sheet.cell(row, place).value = text or None
    book.save(path)
    assert check(read_tables(path), FIRST, LAST).visits == check(read_tables(EXAMPLE), FIRST, LAST).visits


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def test_the_commands(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    folder, out = write_csv(lines, tmp_path / "c"), tmp_path / "out.xlsx"
    code, text = run("check", folder, "--month", "2026-11", "--annotate", out)
    assert (code, out.is_file()) == (3, True)
    assert text.index("R01 rules.csv") < text.index("└ INFO    R07"), "consequences stand under their cause"
    assert run("template", tmp_path / "t.xlsx")[0] == 0
    assert run("template", tmp_path / "t.xlsx")[0] == 1
    hospital = tmp_path / "h"
    hospital.mkdir()
    run("import", EXAMPLE, "--hospital", hospital, "--month", "2026-11")
    assert "新增 39 取消 0 改动 0" in run("diff", "--hospital", hospital)[1]


def visit(number: int, day: date, vehicle: str) -> Visit:
    from datetime import time  # noqa: PLC0415

    return Visit(StopId(f"R{number}"), day, "P1", "p", "v", vehicle, time(8), time(9), ("s",), "R", 1)


days = st.dates(FIRST, LAST)
plans = st.dictionaries(st.integers(0, 9), st.tuples(days, st.sampled_from(["V01", "V02"])), max_size=8).map(
    lambda plan: [visit(number, *rest) for number, rest in plan.items()]
)


@calm
@given(plans, plans)
def test_changes_applied_to_the_old_plan_give_the_new_one(before: list[Visit], after: list[Visit]) -> None:
    found = changes(before, after)
    plan = {one.visit_id: one for one in before}
    for change in found:
        if change.before is not None:
            assert plan.pop(change.before.visit_id) == change.before
        if change.after is not None:
            plan[change.after.visit_id] = change.after
    assert plan == {one.visit_id: one for one in after}
    assert changes(before, before) == ()
    assert all(change.fields for change in found if change.kind is Kind.CHANGED)


def test_what_is_in_force_is_the_newest_version_of_each_day() -> None:
    old = make_version(
        [visit(1, FIRST, "V01"), visit(2, LAST, "V01")], version=1, effective_from=FIRST, first=FIRST, last=LAST
    )
    new = make_version([visit(3, LAST, "V02")], version=2, effective_from=date(2026, 11, 16), first=FIRST, last=LAST)
    assert [one.visit_id for one in visits_in_force([old, new], FIRST, LAST)] == ["R1", "R3"]
    assert visits_in_force([], FIRST, LAST) == []
