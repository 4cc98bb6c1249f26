"""Keys, abilities and incarnations at the vehicle: what the spool remembers and the sealer obeys."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from clinic_records.errors import ConfigError
from commands.vehicle import app
from sync.abilities import OURS
from sync.enrolment import decode_request, encode
from sync.keys import OriginKeys, RecipientPrivate
from sync.seal import peek, seal
from sync.statements import KeyChain, KeyStatement, state_keys
from tests.unit.store.conftest import NOW, Box
from vehicle_agent.stopped import rejoin, rotate_keys, stopped
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import pin_hospital
from vehicle_agent.store.vault import create_vault


def rotated(box: Box, number: int, former: OriginKeys) -> tuple[OriginKeys, RecipientPrivate, bytes]:
    sign, private = OriginKeys.generate(), RecipientPrivate.generate()
    said = KeyStatement("H1", number, sign.public.raw, private.public.raw, 0)
    return sign, private, state_keys(said, former=former, fresh=sign)


def learn(box: Box, *statements: bytes) -> None:
    state = box.spool.session.load()
    box.spool.session.save(msgspec.structs.replace(state, peer_keys=statements))


def test_what_is_recorded_after_the_hospitals_rotation_is_sealed_to_its_new_key(box: Box) -> None:
    box.sealer()
    box.put("one")
    _, private, statement = rotated(box, 2, box.hospital.sign)
    learn(box, statement)
    box.put("two")
    wires = [box.spool.up.read(wire, 0, 100_000) for wire in box.wires()]
    assert [peek(wire).outer.key_id for wire in wires] == [box.hospital.private.key_id, private.key_id]
    box.restart()
    assert box.spool.hospital_keys.boxes[0] == private.public


def test_the_way_down_is_believed_under_every_key_of_the_chain(box: Box) -> None:
    sign, _, statement = rotated(box, 2, box.hospital.sign)
    record = box.put("one")
    for keys in (box.hospital.sign, sign):
        wire = seal(record, keys=keys, recipient=box.keys.box.public, created_ms=0)
        assert wire.data is not None
        learn(box, statement)
        box.spool.down.write(wire.wire_sha256, wire.size, wire.lane, 0, wire.data)
        receipt = box.spool.down.accept(wire.wire_sha256)
        assert receipt.reason.startswith("not-understood"), "opened, and no kind for a vehicle"
    stranger = seal(record, keys=OriginKeys.generate(), recipient=box.keys.box.public, created_ms=0)
    assert stranger.data is not None
    box.spool.down.write(stranger.wire_sha256, stranger.size, stranger.lane, 0, stranger.data)
    assert box.spool.down.accept(stranger.wire_sha256).verdict == "refused"


@pytest.mark.parametrize(("codecs", "is_smaller"), [(OURS.codecs, True), (("raw",), False)])
def test_only_codecs_that_the_hospital_announced_are_used(
    box: Box, codecs: tuple[str, ...], *, is_smaller: bool
) -> None:
    state = box.spool.session.load()
    peer = msgspec.structs.replace(OURS, codecs=codecs)
    box.spool.session.save(msgspec.structs.replace(state, peer=peer))
    box.sealer()
    payload = b'{"status":"' + b"arrived " * 4000 + b'"}'
    box.put("one", payload=payload)
    (wire,) = box.wires()
    assert (len(box.spool.up.read(wire, 0, 100_000)) < len(payload)) is is_smaller


def test_a_new_enrolment_begins_the_session_anew(box: Box) -> None:
    _, _, statement = rotated(box, 2, box.hospital.sign)
    state = box.spool.session.load()
    told = msgspec.structs.replace(state, token="9.x", epoch="e1", highest_receipt_seq=7, peer_keys=(statement,))
    box.spool.session.save(told)
    box.restart()
    assert box.spool.session.load().token == "9.x"
    box.enrolment = box.hospital.enrol(box.keys, incarnation=2, session_token="0.second")
    box.restart()
    state = box.spool.session.load()
    assert (state.token, state.incarnation, state.peer_keys) == ("0.second", 2, ())
    assert (state.epoch, state.highest_receipt_seq) == ("e1", 7), "the hospital may have forgotten more than the box"
    box.restart()
    assert box.spool.session.load() == state


def test_a_restored_box_counts_in_a_stream_nobody_had(box: Box) -> None:
    box.sealer()
    box.put("one")
    box.put("two")
    first = box.spool.session.ask_to_rejoin(NOW)
    assert (first.closed_seq, box.spool.session.load()) == (2, first)
    second = box.spool.session.ask_to_rejoin(NOW)
    assert second.incarnation > first.incarnation
    assert second.rejoin != first.rejoin
    early = box.spool.session.ask_to_rejoin(datetime(1970, 1, 1, tzinfo=UTC))
    assert early.incarnation > second.incarnation, "a clock at 1970 goes no way back"
    last = box.spool.session.ask_to_rejoin(datetime(2083, 1, 1, tzinfo=UTC))
    assert last.incarnation < 2**31
    box.store.adopt_incarnation(last.incarnation)
    record = box.put("three")
    assert (record.origin.incarnation, record.origin.seq) == (last.incarnation, 1)
    box.restart()
    assert box.put("four").origin.seq == 2


def test_rotated_keys_of_the_box_follow_from_its_old_ones(box: Box) -> None:
    old, path = box.keys, box.folder.device_key
    second = old.rotated(path, "V01", NOW)
    third = DeviceKeys.load(path).rotated(path, "V01", NOW)
    keys = DeviceKeys.load(path)
    assert keys.sign.public == third.sign.public
    assert keys.device_secret == old.device_secret
    chain = KeyChain("V01", 1, (old.sign.public,)).extended(keys.statements)
    assert (chain.number, chain.newest, chain.boxes[0]) == (3, keys.sign.public, keys.box.public)
    assert set(keys.recipients) == {old.box.key_id, second.box.key_id, third.box.key_id}
    assert decode_request(encode(keys.request("V01"))).key_number == 3


def a_vehicle(tmp_path: Path, box: Box) -> Path:
    """A folder as `clinic vehicle init` leaves it."""
    root = tmp_path / "vehicle"
    folder = VehicleFolder(root)
    create_vault(folder, box.data_key, vehicle="V01")
    folder.settings.write_text('vehicle = "V01"\n', encoding="utf-8")
    DeviceKeys.create(folder.device_key)
    pin_hospital(folder.hospital, box.hospital.enrol(DeviceKeys.load(folder.device_key)))
    return root


def test_an_operator_rotates_and_rejoins_with_the_agent_stopped_only(tmp_path: Path, box: Box) -> None:
    root = a_vehicle(tmp_path, box)
    with stopped(VehicleFolder(root)):
        for act in (rotate_keys, rejoin):
            with pytest.raises(ConfigError, match="running"):
                act(root)
    for name, said in (("rotate-keys", "key pair 2"), ("rejoin", "asked to grant")):
        done = CliRunner().invoke(app, [name, str(root)])
        assert (done.exit_code, said in done.stdout) == (0, True), done.output
