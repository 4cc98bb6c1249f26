"""The vehicle alone, no hospital to be reached: real agent, listener and children, simulators on true protocols."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from clinic_records.errors import AccessError, ConfigError, RefusedInput, StoreLocked
from clinic_records.ids import sha256_hex
from commands import sync as sync_command
from commands import vehicle as vehicle_command
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ecg_scp import scp_record
from devices.simulators.spirometer import blow_record
from devices.simulators.ultrasound import examination
from tests.integration.vehicle.vehicle_world import PIN, STAFF, Clinic, Vehicle, wait_until
from vehicle_agent.agent import Agent
from vehicle_agent.visits.binding import BURST

WANG = {"name": "王秀英", "sex": "female", "birth_date": "1959-03-08", "village": "桃源村"}
LI = {"name": "李国强", "sex": "male", "birth_date": "1972-05-01"}


def open_encounter(vehicle: Vehicle, form: dict[str, Any]) -> dict[str, Any]:
    vehicle.act("open_stop")
    patient = vehicle.act("register", form=form)
    encounter: dict[str, Any] = vehicle.act("open_encounter", patient_id=patient["id"], reason="胸闷")
    return encounter


def recordings(vehicle: Vehicle, encounter: dict[str, Any]) -> list[dict[str, Any]]:
    found = vehicle.do("encounter", encounter_id=encounter["id"])["recordings"]
    return [view["recording"] for view in found]


def hash_of(recording: dict[str, Any]) -> str:
    return str(recording["reading"]["raw"]["sha256"])


@pytest.mark.kill
def test_a_day_with_a_kill_in_it(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    with pytest.raises(StoreLocked):
        vehicle.do("today")
    vehicle.login()
    wang = open_encounter(vehicle, WANG)
    for device in ("ecg1", "us1", "spiro1"):
        vehicle.act("arm", device=device, encounter_id=wang["id"])

    first = scp_record()
    clinic.ecg.send(first)
    wait_until(lambda: len(recordings(vehicle, wang)) == 1)
    burst_is_over = time.monotonic() + BURST.total_seconds()
    clinic.spirometer.blow(blow_record())
    wait_until(lambda: len(recordings(vehicle, wang)) == 2)
    scanner = DicomDevice("127.0.0.1", vehicle.ready["dicom_port"], ae_title="US1")
    entry = scanner.pick(name="王*")
    scan = scanner.store(examination(entry))
    assert scan.acknowledged, scan.detail
    wait_until(lambda: len(recordings(vehicle, wang)) == 3)
    rules = {one["reading"]["modality"]: one["binding"]["rule"] for one in recordings(vehicle, wang)}
    assert rules == {"ecg": "armed", "spirometry": "armed", "ultrasound": "worklist"}
    before = vehicle.do("status")

    vehicle.kill()
    vehicle.start()
    scanner = DicomDevice("127.0.0.1", vehicle.ready["dicom_port"], ae_title="US1")
    assert scanner.worklist() == []
    locked_scan = scanner.store(examination(entry))
    assert locked_scan.acknowledged, locked_scan.detail
    second = scp_record(patient_id="")
    wait_until(lambda: time.monotonic() > burst_is_over)  # a fast machine is back before two ECGs can be two people's
    clinic.ecg.send(second)
    # the scan, the ECG, and the spirometer's memory once more: that one is known and changes nothing
    wait_until(lambda: vehicle.do("status")["inbox"] == 3)
    assert vehicle.do("status")["is_open"] is False
    vehicle.login()
    wait_until(lambda: vehicle.do("status")["inbox"] == 0)
    found = wait_until(lambda: [one for one in [recordings(vehicle, wang)] if len(one) == 5])[0]
    hashes = [hash_of(one) for one in found]
    assert len(set(hashes)) == 5
    assert {sha256_hex(first), sha256_hex(second)} <= set(hashes)
    assert vehicle.do("unbound") == []
    assert vehicle.do("quarantine") == []
    after = vehicle.do("status")
    assert after["sync"]["total"]["queued"] == before["sync"]["total"]["queued"] + 4
    assert after["waits"] == after["sync"]["total"]["queued"]

    for one in found:
        picture = vehicle.do("picture", recording_id=one["id"], lang="zh")
        assert picture["media_type"] in {"image/svg+xml", "image/png"}
    vehicle.act("finish", encounter_id=wang["id"])
    closed = vehicle.act("close_stop")
    assert closed["status"] == "closed"
    assert vehicle.stop() == 0


def test_two_people_one_device(clinic: Clinic) -> None:
    """H01: what comes after a finish waits for a person; nobody gets another's reading."""
    vehicle = clinic.vehicle
    vehicle.start()
    vehicle.login()
    wang, li = open_encounter(vehicle, WANG), open_encounter(vehicle, LI)
    vehicle.act("arm", device="ecg1", encounter_id=wang["id"])
    vehicle.act("finish", encounter_id=wang["id"])
    clinic.ecg.send(scp_record())
    tray = wait_until(lambda: vehicle.do("unbound"))
    assert tray[0]["reason_zh"]
    recording_id = tray[0]["recording"]["id"]
    bound = vehicle.act("bind", recording_id=recording_id, encounter_id=li["id"])
    assert bound["binding"]["by"]["staff"] == STAFF
    urgent = vehicle.act("mark_urgent", recording_id=recording_id)
    assert urgent["patient"]["name"] == "李国强"
    lanes = vehicle.do("sync_status")["lanes"]
    assert lanes["p0"]["queued"] == 2
    assert recordings(vehicle, wang) == []


