"""The hospital's keys: escrowed before they are published, never lost, believed by whoever followed (sync rule 22)."""

import secrets
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from clinic_records.errors import AccessError, ConfigError, PeerRefused, RefusedInput
from cloud_hospital.escrow import read_escrow, restore_keys, rotate, write_escrow
from cloud_hospital.hospital import Hospital, open_hospital
from cloud_hospital.intake.sessions import VehicleSessions
from cloud_hospital.keys import HospitalKeys, KeyFile, key_path, publish, stage
from cloud_hospital.vehicle_keys import follow, newest_key, origins
from cloud_hospital.vehicles import box_key, enrol
from commands.hospital import app
from sync.keys import OriginKeys, RecipientPrivate
from sync.ports import Verdict
from sync.statements import KeyStatement, state_keys
from tests.unit.hospital.conftest import Box, Clinic, a_visit, deliver
from vehicle_agent.store.pinning import load_pinned, pin_hospital

PASSPHRASE = "correct horse battery staple"


def turned(hospital: Hospital, escrow: Path) -> HospitalKeys:
    return rotate(hospital.folder, hospital.settings.id, escrow, PASSPHRASE, hospital.now())


def test_a_new_pair_is_published_only_with_an_escrow_copy(clinic: Clinic, tmp_path: Path) -> None:
    folder = clinic.hospital.folder
    stage(folder, clinic.hospital.now())
    with pytest.raises(ConfigError, match="escrow"):
        publish(folder, "H01", clinic.hospital.now())
    assert HospitalKeys.load(folder).number == 1
    keys = turned(clinic.hospital, tmp_path / "escrow.json")
    assert keys.number == 2
    staged = read_escrow(tmp_path / "escrow.json", PASSPHRASE).staged
    assert staged is not None
    assert staged.box == keys.announced.to_bytes()
    assert all(pair.escrowed_ms for pair in KeyFile.load(folder).pairs)


def test_a_crash_between_the_steps_is_made_good_by_the_next_try(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_args: object) -> None:
        raise MemoryError

    for step in ("write_escrow", "publish"):
        with monkeypatch.context() as patch:
            patch.setattr(f"cloud_hospital.escrow.{step}", cut)
            with pytest.raises(MemoryError):
                turned(clinic.hospital, tmp_path / f"{step}.json")
        assert HospitalKeys.load(clinic.hospital.folder).number == 1
    staged = KeyFile.load(clinic.hospital.folder).staged
    keys = turned(clinic.hospital, tmp_path / "at last.json")
    assert staged is not None
    assert (keys.number, keys.announced.to_bytes()) == (2, staged.box)


def test_lost_keys_come_back_from_escrow_and_never_over_others(clinic: Clinic, tmp_path: Path) -> None:
    folder, copy, now = clinic.hospital.folder, tmp_path / "escrow.json", clinic.hospital.now()
    turned(clinic.hospital, copy)
    write_escrow(folder, "H01", tmp_path / "all.json", PASSPHRASE, clinic.hospital.now())
    before = HospitalKeys.load(folder)
    with pytest.raises(ConfigError, match="never overwritten"):
        restore_keys(folder, "H01", copy, PASSPHRASE, now)
    key_path(folder).unlink()
    for path, passphrase in ((copy, "another passphrase"), (folder.settings, PASSPHRASE)):
        with pytest.raises(RefusedInput):
            restore_keys(folder, "H01", path, passphrase, now)
    with pytest.raises(RefusedInput, match="another hospital"):
        restore_keys(folder, "H02", copy, PASSPHRASE, now)
    for source in (copy, tmp_path / "all.json"):  # the first was written a moment before the new pair was published
        back = restore_keys(folder, "H01", source, PASSPHRASE, now)
        assert (back.number, back.keyring.keys()) == (2, before.keyring.keys())
        key_path(folder).unlink()


