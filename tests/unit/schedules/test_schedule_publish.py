"""Drafts become versions; a version never changes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import Conflict, NotFound, RefusedInput
from clinic_records.ids import StopId, sha256_hex
from clinic_records.record import encode_payload
from clinic_records.schedule import PublishedSchedule, Visit, VisitStatus
from schedules.draft import import_draft, month_days, plan_days, publish_draft
from schedules.folder import PlanFolder
from schedules.load.source import read_tables
from schedules.load.typed import read_plan
from schedules.model import Plan
from schedules.publish import decode, encode, in_force, make_version
from tests.unit.schedules.schedule_county import EXAMPLE, calm, example, put, write_csv

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
TODAY = date(2026, 11, 23)
NOVEMBER = date(2026, 11, 1), date(2026, 11, 30)

texts = st.text(max_size=12)
visits = st.builds(
    Visit,
    visit_id=texts.map(StopId),
    date=st.dates(*NOVEMBER),
    point_id=texts,
    point_name=texts,
    village=texts,
    vehicle_id=st.sampled_from(["V01", "V02"]),
    start=st.times(),
    end=st.times(),
    staff_ids=st.lists(texts, max_size=3).map(tuple),
    rule_id=texts,
    ordinal=st.integers(0, 9),
    status=st.sampled_from(VisitStatus),
)


def november(folder: PlanFolder, path: Path = EXAMPLE) -> PublishedSchedule:
    import_draft(path, folder, NOVEMBER, NOW)
    return publish_draft(folder, folder.draft(), None, TODAY)


@calm
@given(st.lists(visits, max_size=6), st.integers(1, 99), st.dates(*NOVEMBER))
def test_a_version_comes_back_as_it_went(found: list[Visit], version: int, start: date) -> None:
    made = make_version(found, version=version, effective_from=start, first=NOVEMBER[0], last=NOVEMBER[1])
    payload = encode(made)
    assert decode(payload) == made
    assert encode(decode(payload)) == payload
    assert made.hash == sha256_hex(encode_payload(msgspec.structs.replace(made, hash="")))


@calm
@given(st.lists(visits, max_size=6), st.randoms())
def test_the_hash_is_of_the_visits_not_of_their_order(found: list[Visit], random: Random) -> None:
    unique = list({(visit.date, visit.vehicle_id, visit.start, visit.visit_id): visit for visit in found}.values())
    shuffled = [*unique]
    random.shuffle(shuffled)
    one, other = (
        make_version(some, version=1, effective_from=NOVEMBER[0], first=NOVEMBER[0], last=NOVEMBER[1])
        for some in (unique, shuffled)
    )
    assert one.hash == other.hash


@calm
@given(st.data())
def test_an_altered_version_is_refused(data: st.DataObject) -> None:
    found = data.draw(st.lists(visits, min_size=1, max_size=3))
    payload = bytearray(
        encode(make_version(found, version=1, effective_from=NOVEMBER[0], first=NOVEMBER[0], last=NOVEMBER[1]))
    )
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode(bytes(payload))
    except RefusedInput:
        return
    assert encode(decoded) != bytes(payload), "same bytes, other content"


@calm
@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(payload: bytes) -> None:
    with pytest.raises(RefusedInput):
        decode(payload)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 0}, "versions count from 1"),
        ({"effective_from": date(2026, 12, 1)}, "not within"),
        ({"last": date(2026, 11, 23)}, "not within"),
    ],
)
def test_what_a_version_may_not_hold(change: dict[str, object], says: str) -> None:
    late = Visit(StopId("R-1"), date(2026, 11, 24), "P", "p", "v", "V01", time(8), time(9), (), "R", 1)
    fields: dict[str, Any] = {
        "version": 1,
        "effective_from": NOVEMBER[0],
        "first": NOVEMBER[0],
        "last": NOVEMBER[1],
        **change,
    }
    with pytest.raises(RefusedInput, match=says):
        make_version([late], **fields)


def test_the_highest_version_that_is_effective_counts() -> None:
    def version(number: int, start: int, last: int) -> PublishedSchedule:
        return make_version(
            [], version=number, effective_from=date(2026, 11, start), first=NOVEMBER[0], last=date(2026, 11, last)
        )

    versions = [version(1, 1, 30), version(2, 24, 30), version(3, 10, 15)]
    expected = {1: 1, 9: 1, 10: 3, 15: 3, 16: 1, 23: 1, 24: 2, 30: 2}
    found = {day: in_force(versions, date(2026, 11, day)) for day in expected}
    assert {day: version.version for day, version in found.items() if version} == expected
    assert in_force(versions, date(2026, 12, 1)) is None


def test_import_and_publish(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    with pytest.raises(NotFound, match="import a plan first"):
        publish_draft(folder, folder.draft(), None, TODAY)
    one = november(folder)
    assert (one.version, one.effective_from, len(one.visits)) == (1, TODAY, 39)
    assert [visit.point_name for visit in one.visits if (visit.vehicle_id, visit.date) == ("V01", TODAY)] == [
        "上塘村文化礼堂",
        "下塘村便民服务中心",
    ]
    assert one.staff["n001"] == "张护士"
    assert folder.version(1) == one
    assert stat.S_IMODE((tmp_path / "schedules/versions/000001.json").stat().st_mode) == 0o600


def test_the_same_draft_again_is_the_same_version_and_a_changed_one_is_the_next(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path / "h")
    one = november(folder)
    assert november(folder) == one
    lines = example()
    put(lines, "rules", 2, "start", "08:45")
    two = november(folder, write_csv(lines, tmp_path / "c"))
    assert (two.version, folder.numbers()) == (2, [1, 2])
    assert folder.version(1) == one
    assert november(folder).version == 3, "back to the first plan is a new version, not the old one"


def test_a_draft_with_errors_is_kept_but_not_published(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path / "h")
    one = november(folder)
    lines = example()
    put(lines, "rules", 2, "point_id", "P999")
    import_draft(write_csv(lines, tmp_path / "c"), folder, NOVEMBER, NOW)
    with pytest.raises(RefusedInput, match=r"has 1 error\(s\)"):
        publish_draft(folder, folder.draft(), None, TODAY)
    assert folder.versions() == [one]
    assert folder.draft().findings[0].row == 2


def test_a_file_that_cannot_be_read_leaves_the_draft(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    november(folder)
    before = folder.draft()
    (tmp_path / "x.xlsx").write_bytes(b"no workbook")
    with pytest.raises(RefusedInput):
        import_draft(tmp_path / "x.xlsx", folder, NOVEMBER, NOW)
    assert folder.draft() == before


def test_effective_from(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    import_draft(EXAMPLE, folder, NOVEMBER, NOW)
    with pytest.raises(RefusedInput, match="not within"):
        publish_draft(folder, folder.draft(), date(2026, 12, 1), TODAY)
    assert publish_draft(folder, folder.draft(), None, date(2026, 10, 5)).effective_from == NOVEMBER[0]
    assert publish_draft(folder, folder.draft(), date(2026, 11, 9), TODAY).effective_from == date(2026, 11, 9)


def test_a_plan_without_visits_is_not_published(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    import_draft(EXAMPLE, folder, (date(2020, 1, 2), date(2020, 1, 30)), NOW)
    with pytest.raises(RefusedInput, match="no visit"):
        publish_draft(folder, folder.draft(), None, TODAY)


def test_a_version_is_never_overwritten_even_when_two_publish_at_once(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    made = [
        make_version([], version=1, effective_from=date(2026, 11, day), first=NOVEMBER[0], last=NOVEMBER[1])
        for day in range(1, 9)
    ]

    def add(schedule: PublishedSchedule) -> bool:
        try:
            folder.add(schedule)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(add, made))
    assert sum(won) == 1
    assert folder.version(1) == made[won.index(True)]
    assert [path.name for path in (tmp_path / "schedules/versions").iterdir()] == ["000001.json"], "no litter"


def test_damage_on_disk_is_seen(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path)
    november(folder)
    path = tmp_path / "schedules/versions/000001.json"
    path.write_bytes(path.read_bytes().replace(b"08:30", b"08:35", 1))
    with pytest.raises(RefusedInput, match="does not match"):
        folder.version(1)
    (tmp_path / "schedules/draft.msgpack").write_bytes(b"{")
    with pytest.raises(RefusedInput, match="import the plan again"):
        folder.draft()
    with pytest.raises(NotFound):
        folder.version(7)


def test_the_days_of_a_plan() -> None:
    plan = read_plan(read_tables(EXAMPLE)).plan
    assert plan_days(plan, TODAY) == (date(2026, 11, 1), date(2027, 10, 31))
    this_year = {day: holiday for day, holiday in plan.holidays.items() if day.year == 2026}
    known = msgspec.structs.replace(plan, holidays=this_year)
    assert plan_days(known, TODAY) == (date(2026, 11, 1), date(2026, 12, 31)), "next year's holidays are not known yet"
    assert plan_days(Plan(), TODAY) == NOVEMBER
    rules = {
        name: msgspec.structs.replace(rule, effective_from=date(2026, 3, 2), effective_to=date(2026, 5, 31))
        for name, rule in plan.rules.items()
    }
    assert plan_days(Plan(rules=rules), TODAY) == (date(2026, 3, 2), date(2026, 5, 31))
    with pytest.raises(RefusedInput, match="write it as 2026-11"):
        month_days("2026-13")
