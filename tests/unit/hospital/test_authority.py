"""The authority: what it issues, what it makes void, and who gets the next certificate."""

import errno
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from os import pwrite
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from clinic_records.errors import AccessError, ConfigError, PeerRefused, RefusedInput
from cloud_hospital.api.app import create_app
from cloud_hospital.authority.authority import SERVER, Authority
from cloud_hospital.broker.files import WRITERS, server_identity
from cloud_hospital.broker.follow import BrokerFollower
from cloud_hospital.broker.group import shared_group
from cloud_hospital.broker.identity import hospital_broker
from cloud_hospital.broker.users import broker_password, broker_users, forget_user
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.premises import Premises
from cloud_hospital.renewal import renewed
from cloud_hospital.settings import BrokerKind, HospitalSettings
from cloud_hospital.vehicles import enrol, revoke
from commands.app import app as command
from sync.certificates import TlsKey, fingerprint, leaf, new_key, request_for
from sync.enrolment import Enrolment
from sync.keys import OriginKeys
from sync.relay_config import RelayConfig
from sync.renewal import MESSAGE_LIMIT, RenewalRequest, Renewed, believe, read_renewed, sign_renewal
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Box

MONTH = timedelta(days=30)


@pytest.fixture
def authority(hospital: Hospital) -> Authority:
    return hospital.premises.authority


def public_of(chain: bytes | str) -> EllipticCurvePublicKey:
    public = leaf(chain.encode() if isinstance(chain, str) else chain).public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    return public


def void_serials(authority: Authority) -> set[int]:
    crl = x509.load_pem_x509_crl(authority.crl.read_bytes())
    issuing = x509.load_pem_x509_certificates((authority.crl.parent / "issuing.pem").read_bytes())[0]
    public = issuing.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    assert crl.is_signature_valid(public)
    return {each.serial_number for each in crl}


def test_a_vehicles_certificate_is_for_clients_and_ends_when_said(hospital: Hospital, authority: Authority) -> None:
    key = new_key()
    chain = authority.issue("V01", key.public_key(), hospital.now(), MONTH)
    own, issuing = x509.load_pem_x509_certificates(chain)
    root = leaf(authority.root.read_bytes())
    own.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    use = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert own.subject.rfc4514_string() == "CN=V01"
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert abs(own.not_valid_after_utc - hospital.now() - MONTH) < timedelta(minutes=1)


def test_no_certificate_outlives_its_issuer(hospital: Hospital, authority: Authority) -> None:
    late = hospital.now() + timedelta(days=10 * 365 - 10)
    own, issuing = x509.load_pem_x509_certificates(authority.issue("V01", new_key().public_key(), late, MONTH))
    assert own.not_valid_after_utc == issuing.not_valid_after_utc


def test_own_certificates_are_renewed_when_due_or_when_the_broker_gets_another_name(
    hospital: Hospital, authority: Authority
) -> None:
    now, hosts = hospital.now(), ["127.0.0.1", "broker.example"]
    first = authority.own(SERVER, now, hosts).certificate.read_bytes()
    assert authority.own(SERVER, now + timedelta(days=100), hosts).certificate.read_bytes() == first
    second = authority.own(SERVER, now + timedelta(days=130), hosts).certificate.read_bytes()
    assert second != first
    assert fingerprint(public_of(second)) == fingerprint(public_of(first))
    assert authority.own(SERVER, now + timedelta(days=131), [*hosts, "b2.example"]).certificate.read_bytes() != second
    authority.own("hospital-1", now)
    assert authority.own_names() == ["hospital-1"]


def test_what_is_void_stands_in_the_list_until_it_ends(hospital: Hospital, authority: Authority) -> None:
    now, kept, lost = hospital.now(), new_key(), new_key()
    chains = [authority.issue("V01", each.public_key(), now, MONTH) for each in (kept, lost)]
    other = authority.issue("V02", new_key().public_key(), now, MONTH)
    assert void_serials(authority) == set()
    assert authority.void("V01", now, "another box", keep=fingerprint(kept.public_key())) == 1
    assert void_serials(authority) == {leaf(chains[1]).serial_number}
    assert authority.is_known("V01", fingerprint(kept.public_key()))
    assert not authority.is_known("V01", fingerprint(lost.public_key()))
    assert not authority.is_known("V02", fingerprint(kept.public_key()))
    assert (authority.void("V01", now, "stolen"), authority.void("V01", now, "stolen")) == (1, 0)
    assert leaf(other).serial_number not in void_serials(authority)
    authority.write_crl(now + MONTH + timedelta(days=1))
    assert void_serials(authority) == set()


