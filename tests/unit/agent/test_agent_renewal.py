"""The box's own part in its certificate: what it keeps, when it asks for the next one, whom it believes."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from clinic_records.clock import SystemClock, to_ms
from clinic_records.errors import ConfigError, Offline, PeerRefused, RefusedInput
from cloud_hospital.authority.authority import Authority
from sync.certificates import public_of
from sync.enrolment import Enrolment
from sync.keys import AnyOf, OriginKeys
from sync.renewal import MESSAGE_LIMIT, RenewalRequest, Renewed, read_request, sign_renewal
from vehicle_agent.services.renewal import Renewal
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.tls import TlsFiles, vehicle_broker

NOW = datetime.now(UTC)
MONTH = timedelta(days=30)
Answer = Callable[[RenewalRequest], tuple[int, bytes]]


class World:
    """A box, its hospital's keys and authority, and a server that answers as it is told."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.create(folder / "authority", "H01", NOW - timedelta(days=100))
        self.hospital = OriginKeys.generate()
        self.files = TlsFiles.create(folder / "tls")
        self.keys = DeviceKeys.create(folder / "device.key")
        self.clock = SystemClock()
        self.answer: Answer = lambda asked: (200, msgspec.json.encode(self.renewed(asked)))
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, said = world.answer(read_request(body))
                self.send_response(code)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.granted = Enrolment(
            "V01", self.keys.sign.public.raw, "H01", "医院", self.hospital.public.raw, b"", "", "127.0.0.1", 1883,
            "V01", "", 1, "0.x", authority=self.authority.root.read_text(), certificate=self.chain(NOW),
            renewal_url=f"http://127.0.0.1:{self.server.server_port}/api/v1/renewal", granted_ms=to_ms(NOW),
        )  # fmt: skip
        self.files.keep(self.granted)

    def chain(self, at: datetime) -> str:
        public = public_of(self.files.request("V01"), "V01")
        return self.authority.issue("V01", public, at, MONTH).decode()

    def renewed(self, asked: RenewalRequest, by: OriginKeys | None = None) -> Renewed:
        answer = Renewed("V01", asked.nonce, self.chain(NOW), to_ms(NOW) + 3_600_000)
        return sign_renewal(answer, by or self.hospital)

    def renewal(self, url: str = "", *, is_refused: bool = False) -> Renewal:
        return Renewal(
            keys=self.keys,
            files=self.files,
            hospital=msgspec.structs.replace(self.granted, renewal_url=url or self.granted.renewal_url),
            believed=lambda: AnyOf((self.hospital.public,)),
            clock=self.clock,
            is_refused=lambda: is_refused,
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


def test_it_asks_after_a_third_of_the_life_or_when_refused(world: World) -> None:
    assert not world.renewal().is_due
    assert world.renewal(is_refused=True).is_due
    world.files.renew(world.chain(NOW - timedelta(days=9)))
    assert not world.renewal().is_due
    world.files.renew(world.chain(NOW - timedelta(days=11)))
    assert world.renewal().is_due


def test_a_box_without_a_certificate_never_asks(world: World, tmp_path: Path) -> None:
    world.files = TlsFiles.create(tmp_path / "plain")
    plain = msgspec.structs.replace(world.granted, authority="", certificate="")
    world.files.keep(plain)
    assert not world.renewal(is_refused=True).is_due
    assert vehicle_broker(plain, world.files, lambda: NOW).tls is None


def test_the_next_certificate_is_kept_and_the_time_believed(world: World) -> None:
    world.files.renew(world.chain(NOW - timedelta(days=50)))
    before = world.files.identity.certificate.read_bytes()
    world.renewal().renew()
    assert world.files.identity.certificate.read_bytes() != before
    assert not world.renewal().is_due
    ahead = world.renewal(is_refused=True)
    ahead.renew()
    assert not ahead.is_due, "it rests, whatever the clock says"
    assert world.clock.floor is not None
    assert to_ms(world.clock.floor) == to_ms(NOW) + 3_600_000


def wrong_answers(world: World) -> dict[str, tuple[Answer, type[Exception]]]:
    def said(asked: RenewalRequest, **changes: object) -> bytes:
        signed = sign_renewal(msgspec.structs.replace(world.renewed(asked), **changes), world.hospital)
        return msgspec.json.encode(signed)

    others = World.chain(world, NOW).replace("\n", "\n ", 1)
    return {
        "another's": (lambda a: (200, msgspec.json.encode(world.renewed(a, OriginKeys.generate()))), PeerRefused),
        "an older one": (lambda a: (200, said(a, nonce="0" * 32)), RefusedInput),
        "another vehicle's": (lambda a: (200, said(a, vehicle="V02")), RefusedInput),
        "no certificate": (lambda a: (200, said(a, certificate="")), ConfigError),
        "a damaged one": (lambda a: (200, said(a, certificate=others[:40])), ConfigError),
        "of another key": (lambda a: (200, said(a, certificate=world.authority.root.read_text())), ConfigError),
        "a login page": (lambda _: (200, b"<html>portal</html>"), RefusedInput),
        "endless": (lambda _: (200, b" " * (MESSAGE_LIMIT + 10)), RefusedInput),
        "revoked": (lambda _: (401, b"{}"), PeerRefused),
        "being repaired": (lambda _: (503, b""), Offline),
    }


def test_nothing_else_replaces_the_certificate(world: World) -> None:
    before = world.files.identity.certificate.read_bytes()
    for what, (answer, error) in wrong_answers(world).items():
        world.answer = answer
        with pytest.raises(error):
            pytest.fail(f"{what}: {world.renewal().renew()}")  # type: ignore[func-returns-value]  # it must not return
        assert world.files.identity.certificate.read_bytes() == before, what
    assert world.clock.floor is None or to_ms(world.clock.floor) <= to_ms(NOW) + 3_600_000


def test_nobody_there_is_offline_and_a_wrong_address_is_named(world: World) -> None:
    with pytest.raises(Offline):
        world.renewal("http://127.0.0.1:9/").renew()
    with pytest.raises(ConfigError, match="renewal_url"):
        world.renewal("file:///etc/passwd").renew()


def test_a_certificate_of_another_box_is_not_kept(world: World, tmp_path: Path) -> None:
    other = TlsFiles.create(tmp_path / "other")
    with pytest.raises(ConfigError, match="not of this box's TLS key"):
        other.keep(world.granted)
    with pytest.raises(ConfigError, match="no TLS key"):
        TlsFiles(tmp_path / "nowhere").request("V01")
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "tls").iterdir()} == {0}
