"""iCalendar files: every visit, every change, and texts that try to break out of their line."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from clinic_records.clock import CHINA
from clinic_records.errors import NotFound
from schedules.exports.calendar_file import CalendarFiles, files
from schedules.exports.entries import Entries
from schedules.exports.subjects import Kind, Subject, chosen, subjects
from tests.unit.schedules.exported import SITE, STAMP, asked, laid_out
from tests.unit.schedules.schedule_county import example, put, write_csv


def events(of: Entries, subject: Subject | None = None) -> dict[str, Any]:
    """UID without its right side -> the event, from the file's bytes."""
    content = CalendarFiles(of, SITE, STAMP).file(subject)
    assert all(len(line) <= 75 for line in content.split(b"\r\n")), "RFC 5545 3.1: lines of 75 octets"
    found = list(Calendar.from_ical(content).walk("VEVENT"))
    made = {str(event["uid"]).removesuffix(f"@{SITE}"): event for event in found}
    assert len(made) == len(found)
    return made


def test_every_visit_is_an_event_at_its_place_and_time() -> None:
    of = laid_out()
    made = events(of)
    assert len(made) == len(of.present) == 39
    for visit, _, _ in of.present:
        event = made[visit.visit_id]
        assert event.decoded("dtstart") == datetime.combine(visit.date, visit.start, CHINA)
        assert event.decoded("dtend") == datetime.combine(visit.date, visit.end, CHINA)
        assert visit.point_name in event["summary"]
        assert event["status"] == "CONFIRMED"
        point = of.plan.points[visit.point_id]
        assert (event["geo"].latitude, event["geo"].longitude) == (point.lat, point.lon)


def test_the_file_says_what_rfc_5545_and_5546_want_once() -> None:
    content = CalendarFiles(laid_out(), SITE, STAMP.astimezone(UTC)).file(None).decode()
    for line in ("VERSION:2.0", "METHOD:PUBLISH", "CALSCALE:GREGORIAN", "BEGIN:VTIMEZONE", "TZOFFSETTO:+0800"):
        assert content.count(f"{line}\r\n") == 1
    assert content.index("TZID:Asia/Shanghai") < content.index("BEGIN:VEVENT")
    assert "DTSTAMP:20261020T013000Z" in content
    assert "DTSTART;TZID=Asia/Shanghai:" in content


def test_a_moved_visit_keeps_its_uid_and_rises_in_sequence() -> None:
    moved = events(laid_out())["R04-20261125"]
    assert moved.decoded("dtstart") == datetime(2026, 11, 26, 13, 30, tzinfo=CHINA)
    assert (moved["sequence"], moved["status"]) == (1, "CONFIRMED")
    assert "道路施工" in moved["description"]
    assert events(laid_out())["R04-20261118"]["sequence"] == 0


def test_a_cancelled_visit_is_told_and_stays_at_its_old_time() -> None:
    cancelled = events(laid_out(first=date(2026, 12, 1), last=date(2026, 12, 31)))["R11-20261214"]
    assert (cancelled["sequence"], cancelled["status"]) == (1, "CANCELLED")
    assert cancelled.decoded("dtstart").date() == date(2026, 12, 14)


def test_who_no_longer_goes_is_told_that_it_is_cancelled() -> None:
    of = laid_out()
    before = of.plan.rules["R06"].staff_ids
    change = next(one for one in of.plan.exceptions.values() if one.rule_id == "R06" and one.new_staff_ids)
    (left,) = set(before) - set(change.new_staff_ids)
    (came,) = set(change.new_staff_ids) - set(before)
    name = "R06-20261120"
    assert events(of, chosen(of.plan, Kind.PERSON, left))[name]["status"] == "CANCELLED"
    assert events(of, chosen(of.plan, Kind.PERSON, came))[name]["status"] == "CONFIRMED"
    (stays,) = {*before[:1]} & {*change.new_staff_ids}
    assert events(of, chosen(of.plan, Kind.PERSON, stays))[name]["status"] == "CONFIRMED"


def test_a_visit_moved_out_of_the_days_is_told_as_gone(tmp_path: Path) -> None:
    lines = example()
    put(lines, "exceptions", 2, "new_date", "2026-12-01")
    of = laid_out(write_csv(lines, tmp_path / "c"))
    gone = events(of)["R04-20261125"]
    assert gone["status"] == "CANCELLED"
    assert "12月1日周二" in gone["description"]


def test_each_subject_has_its_own_and_nothing_else() -> None:
    of = laid_out()
    for subject in subjects(of.plan):
        own = {entry.visit.visit_id for entry in of.present if subject.belongs(entry.visit)}
        made = events(of, subject)
        assert {name for name, event in made.items() if event["status"] == "CONFIRMED"} == own
    names = [name for name, _ in files(asked(of))]
    assert len(names) == len(set(names)) == len(list(subjects(of.plan)))
    assert "vehicle-V01-2026-11.ics" in names
    only = chosen(of.plan, Kind.POINT, "P01")
    assert [name for name, _ in files(asked(of, only))] == ["point-P01-2026-11.ics"]
    with pytest.raises(NotFound):
        chosen(of.plan, Kind.POINT, "V01")


def test_texts_cannot_add_lines_or_events(tmp_path: Path) -> None:
    evil = "礼堂,一;二\\三:四\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:x " + "很长" * 60
    lines = example()
    put(lines, "points", 2, "point_name", evil)
    put(lines, "exceptions", 2, "reason", evil)
    of = laid_out(write_csv(lines, tmp_path / "c"))
    made = events(of)
    assert len(made) == len(of.present)
    event = made["R01-20261102"]
    assert event["summary"].endswith("礼堂,一;二\\三:四 END:VEVENT BEGIN:VEVENT UID:x " + "很长" * 60)


def test_the_same_plan_makes_the_same_bytes() -> None:
    assert CalendarFiles(laid_out(), SITE, STAMP).file(None) == CalendarFiles(laid_out(), SITE, STAMP).file(None)


def test_the_county_gives_its_own_flat_reference(shared_data: Path) -> None:
    county = shared_data / "schedules"
    of = laid_out(county, date(2026, 1, 1), date(2026, 12, 31))
    reference = Calendar.from_ical((county / "V01_flat.ics").read_bytes())
    wanted = {
        (str(event["uid"]).split("@")[0], event.decoded("dtstart"), event.decoded("dtend"))
        for event in reference.walk("VEVENT")
    }
    made = events(of, chosen(of.plan, Kind.VEHICLE, "V01"))
    confirmed = {
        (name, event.decoded("dtstart"), event.decoded("dtend"))
        for name, event in made.items()
        if event["status"] == "CONFIRMED"
    }
    assert confirmed == wanted
    assert len(events(of)) == 3674 + 70
    assert {event.decoded("dtstart").time() for event in made.values()} > {time(8, 30)}