def test_an_authority_is_never_replaced_and_names_what_is_missing(hospital: Hospital, authority: Authority) -> None:
    with pytest.raises(ConfigError, match="never overwritten"):
        Authority.create(hospital.folder.authority, "H01", hospital.now())
    (hospital.folder.authority / "root.key").unlink()  # taken off the machine
    authority.issue("V01", new_key().public_key(), hospital.now(), MONTH)
    (hospital.folder.authority / "issuing.key").unlink()
    with pytest.raises(ConfigError, match=r"issuing\.key.*escrow"):
        authority.issue("V01", new_key().public_key(), hospital.now(), MONTH)
    authority.ledger.path.write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="restore this file"):
        authority.ledger.voided()


def test_keys_are_for_their_owner_only(hospital: Hospital, authority: Authority) -> None:
    hospital_broker(hospital)
    server_identity(hospital.premises)
    assert {path.stat().st_mode & 0o077 for path in hospital.folder.authority.rglob("*")} == {0}


@pytest.mark.parametrize("user", ["V01", "hospitals", "hospital-", "hospital-../x", "broker", ""])
def test_the_hospitals_users_have_its_name(hospital: Hospital, user: str) -> None:
    with pytest.raises(ConfigError):
        hospital_broker(hospital, user)


# --- enrolment, renewal, revocation ---------------------------------------------------------------------------------


class TlsBox(Box):
    """A box with a TLS key as well."""

    def __init__(self, vehicle: str = "V01") -> None:
        super().__init__(vehicle)
        self.tls: TlsKey = new_key()

    def enrolled(self, hospital: Hospital, *, replace: bool = False) -> Enrolment:
        return enrol(hospital, self.request(request_for(self.vehicle, self.tls)), replace=replace)

    def renewal(self, **changes: object) -> RenewalRequest:
        asked = RenewalRequest(self.vehicle, request_for(self.vehicle, self.tls), "0" * 32)
        return sign_renewal(msgspec.structs.replace(asked, **changes), self.keys)


def test_enrolment_grants_a_certificate_and_no_password(hospital: Hospital) -> None:
    box = TlsBox()
    granted = box.enrolled(hospital)
    assert (granted.password, broker_users(hospital.folder)) == ("", {})
    assert fingerprint(public_of(granted.certificate)) == fingerprint(box.tls.public_key())
    assert granted.authority.encode() == hospital.premises.authority.root.read_bytes()
    assert granted.renewal_url.startswith("http://127.0.0.1:")
    with pytest.raises(PeerRefused):
        enrol(hospital, Box("V02").request(request_for("V01", box.tls)))


def test_a_new_box_makes_the_old_ones_certificate_void(hospital: Hospital) -> None:
    old, new = TlsBox(), TlsBox()
    lost = old.enrolled(hospital)
    kept = new.enrolled(hospital, replace=True)
    assert void_serials(hospital.premises.authority) == {leaf(lost.certificate.encode()).serial_number}
    assert leaf(kept.certificate.encode()).serial_number not in void_serials(hospital.premises.authority)


def test_an_ended_certificate_is_renewed_by_proof_of_key(hospital: Hospital) -> None:
    box = TlsBox()
    box.enrolled(hospital)
    asked = box.renewal()
    answer = renewed(hospital, msgspec.json.encode(asked))
    read = read_renewed(msgspec.json.encode(answer), asked, hospital.keys.sign.public)
    assert fingerprint(public_of(read.certificate)) == fingerprint(box.tls.public_key())
    with pytest.raises(RefusedInput, match="another request"):
        read_renewed(msgspec.json.encode(answer), box.renewal(nonce="1" * 32), hospital.keys.sign.public)
    with pytest.raises(PeerRefused):
        read_renewed(msgspec.json.encode(answer), asked, OriginKeys.generate().public)
    longer = msgspec.structs.replace(answer, time_ms=answer.time_ms + 1)
    with pytest.raises(PeerRefused):
        read_renewed(msgspec.json.encode(longer), asked, hospital.keys.sign.public)


