"""The way by stick and the desk's commands, as an operator types them."""

import json
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from clinic_records.errors import AccessError, ConfigError, NotFound
from clinic_records.people import Author, Role
from cloud_hospital import passwords
from cloud_hospital.hospital import init_hospital, open_hospital
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import enrol, revoke
from commands import hospital as hospital_command
from commands import sync as sync_command
from commands.sync_stick import instant
from sync.enrolment import EnrolmentRequest, sign
from tests.unit.hospital.conftest import Box, a_visit
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.outgoing import Spooled
from vehicle_agent.store.pinning import pin_hospital
from vehicle_agent.store.spool import Spool

RUNNER = CliRunner()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A vehicle's folder with a visit sealed in its spool, and its hospital's."""
    init_hospital(tmp_path / "H", HospitalSettings(web_port=0, broker_port=0))
    folder = VehicleFolder(tmp_path / "V01")
    folder.create()
    keys = DeviceKeys.create(folder.device_key)
    with open_hospital(tmp_path / "H") as hospital:
        request = sign(EnrolmentRequest("V01", keys.sign.public.raw, keys.box.public.raw), keys.sign)
        enrolment = enrol(hospital, request)
        recipient = hospital.keys.announced.public
    pin_hospital(folder.hospital, enrolment)
    box = Box("V01", keys=keys.sign, private=keys.box)
    spool = Spool(folder.spool, keys=keys, hospital=enrolment)
    for record in a_visit().records(box):
        sealed = box.seal(record, recipient)
        spool.up.add([Spooled(1, record.origin.seq, sealed.lane, sealed.wire_sha256, sealed.size, data=sealed.data)])
    spool.close()
    return folder.root, tmp_path / "H"


def run(app: object, *words: object, code: int = 0) -> str:
    found = RUNNER.invoke(app, [str(word) for word in words])  # type: ignore[arg-type]  # a typer application
    assert found.exit_code == code, (found.output, found.exception)
    return found.stdout


def test_a_day_by_stick_with_three_commands(places: tuple[Path, Path], tmp_path: Path) -> None:
    vehicle, hospital = places
    stick, back = tmp_path / "stick", tmp_path / "back"
    written = json.loads(run(sync_command.app, "bundle", vehicle, stick, "--json"))
    assert (written["envelopes"], written["left"]) == (5, 0)
    said = json.loads(run(hospital_command.app, "import", hospital, stick, "--answer", back, "--json"))
    assert said["found"]["verdicts"] == {"applied": 5}
    assert said["answers"][0]["receipts"] == 5
    brought = json.loads(run(sync_command.app, "unbundle", vehicle, back, "--json"))
    assert brought["receipts"] == 5
    assert "nothing new" in run(hospital_command.app, "import", hospital, stick)
    assert "0 envelopes" in run(sync_command.app, "bundle", vehicle, tmp_path / "empty")
    again = run(sync_command.app, "bundle", vehicle, tmp_path / "again", "--since", "2026-01-01")
    assert "5 envelopes" in again, "what the hospital has is still kept"


def test_a_torn_stick_ends_with_exit_4_at_both_ends(places: tuple[Path, Path], tmp_path: Path) -> None:
    vehicle, hospital = places
    run(sync_command.app, "bundle", vehicle, tmp_path / "stick")
    (path,) = (tmp_path / "stick").glob("*.mcb")
    path.write_bytes(path.read_bytes()[:-40])
    assert "torn" not in run(hospital_command.app, "import", hospital, path, code=4)
    run(sync_command.app, "unbundle", vehicle, path, code=4)
    (tmp_path / "photo.mcb").write_bytes(b"\xff\xd8")
    run(sync_command.app, "unbundle", vehicle, tmp_path / "photo.mcb")


def test_what_was_held_is_listed_copied_released_and_explained(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vehicle, hospital = places
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    with open_hospital(hospital) as opened:
        revoke(opened, "V01", "stolen")
        add_user(opened, Author("d001", "李医生", Role.SPECIALIST), "a long enough password")
    run(sync_command.app, "bundle", vehicle, tmp_path / "stick")
    run(hospital_command.app, "import", hospital, tmp_path / "stick")
    found = json.loads(run(hospital_command.app, "held", "list", hospital, "--json"))
    assert {one["reason"] for one in found} == {"revoked"}
    assert run(hospital_command.app, "held", "list", hospital).count("can be released") == 5
    number = found[0]["n"]
    run(hospital_command.app, "held", "raw", hospital, number, "--out", tmp_path / "raw")
    assert (tmp_path / "raw").read_bytes().startswith(b"MCE1")
    for staff in ("nobody", ""):
        failed = RUNNER.invoke(
            hospital_command.app, ["held", "release", str(hospital), str(number), "--staff", staff, "--note", "x"]
        )
        assert isinstance(failed.exception, AccessError)
    run(hospital_command.app, "held", "release", hospital, number, "--staff", "d001", "--note", "停用以前的")
    run(hospital_command.app, "held", "leave", hospital, found[1]["n"], "--staff", "d001", "--note", "伪造")
    assert run(hospital_command.app, "held", "list", hospital, "--all").count("released") >= 4
    life = run(hospital_command.app, "explain", hospital, found[0]["wire_sha256"], "--lang", "en")
    assert "released by 李医生 (d001)" in life
    steps = json.loads(run(hospital_command.app, "explain", hospital, found[0]["wire_sha256"], "--json"))
    assert len(steps) == len(life.strip().splitlines())
    assert "ALARM set-aside" in run(hospital_command.app, "status", hospital)
    failed = RUNNER.invoke(hospital_command.app, ["explain", str(hospital), "nothing"])
    assert isinstance(failed.exception, NotFound)


def test_a_time_is_an_instant_or_refused() -> None:
    assert instant("2026-11-20").isoformat() == "2026-11-20T00:00:00+08:00"
    assert instant("2026-11-20T08:30:00Z").isoformat() == "2026-11-20T08:30:00+00:00"
    with pytest.raises(ConfigError, match="yesterday"):
        instant("yesterday")
