"""A published month reaches an enrolled vehicle's queue, sealed to its box, as the bytes that were published."""

import json
from datetime import date
from pathlib import Path

from typer.testing import CliRunner

from clinic_records.clock import CHINA, SystemClock
from clinic_records.record import Kind
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.vehicles import enrol
from commands.hospital import app as hospital_app
from commands.schedule import app
from schedules.folder import PlanFolder
from schedules.publish import decode
from sync.enrolment import EnrolmentRequest, encode, sign
from sync.keys import OriginKeys, RecipientPrivate
from sync.seal import open_wire
from tests.unit.schedules.schedule_county import EXAMPLE


def test_what_is_published_is_what_the_vehicle_opens(tmp_path: Path) -> None:
    folder = tmp_path / "hospital"
    init_hospital(folder, HospitalSettings())
    box, keys = RecipientPrivate.generate(), OriginKeys.generate()
    with open_hospital(folder) as hospital:
        enrol(hospital, sign(EnrolmentRequest("V01", keys.public.raw, box.public.raw), keys))
        origin = hospital.keys.sign.public
    command = CliRunner()
    where = ["--hospital", str(folder)]
    assert command.invoke(app, ["import", str(EXAMPLE), *where, "--month", "2026-11"]).exit_code == 0
    heads = []
    for _ in range(2):
        published = command.invoke(app, ["publish", *where, "--effective-from", "2026-11-23", "--json"])
        assert published.exit_code == 0, published.output
        heads.append(json.loads(published.stdout))
    assert heads[0] == heads[1]
    assert heads[0]["queued_vehicles"] == 1
    (wire,) = folder.glob("downlink/V01/*.wire")
    record = open_wire(wire, origin=origin, recipients={box.key_id: box}).record()
    assert record.kind is Kind.SCHEDULE
    assert record.payload == PlanFolder(folder).payload(1)
    visits = decode(record.payload).visits
    today = [visit for visit in visits if (visit.vehicle_id, visit.date) == ("V01", date(2026, 11, 23))]
    assert [visit.point_name for visit in today] == ["上塘村文化礼堂", "下塘村便民服务中心"]


def test_a_vehicle_enrolled_after_publication_has_its_schedule_waiting(tmp_path: Path) -> None:
    folder = tmp_path / "hospital"
    init_hospital(folder, HospitalSettings())
    command = CliRunner()
    month = f"{SystemClock().now().astimezone(CHINA):%Y-%m}"
    for act in (["import", str(EXAMPLE), "--month", month], ["publish"]):
        done = command.invoke(app, [*act, "--hospital", str(folder)])
        assert done.exit_code == 0, done.output
    box, keys = RecipientPrivate.generate(), OriginKeys.generate()
    request = tmp_path / "request.json"
    request.write_bytes(encode(sign(EnrolmentRequest("V01", keys.public.raw, box.public.raw), keys)))
    enrolled = command.invoke(
        hospital_app, ["enrol-vehicle", str(folder), str(request), "--out", str(tmp_path / "granted.json")]
    )
    assert enrolled.exit_code == 0, enrolled.output
    with open_hospital(folder) as hospital:
        origin = hospital.keys.sign.public
    (wire,) = folder.glob("downlink/V01/*.wire")
    record = open_wire(wire, origin=origin, recipients={box.key_id: box}).record()
    assert record.payload == PlanFolder(folder).payload(1)