def test_nobody_else_gets_the_next_certificate(hospital: Hospital) -> None:
    box, thief = TlsBox(), TlsBox()
    box.enrolled(hospital)
    TlsBox("V02").enrolled(hospital)
    stolen_tls = TlsBox()
    stolen_tls.tls = box.tls
    strange_tls = TlsBox()
    strange_tls.keys = box.keys
    refused = {
        "another box": thief.renewal(),
        "the TLS key without the box's own": stolen_tls.renewal(),
        "the box's own with a new TLS key": strange_tls.renewal(),
        "another vehicle's name": box.renewal(vehicle="V02"),
        "nobody": TlsBox("V77").renewal(),
        "a request changed on its way": msgspec.structs.replace(box.renewal(), nonce="2" * 32),
    }
    for what, asked in refused.items():
        with pytest.raises((AccessError, PeerRefused)):
            pytest.fail(f"{what}: {renewed(hospital, msgspec.json.encode(asked))}")
    revoke(hospital, "V01", "stolen")
    with pytest.raises(AccessError):
        renewed(hospital, msgspec.json.encode(box.renewal()))


def test_neither_message_passes_for_the_other(hospital: Hospital) -> None:
    asked = TlsBox().renewal()
    answer = sign_renewal(Renewed("V01", "0" * 32, "", 0), hospital.keys.sign)
    with pytest.raises(PeerRefused):
        believe(msgspec.structs.replace(answer, signature=asked.signature), TlsBox().keys.public)
    for wrong in (b"", b"{}", b"\xff", b"[]", b" " * (MESSAGE_LIMIT + 1), msgspec.json.encode(answer)):
        with pytest.raises(RefusedInput):
            renewed(hospital, wrong)


def test_renewal_is_answered_over_http(hospital: Hospital) -> None:
    box, browser = TlsBox(), Caller(create_app(hospital))
    box.enrolled(hospital)

    def post(body: bytes) -> httpx.Response:
        return browser.post("/api/v1/renewal", content=body)

    answer = post(msgspec.json.encode(box.renewal()))
    assert answer.status_code == 200
    read_renewed(answer.content, box.renewal(), hospital.keys.sign.public)
    assert post(msgspec.json.encode(TlsBox().renewal())).status_code == 403
    assert post(b"{}").status_code == 422
    assert post(b"x" * 100_000).status_code == 422


def test_revocation_takes_certificate_password_and_the_groups_name(hospital: Hospital) -> None:
    box = TlsBox()
    granted = box.enrolled(hospital)
    broker_password(hospital.folder, "V01")
    group = shared_group(hospital.folder)
    assert shared_group(hospital.folder) == group
    assert len(group) == 32
    revoke(hospital, "V01", "stolen")
    assert void_serials(hospital.premises.authority) == {leaf(granted.certificate.encode()).serial_number}
    assert broker_users(hospital.folder) == {}
    assert shared_group(hospital.folder) != group


def test_without_tls_there_are_passwords(tmp_path: Path) -> None:
    settings = HospitalSettings(web_port=0, broker_port=0, broker_tls=False)
    init_hospital(tmp_path / "hospital", settings)
    with open_hospital(tmp_path / "hospital") as hospital:
        granted = TlsBox().enrolled(hospital)
        assert (granted.certificate, granted.authority) == ("", "")
        WRITERS[BrokerKind.EMBEDDED](hospital.premises)
        said = RelayConfig.load(hospital.folder.run / "relay.json")
        assert said.users["V01"] == granted.password != ""
        assert said.tls is None
        assert hospital_broker(hospital).tls is None
        revoke(hospital, "V01", "stolen")
        assert json.loads((hospital.folder.keys / "broker-users.json").read_text()).keys() == {"hospital"}


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_operator_sees_every_certificate_and_gets_files_for_another_broker(
    hospital: Hospital, tmp_path: Path
) -> None:
    TlsBox().enrolled(hospital)
    TlsBox("V02").enrolled(hospital)
    hospital_broker(hospital, "hospital-urgent")
    revoke(hospital, "V01", "stolen")
    run, folder = CliRunner(), str(hospital.folder.root)
    said = run.invoke(command, ["hospital", "certificates", folder]).output.splitlines()
    assert [line.split()[0:5:4] for line in said] == [["V01", "void"], ["V02", "good"], ["hospital-urgent", "good"]]
    only = json.loads(run.invoke(command, ["hospital", "certificates", folder, "V01", "--json"]).output)
    assert [each["state"] for each in only] == ["void"]
    out = tmp_path / "broker"
    assert run.invoke(command, ["hospital", "broker-files", folder, "--out", str(out)]).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "acl",
        "authority.pem",
        "broker.key",
        "broker.pem",
        "crl.pem",
    ]
    assert "user hospital-urgent\ntopic write clinic/v1/#" in (out / "acl").read_text()
    assert {path.stat().st_mode & 0o077 for path in out.iterdir()} == {0}


