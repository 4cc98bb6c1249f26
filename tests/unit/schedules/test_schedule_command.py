"""`clinic schedule`, run as the command line runs it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from clinic_records.errors import ClinicError
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from cloud_hospital.vehicles import enrol
from commands.schedule import app
from schedules.folder import PlanFolder
from sync.enrolment import EnrolmentRequest, sign
from sync.keys import OriginKeys, RecipientPrivate
from tests.unit.schedules.schedule_county import EXAMPLE, example, put, write_csv


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """A hospital with two vehicles."""
    folder = tmp_path / "hospital"
    init_hospital(folder, HospitalSettings())
    with open_hospital(folder) as opened:
        for vehicle in ("V01", "V02"):
            keys = OriginKeys.generate()
            request = EnrolmentRequest(vehicle, keys.public.raw, RecipientPrivate.generate().public.raw)
            enrol(opened, sign(request, keys))
    return folder


def queued(hospital: Path) -> list[tuple[str, int]]:
    """Vehicle and version of what waits for the vehicles, in order."""
    with open_hospital(hospital) as opened, reading(opened.engine) as connection:
        rows = connection.execute(select(downlink.c.vehicle, downlink.c.revision).order_by(downlink.c.n)).all()
    return [(row.vehicle, row.revision) for row in rows]


class FixedClock:
    """A clock that stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def refused(*words: object) -> tuple[int, str]:
    """Exit code and text of a run that ends in one of our errors, as `commands.app.run` shows it."""
    result = run(*words)
    assert isinstance(result.exception, ClinicError), result.output
    return result.exception.exit_code, str(result.exception)


def test_check_says_where_and_ends_with_three(tmp_path: Path) -> None:
    good = run("check", EXAMPLE, "--month", "2026-11")
    assert (good.exit_code, good.stdout) == (0, "2026-11-01 to 2026-11-30: 39 visits, 0 error(s), 0 warning(s)\n")
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    folder = write_csv(lines, tmp_path / "c")
    bad = run("check", folder, "--year", "2026")
    assert bad.exit_code == 3
    assert "R01 rules.csv row 5 point_id" in bad.stdout
    as_json = run("check", folder, "--year", "2026", "--json")
    assert as_json.exit_code == 3
    found = json.loads(as_json.stdout)
    assert [one["code"] for one in found] == ["R01", "R07"]
    assert {"code", "severity", "file", "sheet", "row", "column", "value", "message", "message_zh", "cause"} == set(
        found[0]
    )


def test_a_month_from_files_to_vehicles(hospital: Path) -> None:
    assert refused("show", "--hospital", hospital)[0] == 1
    imported = run("import", EXAMPLE, "--hospital", hospital, "--month", "2026-11", "--json")
    assert imported.exit_code == 0
    assert json.loads(imported.stdout) | {"findings": []} == {
        "source": "county-small",
        "first": "2026-11-01",
        "last": "2026-11-30",
        "visits": 39,
        "findings": [],
    }
    words = ("--effective-from", "2026-11-23", "--approved-by", "王科长", "--json")
    published = run("publish", "--hospital", hospital, *words)
    assert published.exit_code == 0, published.output
    folder = PlanFolder(hospital)
    told = folder.publication(1)
    assert told is not None
    assert (folder.version(1).approved_by, told.published_by, len(told.draft.plan.points)) == ("王科长", "", 6)
    head = json.loads(published.stdout)
    assert (head["version"], head["queued_vehicles"], head["effective_from"]) == (1, 2, "2026-11-23")
    assert queued(hospital) == [("V01", 1), ("V02", 1)]
    shown = json.loads(run("show", "--hospital", hospital, "--vehicle", "V01", "--day", "2026-11-23", "--json").stdout)
    assert [visit["visit_id"] for visit in shown["visits"]] == ["R01-20261123", "R02-20261123"]
    assert shown["hash"] == head["hash"]
    assert "上塘村文化礼堂" in run("show", "--hospital", hospital, "--day", "2026-11-23").stdout
    assert refused("show", "--hospital", hospital, "--day", "2026-11-22") == (
        1,
        "no published version covers 2026-11-22",
    )


def test_publishing_again_queues_the_same_version_once(hospital: Path) -> None:
    run("import", EXAMPLE, "--hospital", hospital, "--month", "2026-11")
    for _ in range(2):
        assert run("publish", "--hospital", hospital, "--effective-from", "2026-11-23").exit_code == 0
    assert queued(hospital) == [("V01", 1), ("V02", 1)]


def test_days_that_are_over_keep_their_version_at_the_command_line_too(
    hospital: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.schedule.SystemClock", lambda: FixedClock(datetime(2026, 11, 20, 4, tzinfo=UTC)))
    run("import", EXAMPLE, "--hospital", hospital, "--month", "2026-11")
    assert run("publish", "--hospital", hospital, "--effective-from", "2026-11-02").exit_code == 0
    again = run("publish", "--hospital", hospital, "--effective-from", "2026-11-23")
    assert (again.exit_code, "第2版" in again.output) == (0, False)
    code, text = refused("publish", "--hospital", hospital, "--effective-from", "2026-11-16")
    assert (code, "version 1 was in force" in text) == (3, True)


def test_a_plan_that_is_over_is_not_sent(hospital: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.schedule.SystemClock", lambda: FixedClock(datetime(2026, 12, 30, 20, tzinfo=UTC)))
    for month in ("2026-11", "2026-12", "2027-01"):
        assert run("import", EXAMPLE, "--hospital", hospital, "--month", month).exit_code == 0
        assert run("publish", "--hospital", hospital).exit_code == 0
    assert queued(hospital) == [("V01", 2), ("V02", 2), ("V01", 3), ("V02", 3)], "November is over; December is not"
    assert json.loads(run("show", "--hospital", hospital, "--day", "2026-12-31", "--json").stdout)["version"] == 2


def test_a_plan_with_errors_is_not_published(hospital: Path, tmp_path: Path) -> None:
    lines = example()
    put(lines, "rules", 5, "point_id", "P999")
    imported = run("import", write_csv(lines, tmp_path / "c"), "--hospital", hospital, "--month", "2026-11")
    assert imported.exit_code == 3
    code, text = refused("publish", "--hospital", hospital)
    assert (code, "1 error(s)" in text) == (3, True)
    assert queued(hospital) == []
    assert "R01-20261123" in run("show", "--draft", "--hospital", hospital).stdout, "what could be read is shown"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "/nowhere"), 1),
        (("check", EXAMPLE, "--month", "November"), 3),
        (("import", EXAMPLE, "--hospital", "/nowhere"), 1),
        (("publish", "--hospital", "."), 1),
        (("show", "--hospital", ".", "--day", "23.11.2026"), 3),
    ],
)
def test_wrong_words_are_answered_clearly(words: tuple[object, ...], code: int) -> None:
    assert refused(*words)[0] == code
