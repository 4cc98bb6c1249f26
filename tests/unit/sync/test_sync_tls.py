"""TLS of one's own authority: what a request proves, and a client that does not believe its clock."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import AccessError, ConfigError, Offline, PeerRefused, RefusedInput
from cloud_hospital.authority.authority import SERVER, Authority
from sync.certificates import (
    REQUEST_LIMIT,
    fingerprint,
    key_from_pem,
    key_to_pem,
    leaf,
    new_key,
    public_of,
    renew_at,
    request_for,
    subject,
)
from sync.mqtt import Broker, MqttLink
from sync.tls import ClientTls, Identity, client_context

NOW = datetime.now(UTC)
CONNECT = b"\x10"


def test_a_request_names_its_key_and_is_the_same_when_repeated() -> None:
    key = new_key()
    assert fingerprint(public_of(request_for("V01", key), "V01")) == fingerprint(key.public_key())
    assert request_for("V01", key) == request_for("V01", key)
    assert fingerprint(key_from_pem(key_to_pem(key)).public_key()) == fingerprint(key.public_key())


def test_a_request_for_another_name_or_by_another_key_is_refused() -> None:
    made = request_for("V01", new_key())
    with pytest.raises(PeerRefused, match="not for V02"):
        public_of(made, "V02")
    other = request_for("V01", new_key())
    read = x509.load_der_x509_csr(made)
    forged = made.replace(read.signature, x509.load_der_x509_csr(other).signature)
    with pytest.raises((PeerRefused, RefusedInput)):
        public_of(forged, "V01")


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\0" * (REQUEST_LIMIT + 1), b"GET / HTTP/1.1"])
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedInput):
        public_of(data, "V01")


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())])
def test_another_kind_of_key_is_refused(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    made = x509.CertificateSigningRequestBuilder().subject_name(subject("V01")).sign(key, SHA256())
    with pytest.raises(RefusedInput, match="not a P-256 key"):
        public_of(made.public_bytes(Encoding.DER), "V01")


@given(place=st.integers(0, 400), value=st.integers(0, 255))
def test_a_changed_request_is_refused_or_the_same(place: int, value: int) -> None:
    made = request_for("V01", _KEY)
    changed = made[: place % len(made)] + bytes([value]) + made[place % len(made) + 1 :]
    try:
        public = public_of(changed, "V01")
    except (PeerRefused, RefusedInput):
        return
    assert fingerprint(public) == fingerprint(_KEY.public_key())


_KEY = new_key()


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_file_is_named_as_such(pem: bytes) -> None:
    with pytest.raises(ConfigError):
        key_from_pem(pem)
    with pytest.raises(ConfigError):
        leaf(pem)


def a_broker(folder: Path, made_at: datetime, *, hosts: tuple[str, ...] = ("127.0.0.1",)) -> tuple[Identity, Identity]:
    """A broker's identity and a client's, by an authority that was made, and made them, at that time."""
    authority = Authority.create(folder / "authority", "H01", made_at)
    own = authority.own(SERVER, made_at, hosts)
    key, client = new_key(), Identity(authority.root, folder / "v.pem", folder / "v.key")
    client.key.write_bytes(key_to_pem(key))
    client.certificate.write_bytes(authority.issue("V01", key.public_key(), made_at, timedelta(days=30)))
    return own, client


def greeted(server: Identity, tls: ClientTls) -> bytes:
    """What a broker with that identity reads first of our client; it takes any certificate and answers nothing."""
    first: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first.append(await reader.read(2))
        writer.close()

    async def play() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate, server.key)
        listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        try:
            await MqttLink(Broker("127.0.0.1", port, "V01", "", "V01", tls)).connect(("clinic/v1/V01/down/#",), None)
        except Offline:
            pass  # it closes without a CONNACK
        finally:
            listening.close()
            await listening.wait_closed()

    asyncio.run(play())
    return first[0]


@pytest.mark.parametrize("years", [-60, -20, 0, 20])
def test_a_lying_clock_does_not_keep_a_box_out(tmp_path: Path, years: int) -> None:
    """All was made `years` from this machine's now, which is what a box sees whose clock is wrong by as much."""
    made_at = NOW + timedelta(days=365 * years)
    server, client = a_broker(tmp_path, made_at)
    assert greeted(server, ClientTls(client, lambda: made_at))[:1] == CONNECT
    assert greeted(server, ClientTls(client, lambda: made_at - timedelta(days=400)))[:1] == CONNECT


def test_a_broker_whose_time_is_known_to_be_over_is_refused(tmp_path: Path) -> None:
    server, client = a_broker(tmp_path, NOW)
    with pytest.raises(AccessError, match="certificate ended"):
        greeted(server, ClientTls(client, lambda: NOW + timedelta(days=366)))


def test_a_stranger_with_the_brokers_address_is_refused(tmp_path: Path) -> None:
    server, client = a_broker(tmp_path, NOW)
    (tmp_path / "other").mkdir()
    others, _ = a_broker(tmp_path / "other", NOW)
    elsewhere = Authority(tmp_path / "authority").own(SERVER, NOW, ["broker.example"])
    tls = ClientTls(client, lambda: NOW)
    for impostor in (others, client):  # another authority's; a vehicle that plays the broker
        with pytest.raises(AccessError, match="not our hospital's"):
            greeted(impostor, tls)
    assert elsewhere == server, "one file, made again for another host"
    with pytest.raises(AccessError, match="IP address mismatch"):
        greeted(elsewhere, tls)


@pytest.mark.parametrize("missing", ["key", "certificate", "authority"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    _, client = a_broker(tmp_path, NOW)
    getattr(client, missing).unlink()
    with pytest.raises(ConfigError, match=r"v\.pem"):
        client_context(ClientTls(client, lambda: NOW))


def test_renewal_is_due_after_a_third_of_a_life(tmp_path: Path) -> None:
    _, client = a_broker(tmp_path, NOW)
    due = renew_at(leaf(client.certificate.read_bytes()))
    assert timedelta(days=9) < due - NOW < timedelta(days=11)