def test_rubbish_is_set_aside_and_the_rest_goes_on(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    vehicle.login()
    encounter = open_encounter(vehicle, WANG)
    vehicle.act("arm", device="ecg1", encounter_id=encounter["id"])
    clinic.ecg.line.write(b"rubbish on the line" * 3)
    wait_until(lambda: vehicle.do("quarantine"))
    damaged = bytearray(scp_record())
    damaged[len(damaged) // 2] ^= 0xFF
    clinic.ecg.send(bytes(damaged))
    wait_until(lambda: len(vehicle.do("quarantine")) >= 2)
    good = scp_record()
    clinic.ecg.send(good)
    wait_until(lambda: sha256_hex(good) in [hash_of(one) for one in recordings(vehicle, encounter)])
    for item in vehicle.do("quarantine"):
        assert item["reason"]
        assert vehicle.do("raw", sha256=item["raw_sha256"])


@pytest.mark.kill
def test_a_killed_listener_comes_back(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    first = vehicle.do("status")["listener_pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: vehicle.do("status")["listener_pid"] not in {0, first})
    port = wait_until(lambda: vehicle.do("status")["dicom_port"])
    scanner = DicomDevice("127.0.0.1", port, ae_title="US1")
    assert scanner.store(examination(None)).acknowledged
    vehicle.login()
    tray = wait_until(lambda: vehicle.do("unbound"))
    assert tray[0]["recording"]["unbound_reason"] == "not-armed"


@pytest.mark.kill
def test_nothing_of_a_killed_agent_stays_behind(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    listener = vehicle.do("status")["listener_pid"]
    vehicle.kill()
    wait_until(lambda: not Path(f"/proc/{listener}").exists() or _is_zombie(listener))


def test_what_the_control_socket_refuses(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    with pytest.raises(AccessError):
        vehicle.act("open_stop")
    with pytest.raises(AccessError):
        vehicle.do("login", staff=STAFF, pin="0000")
    with pytest.raises(RefusedInput):
        vehicle.do("lock_the_doors")
    with pytest.raises(RefusedInput):
        vehicle.do("search")
    vehicle.do("login", staff=STAFF, pin=PIN)
    assert vehicle.do("search", text="") == []
    other = Vehicle(vehicle.root)
    with pytest.raises(AssertionError, match="another agent is running"):
        other.start()
    assert other.process is not None
    assert other.process.wait(30) == 1
    other._close()


def test_an_open_page_is_told_the_end_and_not_cut_off(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start()
    with httpx.Client(
        base_url=vehicle.ready["ready"], headers={"origin": vehicle.ready["ready"].rstrip("/")}
    ) as tablet:
        assert tablet.post("/login", data={"staff": STAFF, "pin": PIN}).status_code == 303
        with tablet.stream("GET", "/live", params={"page": "today"}, timeout=60) as stream:
            lines = stream.iter_lines()
            wait_until(lambda: "beat" in next(lines))
            assert vehicle.stop() == 0
            assert not [line for line in lines if "locked" in line]  # a stream cut off raises RemoteProtocolError


def _is_zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def test_a_vehicle_without_settings_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="clinic vehicle init"):
        Agent(tmp_path)


def test_the_commands_beside_a_running_agent(clinic: Clinic) -> None:
    vehicle = clinic.vehicle
    vehicle.start("--unlock-staff", STAFF, "--pin-stdin", pin=PIN)
    assert vehicle.ready["open"] is True
    assert json.loads((vehicle.root / "run" / "ports.json").read_text())["web_url"] == vehicle.ready["ready"]
    runner = CliRunner()
    folder = str(vehicle.root)
    done = runner.invoke(vehicle_command.app, ["status", folder, "--json", "--require-complete"])
    assert (done.exit_code, json.loads(done.stdout)["waits"]) == (0, 0)
    done = runner.invoke(vehicle_command.app, ["unlock", folder, "--staff", STAFF, "--pin-stdin"], input=f"{PIN}\n")
    assert done.exit_code == 0
    patient = vehicle.act("register", form=WANG)
    for command in (vehicle_command.app, sync_command.app):
        assert runner.invoke(command, ["status", folder, "--require-complete"]).exit_code == 4
    done = runner.invoke(sync_command.app, ["explain", folder, patient["id"], "--json"])
    assert [(step["kind"], step["lane"], step["seq"]) for step in json.loads(done.stdout)] == [("patient", "p2", 1)]
    done = runner.invoke(vehicle_command.app, ["doctor", folder])
    assert done.exit_code == 0, done.stdout
    assert "王秀英" not in vehicle.log()
