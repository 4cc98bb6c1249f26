"""The same county reads the same from every kind of file, and every planted mistake is found in its cell."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from clinic_records.errors import NotFound, RefusedInput
from schedules.check import Checked, check
from schedules.findings import Finding, Severity, has_errors
from schedules.load import csv_folder, zip_limits
from schedules.load.cells import Unreadable, read_cell
from schedules.load.source import read_tables
from schedules.tables import TABLES, Form
from tests.unit.schedules.schedule_county import EXAMPLE, Lines, calm, example, put, write_csv, write_xlsx

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)


def checked(path: Path) -> Checked:
    return check(read_tables(path), FIRST, LAST)


def own(findings: tuple[Finding, ...], code: str) -> Finding:
    """The one finding of a code."""
    (found,) = [one for one in findings if one.code == code]
    return found


def typed_example() -> Lines:
    """The example with true dates, times and numbers, as Excel keeps them."""
    lines = example()
    readers = {Form.DATE, Form.TIME, Form.NUMBER, Form.COUNT}
    for name, table in lines.items():
        forms = {column.name: column.form for column in TABLES[name].columns}
        for line in table[1:]:
            for place, column in enumerate(table[0]):
                if line[place] and forms[column] in readers:
                    line[place] = read_cell(forms[column], line[place])[0]
    return lines


WAYS: dict[str, Callable[[Path], Path]] = {
    "with byte order mark": lambda d: write_csv(example(), d / "c", encoding="utf-8-sig"),
    "GBK": lambda d: write_csv(example(), d / "c", encoding="gbk"),
    "tab": lambda d: write_csv(example(), d / "c", tab=True),
    "workbook of text": lambda d: write_xlsx(example(), d / "c.xlsx"),
    "workbook of dates": lambda d: write_xlsx(typed_example(), d / "c.xlsx"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_file_reads_the_same(way: str, tmp_path: Path) -> None:
    plain = checked(EXAMPLE)
    other = checked(WAYS[way](tmp_path))
    assert plain.findings == ()
    assert len(plain.visits) == 77
    assert other.visits == plain.visits
    assert {one.code for one in other.findings} == ({"F02"} if way == "GBK" else set())
    assert not has_errors(other.findings)


# what is written where, and the code, table, row and column of the one error that must come of it
PLANTED = [
    ("rules", 5, "point_id", "P999", "R01", 'point_id "P999" is not in points.csv'),
    ("rules", 5, "vehicle_id", "V09", "R02", "V09"),
    ("rules", 5, "staff_ids", "r001;x007", "R03", "x007"),
    ("points", 3, "village_code", "990101101299", "R04", "990101101299"),
    ("points", 3, "village_code", "9.90101E+11", "R04", "format the column as text"),
    ("exceptions", 2, "rule_id", "R99", "R05", "R99"),
    ("exceptions", 2, "point_id", "P05", "R06", "is not the point P04 of rule R04"),
    ("exceptions", 2, "new_vehicle_id", "V9", "R02", "V9"),
    ("rules", 4, "rule_id", "R02", "D01", "R02 is already used in row 3"),
    ("rules", 6, "effective_from", "2025-02-30", "D02", "write 2025-03-02"),
    ("rules", 6, "effective_from", "yesterday", "D02", "write a date such as"),
    ("rules", 6, "start", "25:10", "D03", "25:10"),
    ("rules", 6, "max_per_month", "four", "D05", "four"),
    ("rules", 6, "max_per_month", "-1", "D05", "-1"),
    ("points", 2, "lon", "nan", "D05", "nan"),
    ("exceptions", 2, "action", "postpone", "D06", "move, cancel or substitute"),
    ("exceptions", 2, "new_date", "", "D07", "a move needs new_date"),
    ("rules", 7, "pattern", "每月逢三的礼拜", "D08", "not understood"),
    ("rules", 7, "pattern", "5/12", "D08", "one date or two days"),
    ("rules", 7, "point_id", "", "D09", "point_id is empty"),
    ("points", 4, "closed_weekdays", "MO;XX", "D10", "XX"),
    ("rules", 8, "end", "08:30", "T01", "not after start"),
    ("points", 4, "open_to", "07:00", "T01", "not after open_from"),
    ("rules", 8, "effective_to", "2025-12-31", "T02", "before effective_from"),
    ("rules", 3, "start", "10:00", "V01", "V01 is at P01 until 11:00"),
    ("points", 4, "lon", "27.93", "D04", "P03 at 27.93,27.9391 lies outside China; look it up again"),
    ("villages", 4, "lat", "-27.9", "D04", "lies outside China"),
    ("unavailable", 2, "last_day", "2026-10-11", "T02", "before first_day"),
    ("unavailable", 2, "vehicle_id", "V9", "R02", "V9"),
    ("travel_minutes", 2, "minutes", "far", "D05", "far"),
    ("travel_minutes", 3, "to_id", "P01", "D01", "DEPOT P01 is already used in row 2"),
    ("exceptions", 2, "original_date", "2026-11-24", "X01", "no visit on 2026-11-24"),
]


@pytest.mark.parametrize(("table", "row", "column", "value", "code", "says"), PLANTED)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_planted_mistake_is_found_in_its_cell(
    table: str, row: int, column: str, value: str, code: str, says: str, kind: str, tmp_path: Path
) -> None:
    lines = example()
    put(lines, table, row, column, value)
    path = write_csv(lines, tmp_path / "c") if kind == "csv" else write_xlsx(lines, tmp_path / "c.xlsx")
    result = checked(path)
    (found,) = [one for one in result.findings if one.severity is Severity.ERROR and not one.cause]
    assert (found.code, found.row, found.column) == (code, row, "from_id" if column == "to_id" else column)
    assert (found.file, found.sheet) == ((f"{table}.csv", "") if kind == "csv" else ("c.xlsx", TABLES[table].sheet))
    assert (says if kind == "csv" else says.replace("points.csv", "c.xlsx 服务点")) in found.message
    assert found.message_zh
    others = [one for one in result.findings if one is not found and one.code != "W02"]
    assert all(one.cause for one in others), "all else is its consequence"


def test_what_need_not_be_filled_in_may_be_empty(tmp_path: Path) -> None:
    lines = example()
    for name, table in lines.items():
        required = {column.name for column in TABLES[name].columns if column.is_required}
        keep = [place for place, column in enumerate(table[0]) if column in required]
        lines[name] = [[line[place] for place in keep] for line in table]
    lines["exceptions"] = lines["exceptions"][:1] + [line for line in lines["exceptions"] if line[-1] == "cancel"]
    result = checked(write_csv(lines, tmp_path / "c"))
    assert {one.severity for one in result.findings} <= {Severity.WARNING}
    assert result.visits[0].village == "上塘村"


def test_consequences_stand_once_under_their_cause(tmp_path: Path) -> None:
    lines = example()
    header, first, *_ = lines["exceptions"]
    lines["exceptions"] = [header]
    for number in range(25):
        lines["exceptions"].append([f"Y{number:02}", *first[1:]])
    put(lines, "rules", 5, "end", "aa:bb")  # R04
    result = checked(write_csv(lines, tmp_path / "c"))
    assert [one.code for one in result.findings] == ["D03", "R07"]
    assert result.findings[1].cause == "rules.csv row 5"
    assert "25 row(s) of exceptions.csv" in result.findings[1].message


def test_a_broken_point_takes_its_rules_and_their_exceptions_with_it_quietly(tmp_path: Path) -> None:
    lines = example()
    put(lines, "points", 5, "open_from", "early")  # P04 of R04 and R08
    result = checked(write_csv(lines, tmp_path / "c"))
    assert [(one.code, one.cause) for one in result.findings] == [
        ("D03", ""),
        ("R07", "points.csv row 5"),
        ("R07", "points.csv row 5"),
    ]
    assert not [visit for visit in result.visits if visit.point_id == "P04"]
    assert [visit for visit in result.visits if visit.point_id == "P05"], "the rest goes on"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_missing_table_is_one_error(kind: str, tmp_path: Path) -> None:
    lines = example()
    del lines["points"], lines["holidays"]
    result = checked(write_csv(lines, tmp_path / "c") if kind == "csv" else write_xlsx(lines, tmp_path / "c.xlsx"))
    assert own(result.findings, "F01").message == (
        "points.csv is not in the folder" if kind == "csv" else 'sheet "服务点" is not in the workbook'
    )
    assert sum(one.severity is Severity.ERROR for one in result.findings) == 1


def test_columns_and_cells_that_do_not_fit(tmp_path: Path) -> None:
    lines = example()
    lines["rules"][0][3] = "pattren"
    lines["staff"][2].extend(["", "one too many"])
    result = checked(write_csv(lines, tmp_path / "c"))
    missing, unknown, slipped = (own(result.findings, code) for code in ("F03", "F07", "F04"))
    assert (missing.file, missing.row, missing.column) == ("rules.csv", 1, "pattern")
    assert (unknown.row, unknown.column, unknown.severity) == (1, "pattren", Severity.WARNING)
    assert (slipped.file, slipped.row, slipped.value) == ("staff.csv", 3, "") or slipped.row == 3


def test_rows_keep_the_spreadsheets_numbers_over_blank_and_quoted_lines(tmp_path: Path) -> None:
    lines = example()
    lines["rules"][1][-1] = '两行\n备注，带逗号, 和引号"'
    lines["rules"].insert(2, [])
    put(lines, "rules", 9, "start", "8 o'clock")
    assert own(checked(write_csv(lines, tmp_path / "c")).findings, "D03").row == 9
    assert own(checked(write_xlsx(lines, tmp_path / "c.xlsx")).findings, "D03").row == 9


@pytest.mark.parametrize(
    ("form", "raw", "value", "code"),
    [
        (Form.TIME, "12：15", time(12, 15), "N01"),
        (Form.TIME, "8:05", time(8, 5), ""),
        (Form.TIME, "08:30:00", time(8, 30), ""),
        (Form.TIME, "0.354166666666667", time(8, 30), "N02"),
        (Form.TIME, datetime(1899, 12, 30, 8, 30), time(8, 30), ""),  # noqa: DTZ001 - as openpyxl gives it
        (Form.TIME, timedelta(hours=8, minutes=30), time(8, 30), ""),
        (Form.DATE, "45658", date(2025, 1, 1), "N02"),
        (Form.DATE, 45658, date(2025, 1, 1), "N02"),
        (Form.DATE, 45658.0, date(2025, 1, 1), "N02"),
        (Form.DATE, "2026/3/5", date(2026, 3, 5), ""),
        (Form.DATE, "2026年3月5日", date(2026, 3, 5), ""),
        (Form.DATE, "２０２６-03-05", date(2026, 3, 5), "N01"),
        (Form.DATE, datetime(2026, 3, 5), date(2026, 3, 5), ""),  # noqa: DTZ001 - as openpyxl gives it
        (Form.ID, "Ｖ０３", "V03", "N01"),
        (Form.ID, 331127101204.0, "331127101204", ""),
        (Form.IDS, "S001；S002、S003", ("S001", "S002", "S003"), "N01"),
        (Form.IDS, "S001;S001; S002;", ("S001", "S002"), ""),
        (Form.WEEKDAYS, "周一;SU", (0, 6), ""),
        (Form.COUNT, "4", 4, ""),
        (Form.COUNT, 4.0, 4, ""),
    ],
)
def test_how_a_cell_is_read(form: Form, raw: object, value: object, code: str) -> None:
    read, notes = read_cell(form, raw)
    assert read == value
    assert [note.code for note in notes] == ([code] if code else [])


@calm
@given(
    st.sampled_from(list(Form)),
    st.text(max_size=30) | st.integers() | st.floats() | st.booleans() | st.datetimes() | st.times() | st.timedeltas(),
)
def test_no_cell_does_more_than_be_refused(form: Form, raw: object) -> None:
    try:
        read_cell(form, raw)
    except Unreadable as refused:
        text = refused
    else:
        return
    assert text.zh
    assert text.en


def test_a_formula_without_its_result_is_named(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 2, "max_per_month", "=2+2")  # openpyxl stores the formula and no result, as scripts do
    found = own(checked(write_xlsx(lines, tmp_path / "c.xlsx")).findings, "F06")
    assert (found.sheet, found.row, found.column, found.value) == ("排班规则", 2, "max_per_month", "=2+2")


def test_a_formula_with_its_result_is_read(tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 2, "max_per_month", "=2+2")
    path = write_xlsx(lines, tmp_path / "c.xlsx")
    rewritten = tmp_path / "d.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            new.writestr(
                name,
                old.read(name)
                .replace(b"<f>2+2</f><v></v>", b"<f>2+2</f><v>4</v>")
                .replace(b"<f>2+2</f><v />", b"<f>2+2</f><v>4</v>"),
            )
    assert load_workbook(rewritten, data_only=True)["排班规则"]["J2"].value == 4
    result = checked(rewritten)
    assert result.findings == ()
    assert result.plan.rules["R01"].max_per_month == 4


def _bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(201):
            part.write(bytes(1 << 20))


def _lying_bomb(path: Path) -> None:
    """The directory states 10 bytes for an entry that unpacks to 64 MiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(64 << 20))
    raw = path.read_bytes()
    path.write_bytes(raw.replace((64 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def _many_parts(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1001):
            archive.writestr(f"xl/{number}.xml", b"<a/>")


def _laughs(path: Path) -> None:
    _edit(path, "xl/workbook.xml", b"<workbook", b'<!DOCTYPE lolz [<!ENTITY l "ha">]><workbook')


def _laughs_in_utf16(path: Path) -> None:
    book = write_xlsx(example(), path)
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("xl/late.xml", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "ha">]><a/>'.encode("utf-16"))


def _edit(path: Path, part: str, old: bytes, new: bytes) -> None:
    book = write_xlsx(example(), path.with_suffix(".tmp.xlsx"))
    with zipfile.ZipFile(book) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == part:
                assert old in data
                data = data.replace(old, new, 1)
            target.writestr(name, data)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda p: p.write_bytes(b""), "not a readable"),
    "no zip": (lambda p: p.write_bytes(b"PK\3\4 hello" * 100), "not a readable"),
    "old or protected": (
        lambda p: p.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512)),
        "old .xls or has a password",
    ),
    "a zip of something else": (lambda p: zipfile.ZipFile(p, "w").close(), "not a readable"),
    "too large": (lambda p: p.write_bytes(bytes((20 << 20) + 1)), "at most 20 MiB"),
    "zip bomb": (_bomb, "unpacks to 210763776 bytes"),
    "zip bomb that lies": (_lying_bomb, "not a readable"),
    "many parts": (_many_parts, "in 1001 parts"),
    "entities": (_laughs, "document type definition"),
    "entities in UTF-16": (_laughs_in_utf16, "document type definition"),
    "broken XML": (
        lambda p: _edit(p, "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData><row"),
        "not a readable",
    ),
    "cut": (lambda p: p.write_bytes(write_xlsx(example(), p).read_bytes()[:-300]), "not a readable"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    make, says = HOSTILE[name]
    make(path)
    with pytest.raises(RefusedInput, match=says) as refused:
        read_tables(path)
    assert "\n" not in str(refused.value)


def test_a_far_cell_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    _edit(
        path,
        "xl/worksheets/sheet1.xml",
        b"</sheetData>",
        b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row></sheetData>',
    )
    result = checked(path)
    assert {one.code for one in result.findings} <= {"F05"}
    assert len(result.plan.villages) == 5


@calm
@given(st.data())
def test_no_bytes_flipped_in_a_workbook_do_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("flip") / "x.xlsx"
    raw = bytearray(_whole(tmp_path_factory))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        checked(path)
    except RefusedInput:
        return


_WHOLE: list[bytes] = []


def _whole(factory: pytest.TempPathFactory) -> bytes:
    if not _WHOLE:
        _WHOLE.append(write_xlsx(example(), factory.mktemp("whole") / "w.xlsx").read_bytes())
    return _WHOLE[0]


@calm
@given(st.dictionaries(st.sampled_from(sorted(TABLES)), st.binary(max_size=300), min_size=1))
def test_no_bytes_in_csv_files_do_more_than_be_found(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content)
    assert has_errors(checked(folder).findings)


def test_files_that_are_none_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        read_tables(tmp_path / "none")
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(RefusedInput, match="give a workbook"):
        read_tables(tmp_path / "a.docx")
    folder = write_csv(example(), tmp_path / "c")
    (folder / "staff.csv").write_bytes(b"\xff\xff\xff")
    assert own(checked(folder).findings, "F05").file == "staff.csv"
    monkeypatch.setattr(csv_folder, "FILE_LIMIT", 100)
    assert {one.code for one in checked(folder).findings if one.severity is Severity.ERROR} == {"F05"}
    assert zip_limits.FILE_LIMIT == 20 << 20


def test_the_county_reads_without_an_error(shared_data: Path) -> None:
    folder = shared_data / "schedules"
    days = date(2026, 1, 1), date(2026, 12, 31)
    from_csv = check(read_tables(folder), *days)
    from_workbook = check(read_tables(folder / "schedule_2026.xlsx"), *days)
    assert {(one.code, one.severity) for one in from_csv.findings} == {
        ("C01", "warning"),
        ("C02", "warning"),
        ("D12", "warning"),
        ("W01", "warning"),
        ("W02", "info"),
    }
    without_ways = [one.message for one in from_csv.findings if one.code != "W01"]
    assert without_ways == [one.message for one in from_workbook.findings], "the workbook has no table of ways"
    assert sum(one.code == "C01" for one in from_csv.findings) == 936 - 866
    assert len(from_csv.visits) == 3674
    assert from_csv.visits == from_workbook.visits