def test_a_line_cut_off_by_a_power_cut_is_no_line_and_spoils_none(hospital: Hospital, authority: Authority) -> None:
    key, log, epoch = new_key(), hospital.folder.epoch_log, hospital.log.current()
    authority.issue("V01", key.public_key(), hospital.now(), MONTH)
    for path in (authority.ledger.path, log):
        path.write_bytes(path.read_bytes() + b'{"type":"revo')
    assert (hospital.log.current(), len(authority.ledger.issued())) == (epoch, 1)
    hospital.log.revoke("V07", hospital.now(), "stolen")
    authority.void("V01", hospital.now(), "stolen")
    assert hospital.log.revoked() == {"V07"}
    assert len(authority.ledger.voided()) == 1


def test_a_full_disk_in_mid_line_costs_that_line_only(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sync.durable.os.pwrite", full_disk_after(5))
        with pytest.raises(OSError, match="No space"):
            hospital.log.revoke("V07", hospital.now(), "stolen")
    hospital.log.revoke("V08", hospital.now(), "stolen")
    assert hospital.log.revoked() == {"V08"}


def full_disk_after(count: int) -> Callable[[int, bytes, int], int]:
    room = [count]

    def write(handle: int, data: bytes, at: int) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] = 0
        return pwrite(handle, bytes(data[:count]), at)

    return write


def test_revoking_again_finishes_what_a_crash_left_undone(
    hospital: Hospital, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = TlsBox().enrolled(hospital)
    broker_password(hospital.folder, "V01")
    with monkeypatch.context() as patch:
        patch.setattr(Authority, "write_crl", _crash)
        with pytest.raises(KeyboardInterrupt):
            revoke(hospital, "V01", "stolen")
    assert (void_serials(authority), set(broker_users(hospital.folder))) == (set(), {"V01"})
    with pytest.raises(AccessError, match="revoked"):
        revoke(hospital, "V01", "stolen")
    assert void_serials(authority) == {leaf(granted.certificate.encode()).serial_number}
    assert broker_users(hospital.folder) == {}


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_users_who_come_and_go_at_once_all_count(hospital: Hospital) -> None:
    folder, names = hospital.folder, [f"V{n:02}" for n in range(12)]
    for name in names[:6]:
        broker_password(folder, name)
    with ThreadPoolExecutor(12) as pool:
        gone = [pool.submit(forget_user, folder, name) for name in names[:6]]
        come = [pool.submit(broker_password, folder, name) for name in names[6:]]
    assert [each.exception() for each in gone + come] == [None] * 12
    assert sorted(broker_users(folder)) == names[6:]


def test_who_comes_while_the_brokers_files_are_written_is_not_missed(tmp_path: Path) -> None:
    settings = HospitalSettings(web_port=0, broker_port=0, broker_tls=False)
    init_hospital(tmp_path / "hospital", settings)
    with open_hospital(tmp_path / "hospital") as hospital:
        premises, folder = hospital.premises, hospital.folder
        follower = BrokerFollower(premises, lambda _text: None)
        write = WRITERS[BrokerKind.EMBEDDED]

        def write_and_enrol(of: Premises) -> list[str]:
            command = write(of)
            broker_password(folder, "V02")
            return command

        follower._write = write_and_enrol
        broker_password(folder, "V01")
        follower.look({})
        follower._write = write
        follower.look({})
        assert set(RelayConfig.load(folder.run / "relay.json").users) == {"hospital", "V01", "V02"}
