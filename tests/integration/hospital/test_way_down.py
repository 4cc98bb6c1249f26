"""The way down over the real relay: a real hospital, a real agent, the nurse's page, and kills between."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from clinic_records.clock import CHINA
from clinic_records.dispensing import RightState
from clinic_records.errors import NotFound
from clinic_records.ids import StopId
from clinic_records.people import Author, Role
from clinic_records.prescription import PHARMACY
from clinic_records.schedule import Visit
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.downlinks.lists import load_formulary
from cloud_hospital.downlinks.opinions import find_case, retract
from cloud_hospital.downlinks.preload import preload
from cloud_hospital.downlinks.prescriptions import prescribe
from cloud_hospital.downlinks.rights import move_right
from cloud_hospital.downlinks.said import Said, said_of
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import downlink
from cloud_hospital.users import add_user
from schedules.folder import PlanFolder
from schedules.publish import make_version
from tests.in_process import typed
from tests.integration.hospital.test_processes import CLI, Running, clinic, until
from tests.integration.vehicle.vehicle_world import PIN, STAFF, Vehicle, wait_until
from tests.unit.hospital.test_dispense_rights import LINES
from tests.unit.hospital.test_downlinks import DOCTOR, TABLE
from vehicle_agent.setup import complete, request_enrolment

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
WANG = {"name": "王秀英", "sex": "female", "birth_date": "1959-03-08", "village": "桃源村", "phone": "13800000000"}


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "hospital"
    typed("hospital", "init", folder, "--web-port", 0, "--broker-port", 0)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*CLI, "hospital", "run", str(folder)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready: hospital"), (tmp_path / "log").read_text()
            yield Running(folder, process)
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()


@pytest.fixture
def vehicle(hospital: Running, tmp_path: Path) -> Iterator[Vehicle]:
    root, granted = tmp_path / "V01", tmp_path / "enrolment.json"
    request = request_enrolment(root, "V01")
    typed("hospital", "enrol-vehicle", hospital.folder, request, "--out", granted)
    complete(root, granted, staff=STAFF, name="张护士", role=Role.NURSE, pin=PIN)
    (root / "vehicle.toml").write_text('vehicle = "V01"\n[web]\nport = 0\n[dicom]\nport = 0\n', "utf-8")
    made = Vehicle(root)
    made.start()
    try:
        yield made
    finally:
        sys.stderr.write(made.log())  # shown by pytest where the test failed
        made.stop()


@pytest.fixture
def tablet(vehicle: Vehicle) -> Iterator[httpx.Client]:
    url = vehicle.ready["ready"].rstrip("/")
    with httpx.Client(base_url=url, headers={"origin": url}) as client:
        assert client.post("/login", data={"staff": STAFF, "pin": PIN}).status_code == 303
        yield client


@pytest.fixture
def opened(hospital: Running) -> Iterator[Hospital]:
    with open_hospital(hospital.folder) as one:
        yield one


def said(opened: Hospital, encounter: str) -> dict[str, Said]:
    """What was said of the encounter, by kind, as the hospital knows it now."""
    with reading(opened.engine) as connection:
        return {each.kind: each for each in said_of(connection, encounter)}


def has_come(opened: Hospital, encounter: str) -> bool:
    try:
        return find_case(opened, encounter).person is not None
    except NotFound:
        return False


def waits(opened: Hospital) -> list[str]:
    """Kinds of what a vehicle has not answered."""
    with reading(opened.engine) as connection:
        return list(connection.execute(select(downlink.c.kind).where(downlink.c.verdict.is_(None))).scalars())


def publish_today(opened: Hospital) -> str:
    """A plan with one stop today; its month."""
    today = opened.now().astimezone(CHINA).date()
    stop = Visit(StopId("R1"), today, "P1", "桃源点", "桃源村", "V01", time(8), time(17), (STAFF,), "R", 1)
    version = make_version((stop,), version=1, effective_from=today, first=today, last=today)
    PlanFolder(opened.folder.root).add(version)
    return f"{today:%Y-%m}"


@pytest.mark.timeout(240)
def test_what_the_hospital_says_is_seen_by_a_named_person_on_the_vehicle(
    hospital: Running, opened: Hospital, vehicle: Vehicle, tablet: httpx.Client, tmp_path: Path
) -> None:
    def page() -> str:
        return tablet.get("/messages").text

    vehicle.login()
    vehicle.act("open_stop")
    patient = vehicle.act("register", form=WANG)
    encounter = vehicle.act("open_encounter", patient_id=patient["id"], reason="胸闷")["id"]
    until(lambda: has_come(opened, encounter), "person and encounter are at the hospital")

    add_user(opened, Author(STAFF, "张护士长", Role.NURSE))
    loaded = preload(opened, "V01", publish_today(opened))
    assert [(each.village, each.people) for each in loaded.villages] == [("桃源村", 1)]
    wait_until(lambda: "到了 1/1 份" in page())
    wait_until(lambda: [each["name"] for each in vehicle.do("people")] == ["张护士长"])
    tablet.post("/login", data={"staff": STAFF, "pin": PIN})  # the name and role of the list count from the next login

    add_user(opened, DOCTOR, "long enough 12")
    words = ("--text", "建议转诊", "--recall", "now", "--by", "d001")
    answered = clinic("hospital", "answer", hospital.folder, encounter, *words).stdout.strip()
    wait_until(lambda: "建议转诊" in page() and "立即召回" in page())
    assert all(text in page() for text in ("兰医生", "王秀英", "tel:13800000000", "■ 2"))
    tablet.post(f"/messages/answer/{answered}/seen")
    until(lambda: [each.by.name for each in said(opened, encounter)["answer"].seen] == ["张护士长"], "seen goes up")

    hospital.kill("broker")
    (tmp_path / "formulary.csv").write_text(TABLE, "utf-8")
    load_formulary(opened, tmp_path / "formulary.csv")
    rx = prescribe(opened, encounter, LINES, DOCTOR)
    hospital.kill("worker")
    retract(opened, answered, "写错了人", DOCTOR)
    wait_until(lambda: "本车可发药" in (text := page()) and "写错了人" in text)

    assert move_right(opened, rx.id, PHARMACY).state is RightState.ASKED
    until(lambda: said(opened, encounter)["prescription"].holder == ("pharmacy", "held"), "the vehicle gives it back")
    wait_until(lambda: "发药权在pharmacy" in page())
    until(lambda: waits(opened) == [], "everything is answered")
    assert hospital.status()["quarantined"] == 0
