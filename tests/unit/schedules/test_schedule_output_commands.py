"""`clinic schedule export` and `adherence`, run as the command line runs them."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from clinic_records.errors import ClinicError, NotFound, RefusedInput
from cloud_hospital.hospital import init_hospital
from cloud_hospital.settings import HospitalSettings
from commands.schedule import app
from schedules.exports.request import FORMATS
from schedules.exports.words import file_names
from tests.unit.schedules.schedule_county import EXAMPLE, example, put, write_csv

_OWN = HospitalSettings(id="H02", site="jingning.cn")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def error(*words: object) -> ClinicError:
    result = run(*words)
    assert isinstance(result.exception, ClinicError), result.output
    return result.exception


@pytest.mark.parametrize(
    ("format_", "names"),
    [
        ("xlsx", ["schedule-V01-2026-11.xlsx"]),
        ("gtfs", ["gtfs-V01-2026-11.zip"]),
        ("sms", ["sms-V01-2026-11.csv"]),
        ("ics", ["vehicle-V01-2026-11.ics"]),
    ],
)
def test_files_are_written_and_named(tmp_path: Path, format_: str, names: list[str]) -> None:
    out = tmp_path / "deep" / "out"
    for _ in range(2):
        made = run("export", EXAMPLE, "--format", format_, "--month", "2026-11", "--vehicle", "V01", "--out", out)
        assert made.exit_code == 0, made.output
        assert made.stdout.split() == [str(out / name) for name in names]
        assert sorted(path.name for path in out.iterdir()) == names


def test_calendars_bear_the_domain_of_their_hospital(tmp_path: Path) -> None:
    def uids(*words: object) -> set[str]:
        out = tmp_path / "out"
        done = run("export", EXAMPLE, "--format", "ics", "--month", "2026-11", "--vehicle", "V01", "--out", out, *words)
        assert done.exit_code == 0, done.output
        text = (out / "vehicle-V01-2026-11.ics").read_text(encoding="utf-8")
        return {line.strip().partition("@")[2] for line in text.splitlines() if line.startswith("UID:")}

    assert uids() == {"clinic.example"}
    for settings, site in ((HospitalSettings(id="JN_2"), "jn-2.clinic.example"), (_OWN, "jingning.cn")):
        init_hospital(tmp_path / site, settings)
        assert uids("--hospital", tmp_path / site) == {site}
    assert uids("--hospital", tmp_path / "jingning.cn", "--site", "a.cn") == {"a.cn"}
    with pytest.raises(ValidationError):
        HospitalSettings(site="a b\r\nX:1")


def test_formats_are_those_of_the_help() -> None:
    help_ = run("export", "--help").stdout
    assert all(name in help_ for name in FORMATS)


def test_what_cannot_be_exported_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    common = ("--month", "2026-11", "--out", out)
    assert isinstance(error("export", EXAMPLE, "--format", "doc", *common), RefusedInput)
    assert isinstance(error("export", EXAMPLE, "--format", "ics", "--vehicle", "V99", *common), NotFound)
    assert isinstance(
        error("export", EXAMPLE, "--format", "ics", "--vehicle", "V01", "--point", "P01", *common), RefusedInput
    )
    assert isinstance(error("export", EXAMPLE, "--format", "ics", "--site", "a b\r\nX:1", *common), RefusedInput)
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    broken = error("export", write_csv(lines, tmp_path / "c"), "--format", "ics", *common)
    assert broken.exit_code == 3
    assert not out.exists()
    out.write_text("a file")
    assert "is a file" in str(error("export", EXAMPLE, "--format", "gtfs", *common))


def test_an_id_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    names = ["point-../../x-2026-11.ics", "point-..\\..\\x-2026-11.ics", "point-P/1-.ics", "点" * 200 + ".ics", ".ics"]
    made = file_names(names)
    assert len(set(made.values())) == len(names)
    for name in made.values():
        assert "/" not in name
        assert "\\" not in name
        assert name.endswith(".ics")
        (tmp_path / name).write_text("")
    assert len({name.casefold() for name in file_names(["a.pdf", "A.pdf", "a_2.pdf"]).values()}) == 3


def actuals(folder: Path, *rows: str) -> Path:
    path = folder / "actuals.csv"
    header = "vehicle_id,arrived_at,left_at,lon,lat,point_id,source,people_served"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_adherence_as_text_and_as_data(tmp_path: Path) -> None:
    told = actuals(tmp_path, "V01,2026-11-02T08:30:00+08:00,,,,P01,,7", "V01,2026-11-03T15:00:00+08:00,,,,P02,,2")
    text = run("adherence", EXAMPLE, "--actuals", told, "--month", "2026-11")
    assert text.exit_code == 0, text.output
    assert "准时 on time 1" in text.stdout
    assert "2026-11-02 V01 P02" in text.stdout
    data = json.loads(run("adherence", EXAMPLE, "--actuals", told, "--month", "2026-11", "--json").stdout)
    assert (data["planned"], data["on_time"], data["people"], data["month"]) == (39, 1, 9, "2026-11")


def test_rows_left_out_are_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    told = actuals(tmp_path, "V01,2026-11-02T08:30:00+08:00,,,,P01,,7", "V01,yesterday,,,,P02,,2")
    made = run("adherence", EXAMPLE, "--actuals", told, "--month", "2026-11", "--json")
    assert made.exit_code == 3
    assert json.loads(made.stdout)["on_time"] == 1
    assert "D02 actuals.csv row 3 arrived_at" in made.stderr
    assert isinstance(error("adherence", EXAMPLE, "--actuals", tmp_path / "no.csv", "--month", "2026-11"), NotFound)
    assert isinstance(error("adherence", EXAMPLE, "--actuals", told, "--month", "November"), RefusedInput)


def test_the_countys_truth_from_the_command_line(shared_data: Path) -> None:
    county = shared_data / "schedules"
    made = run("adherence", county, "--actuals", county / "actuals_2026-03.csv", "--month", "2026-03", "--json")
    assert made.exit_code == 0, made.stderr
    truth = json.loads((county / "kpi_truth_2026-03.json").read_text(encoding="utf-8"))
    data = json.loads(made.stdout)
    assert {name: data[name] for name in truth} == truth
