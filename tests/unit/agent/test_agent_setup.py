"""Making a vehicle in two steps, and what refuses to be made."""

import fcntl
import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clinic_records.clock import SystemClock
from clinic_records.errors import AccessError, ConfigError, PeerRefused, RefusedInput
from clinic_records.people import Author, Role
from commands import vehicle as command
from sync.enrolment import Enrolment, decode_request, encode, sign
from sync.keys import OriginKeys, RecipientPrivate
from vehicle_agent.doctor import examine
from vehicle_agent.setup import add_person, complete, request_enrolment
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.slots import Slots
from vehicle_agent.work_folder import work_folder


def grant(request: Path, answer: Path, keys: OriginKeys | None = None, hospital: str = "H1") -> Path:
    asked = decode_request(request.read_bytes())
    keys = keys or OriginKeys.generate()
    private = RecipientPrivate.generate()
    plain = Enrolment(
        asked.vehicle, asked.sign_public, hospital, "县医院", keys.public.raw, private.public.raw, private.key_id,
        "127.0.0.1", 9, asked.vehicle, "secret", 1, "token",
    )  # fmt: skip
    answer.write_bytes(encode(sign(plain, keys)))
    return answer


def finish(root: Path, answer: Path, pin: str = "2468") -> None:
    complete(root, answer, staff="n001", name="张护士", role=Role.NURSE, pin=pin)


def test_both_steps_and_the_doctor(tmp_path: Path) -> None:
    root = tmp_path / "V01"
    request = request_enrolment(root, "V01")
    first = request.read_bytes()
    assert request_enrolment(root, "V01").read_bytes() == first
    finish(root, grant(request, tmp_path / "e.json"))
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    findings = {finding.what: finding for finding in examine(root)}
    bad = [what for what, finding in findings.items() if not finding.is_well]
    assert bad == ["spool", "agent"]  # the agent has never run here
    root.chmod(0o755)
    assert not {finding.what: finding for finding in examine(root)}["permissions"].is_well


def test_what_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "V01"
    with pytest.raises(RefusedInput):
        request_enrolment(root, "vehicle one")
    request = request_enrolment(root, "V01")
    with pytest.raises(ConfigError, match="is vehicle V01"):
        request_enrolment(root, "V02")
    with pytest.raises(ConfigError, match="cannot read"):
        finish(root, tmp_path / "missing.json")
    other = request_enrolment(tmp_path / "other", "V01")
    with pytest.raises(PeerRefused):
        finish(root, grant(other, tmp_path / "other.json"))
    keys = OriginKeys.generate()
    answer = grant(request, tmp_path / "e.json", keys)
    finish(root, answer)
    with pytest.raises(ConfigError, match="vault already"):
        finish(root, answer)
    with pytest.raises(PeerRefused, match="belongs to hospital H1"):
        finish(root, grant(request, tmp_path / "second.json", hospital="H2"))


def test_the_commands(tmp_path: Path) -> None:
    runner = CliRunner()
    root = tmp_path / "V01"
    done = runner.invoke(command.app, ["init", str(root), "--vehicle", "V01"])
    assert done.exit_code == 0
    answer = grant(root / "enrolment-request.json", tmp_path / "e.json")
    arguments = ["init", str(root), "--enrolment", str(answer), "--staff", "n001", "--name", "张护士", "--pin-stdin"]
    done = runner.invoke(command.app, arguments, input="2468\n")
    assert "县医院" in done.stdout
    done = runner.invoke(command.app, ["doctor", str(root), "--json"])
    assert done.exit_code == 1
    assert {finding["what"] for finding in json.loads(done.stdout)} >= {"database", "child process", "agent"}
    for wrong in (["init", str(root)], ["init", str(root), "--enrolment", str(answer)], ["status", str(root)]):
        assert runner.invoke(command.app, wrong).exception is not None


def test_the_work_folder_is_private_and_empty(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    folder = work_folder(tmp_path)
    (folder / "left").write_bytes(b"x")
    again = work_folder(tmp_path)
    assert again == folder
    assert list(again.iterdir()) == []
    assert stat.S_IMODE(again.stat().st_mode) == 0o700
    again.rmdir()


def test_a_pin_that_is_too_short_makes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "V01"
    answer = grant(request_enrolment(root, "V01"), tmp_path / "e.json")
    with pytest.raises(RefusedInput, match="4 to 64"):
        finish(root, answer, pin="123")
    finish(root, answer)
    assert {finding.what for finding in examine(root) if not finding.is_well} == {"spool", "agent"}


def test_a_second_person_gets_a_pin_from_somebody_who_has_one(tmp_path: Path) -> None:
    root = tmp_path / "V01"
    finish(root, grant(request_enrolment(root, "V01"), tmp_path / "e.json"))
    doctor = Author("d001", "李医生", Role.DOCTOR)
    slots = Slots(
        VehicleFolder(root).slots, DeviceKeys.load(VehicleFolder(root).device_key).device_secret, SystemClock().now
    )
    with pytest.raises(AccessError, match="wrong PIN"):
        add_person(root, by="n001", by_pin="1357", person=doctor, pin="8642")
    with pytest.raises(RefusedInput, match="4 to 64"):
        add_person(root, by="n001", by_pin="2468", person=doctor, pin="86")
    assert [each.staff for each in slots.people()] == ["n001"]
    add_person(root, by="n001", by_pin="2468", person=doctor, pin="8642")
    assert slots.unlock("d001", "8642")[1] == slots.unlock("n001", "2468")[1], "one data key"
    add_person(root, by="d001", by_pin="8642", person=doctor, pin="9753")
    with pytest.raises(AccessError):
        slots.unlock("d001", "8642")


def test_no_person_is_added_beside_a_running_agent(tmp_path: Path) -> None:
    root = tmp_path / "V01"
    finish(root, grant(request_enrolment(root, "V01"), tmp_path / "e.json"))
    with (VehicleFolder(root).run / "agent.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="agent is running"):
            add_person(root, by="n001", by_pin="2468", person=Author("d001", "李医生", Role.DOCTOR), pin="8642")