@pytest.mark.parametrize("at", [40, 120, -40])
def test_a_changed_escrow_file_does_not_open(clinic: Clinic, tmp_path: Path, at: int) -> None:
    path = tmp_path / "escrow.json"
    write_escrow(clinic.hospital.folder, "H01", path, PASSPHRASE, clinic.hospital.now())
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(RefusedInput):
        read_escrow(path, PASSPHRASE)


def test_a_copy_that_reads_otherwise_publishes_nothing(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keeps_an_older_one(path: Path, data: bytes) -> None:
        del data
        path.write_bytes(older)

    write_escrow(clinic.hospital.folder, "H01", tmp_path / "older.json", PASSPHRASE, clinic.hospital.now())
    older = (tmp_path / "older.json").read_bytes()
    monkeypatch.setattr("cloud_hospital.escrow.write_file", keeps_an_older_one)
    with pytest.raises(ConfigError, match="another disk"):
        turned(clinic.hospital, tmp_path / "bad disk.json")
    assert HospitalKeys.load(clinic.hospital.folder).number == 1


def test_a_session_welcomed_under_an_older_key_does_not_stand(clinic: Clinic, tmp_path: Path) -> None:
    sessions = VehicleSessions(clinic.hospital, "V01")
    sessions.save(msgspec.structs.replace(sessions.load(), session="s1"))
    assert sessions.standing() == ("s1", clinic.hospital.log.current())
    turned(clinic.hospital, tmp_path / "escrow.json")
    with open_hospital(clinic.hospital.folder.root) as now:
        assert VehicleSessions(now, "V01").standing() is None


def test_a_weak_passphrase_and_a_place_in_the_house_are_refused(clinic: Clinic, tmp_path: Path) -> None:
    folder, now = clinic.hospital.folder, clinic.hospital.now()
    with pytest.raises(RefusedInput, match="12"):
        write_escrow(folder, "H01", tmp_path / "short.json", "short", now)
    with pytest.raises(ConfigError, match="outside"):
        write_escrow(folder, "H01", folder.keys / "escrow.json", PASSPHRASE, now)
    (tmp_path / "there.json").touch()
    with pytest.raises(ConfigError, match="new file"):
        write_escrow(folder, "H01", tmp_path / "there.json", PASSPHRASE, now)
    assert not any(pair.escrowed_ms for pair in KeyFile.load(folder).pairs)


def test_what_was_sealed_before_two_rotations_is_taken_after_them(clinic: Clinic, tmp_path: Path) -> None:
    records = a_visit().records(clinic.box)
    old = clinic.box.seal(records[1], clinic.recipient)
    for name in ("a.json", "b.json"):
        turned(clinic.hospital, tmp_path / name)
    with open_hospital(clinic.hospital.folder.root) as now:
        assert now.keys.number == 3
        assert deliver(now, "V01", old).verdict is Verdict.APPLIED
        new = clinic.box.seal(records[0], now.keys.announced.public)
        assert deliver(now, "V01", new).verdict is Verdict.APPLIED


def test_a_box_enrolled_anew_after_a_rotation_believes_the_hospital(clinic: Clinic, tmp_path: Path) -> None:
    pinned = tmp_path / "hospital.json"
    pin_hospital(pinned, clinic.enrolment)
    turned(clinic.hospital, tmp_path / "escrow.json")
    with open_hospital(clinic.hospital.folder.root) as now:
        granted = enrol(now, clinic.box.request())
    pin_hospital(pinned, granted)
    chain = load_pinned(pinned).chain()
    assert (chain.number, chain.newest.raw, len(chain.signers)) == (2, granted.sign_public, 2)
    stranger = OriginKeys.generate()
    forged = state_keys(
        KeyStatement("H01", 3, stranger.public.raw, secrets.token_bytes(32), 0), former=stranger, fresh=stranger
    )
    with pytest.raises(PeerRefused):
        pin_hospital(
            pinned,
            msgspec.structs.replace(granted, sign_public=stranger.public.raw, statements=(*granted.statements, forged)),
        )


def own_statement(number: int, former: OriginKeys, fresh: OriginKeys, box: RecipientPrivate) -> bytes:
    return state_keys(KeyStatement("V01", number, fresh.public.raw, box.public.raw, 0), former=former, fresh=fresh)


def test_a_vehicles_rotations_are_followed_and_its_old_envelopes_taken(clinic: Clinic) -> None:
    hospital, first = clinic.hospital, clinic.box.keys
    records = a_visit().records(clinic.box)
    old = clinic.box.seal(records[1], clinic.recipient)
    second, third, box = OriginKeys.generate(), OriginKeys.generate(), RecipientPrivate.generate()
    statements = (own_statement(2, first, second, box), own_statement(3, second, third, box))
    for _ in range(2):
        follow(hospital, "V01", statements)
    assert newest_key(hospital.engine, "V01") == third.public
    assert [key.raw for key in origins(hospital.engine)["V01"].keys] == [
        each.public.raw for each in (third, second, first)
    ]
    assert box_key(hospital, "V01").raw == box.public.raw
    clinic.box.keys = third
    assert clinic.send(records[0]).verdict is Verdict.APPLIED
    assert deliver(hospital, "V01", old).verdict is Verdict.APPLIED
    clinic.box.keys = OriginKeys.generate()
    assert clinic.send(records[2]).reason == "origin-signature"


def test_a_forged_or_revoked_vehicles_statement_changes_nothing(clinic: Clinic) -> None:
    hospital, stranger, box = clinic.hospital, OriginKeys.generate(), RecipientPrivate.generate()
    with pytest.raises(PeerRefused):
        follow(hospital, "V01", (own_statement(2, stranger, stranger, box),))
    hospital.log.revoke("V01", hospital.now(), "stolen")
    with pytest.raises(AccessError, match="revoked"):
        follow(hospital, "V01", (own_statement(2, clinic.box.keys, stranger, box),))
    assert newest_key(hospital.engine, "V01") == clinic.box.keys.public


def test_another_box_begins_its_own_count(clinic: Clinic) -> None:
    hospital, second, box = clinic.hospital, OriginKeys.generate(), RecipientPrivate.generate()
    follow(hospital, "V01", (own_statement(2, clinic.box.keys, second, box),))
    old, new = clinic.box, Box("V01")
    enrol(hospital, new.request(), replace=True)
    assert [key.raw for key in origins(hospital.engine)["V01"].keys] == [new.keys.public.raw]
    sealed = old.seal(a_visit().records(old)[1], clinic.recipient)
    assert deliver(hospital, "V01", sealed).reason == "origin-signature"
    fresh = OriginKeys.generate()
    follow(hospital, "V01", (own_statement(2, new.keys, fresh, box),))
    assert newest_key(hospital.engine, "V01") == fresh.public


def test_the_commands_rotate_list_and_restore(clinic: Clinic, tmp_path: Path) -> None:
    directory, run = str(clinic.hospital.folder.root), CliRunner().invoke
    said = f"{PASSPHRASE}\n"
    listed = run(app, ["keys", "list", directory])
    assert "NO ESCROW COPY" in listed.stdout
    done = run(
        app, ["keys", "rotate", directory, "--escrow", str(tmp_path / "a.json"), "--passphrase-stdin"], input=said
    )
    assert done.exit_code == 0, done.output
    done = run(app, ["keys", "escrow", directory, "--out", str(tmp_path / "b.json"), "--passphrase-stdin"], input=said)
    assert done.exit_code == 0, done.output
    listed = run(app, ["keys", "list", directory, "--json"])
    assert '"number":2' in listed.stdout
    assert "null" not in listed.stdout
    key_path(clinic.hospital.folder).unlink()
    done = run(app, ["keys", "restore", directory, str(tmp_path / "b.json"), "--passphrase-stdin"], input=said)
    assert done.exit_code == 0, done.output
    assert '"number":2' in run(app, ["keys", "list", directory, "--json"]).stdout
