"""The way down over the real relay: a real hospital's commands, a real agent, the nurse's page, and kills between."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from clinic_records.people import Author, Role
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.downlinks.said import said_of
from cloud_hospital.hospital import open_hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.users import add_user
from tests.integration.hospital.test_processes import CLI, Running, clinic, until
from tests.integration.vehicle.vehicle_world import PIN, STAFF, Vehicle, wait_until
from vehicle_agent.setup import complete, request_enrolment

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
WANG = {"name": "王秀英", "sex": "female", "birth_date": "1959-03-08", "village": "桃源村", "phone": "13800000000"}
TABLE = "code,name,strength,unit,ingredients\nA1,二甲双胍片,0.5 g,片,metformin\n"


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "hospital"
    clinic("hospital", "init", folder, "--web-port", 0, "--broker-port", 0)
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
    clinic("hospital", "enrol-vehicle", hospital.folder, request, "--out", granted)
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


def said(hospital: Running, encounter: str) -> dict[str, Any]:
    """What was said of the encounter, by kind, as the hospital knows it now."""
    with open_hospital(hospital.folder) as opened, reading(opened.engine) as connection:
        return {each.kind: each for each in said_of(connection, encounter)}


def do(hospital: Running, *words: object) -> Any:
    return json.loads(clinic("hospital", *words[:1], hospital.folder, *words[1:], "--json").stdout)


@pytest.mark.timeout(240)
def test_what_the_hospital_says_is_seen_by_a_named_person_on_the_vehicle(
    hospital: Running, vehicle: Vehicle, tablet: httpx.Client, tmp_path: Path
) -> None:
    vehicle.login()
    vehicle.act("open_stop")
    patient = vehicle.act("register", form=WANG)
    encounter = vehicle.act("open_encounter", patient_id=patient["id"], reason="胸闷")["id"]
    until(lambda: hospital.status()["entries"] >= 3, "stop, person and encounter are at the hospital")

    with open_hospital(hospital.folder) as opened:
        add_user(opened, Author("d001", "兰医生", Role.SPECIALIST), "long enough 12")
    answered = do(hospital, "answer", encounter, "--text", "建议转诊", "--recall", "now", "--by", "d001")
    wait_until(lambda: "建议转诊" in tablet.get("/messages").text)
    wait_until(lambda: "立即召回" in tablet.get("/messages").text)
    page = tablet.get("/messages").text
    assert all(text in page for text in ("兰医生", "王秀英", "tel:13800000000", "■ 2"))
    tablet.post(f"/messages/answer/{answered['id']}/seen")
    until(lambda: [each.by.name for each in said(hospital, encounter)["answer"].seen] == ["张护士"], "seen goes up")

    hospital.kill("broker")
    (tmp_path / "formulary.csv").write_text(TABLE, "utf-8")
    clinic("hospital", "formulary", "load", hospital.folder, tmp_path / "formulary.csv")
    (tmp_path / "rx.csv").write_text("code,units,usage\nA1,14,口服\n", "utf-8")
    rx = do(hospital, "prescribe", encounter, tmp_path / "rx.csv", "--by", "d001")
    hospital.kill("worker")
    do(hospital, "retract", answered["id"], "--reason", "写错了人", "--by", "d001")
    wait_until(lambda: "本车可发药" in (text := tablet.get("/messages").text) and "写错了人" in text)

    moved = json.loads(
        clinic("hospital", "right", "move", hospital.folder, rx["id"], "--to", "pharmacy", "--json").stdout
    )
    assert moved["state"] == "asked"
    until(lambda: said(hospital, encounter)["prescription"].holder == ("pharmacy", "held"), "the vehicle gives it back")
    wait_until(lambda: "发药权在pharmacy" in tablet.get("/messages").text)
    vehicle.kill()
    vehicle.start()
    vehicle.login()
    status = hospital.status()
    assert status["quarantined"] == 0
    assert all(each["queued"] == 0 for each in status["downlink"]), status["downlink"]
