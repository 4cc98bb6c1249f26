"""The doctor looks at the box's certificate: name, key, chain and end, each with what to do."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from clinic_records.clock import SystemClock
from clinic_records.errors import ConfigError
from cloud_hospital.authority.authority import Authority
from cloud_hospital.hospital import Hospital, init_hospital, open_hospital
from cloud_hospital.settings import HospitalSettings
from cloud_hospital.vehicles import enrol
from commands import vehicle as command
from sync.certificates import key_to_pem, new_key
from sync.enrolment import decode_request
from vehicle_agent.certificates import HINTS, look_at_certificates
from vehicle_agent.doctor import Finding, examine
from vehicle_agent.setup import request_enrolment
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned, pin_hospital
from vehicle_agent.store.spool import Spool
from vehicle_agent.store.tls import TlsFiles

NOW = datetime.now(UTC)
"""The certificates of the test begin and end by the real clock."""


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    init_hospital(tmp_path / "H", HospitalSettings(web_port=0, broker_port=0))
    with open_hospital(tmp_path / "H") as opened:
        yield opened


def a_vehicle(root: Path, hospital: Hospital, name: str = "V01") -> VehicleFolder:
    """Enrolled; its vault is not made, which the certificates do not need."""
    folder = VehicleFolder(root)
    granted = enrol(hospital, decode_request(request_enrolment(root, name).read_bytes()))
    pin_hospital(folder.hospital, granted)
    TlsFiles(folder.tls).keep(granted)
    return folder


def certificates(root: Path) -> Finding:
    (found,) = [each for each in examine(root) if each.what == "certificates"]
    return found


def test_a_good_one_tells_its_end(tmp_path: Path, hospital: Hospital) -> None:
    folder = a_vehicle(tmp_path / "V01", hospital)
    found = certificates(folder.root)
    assert found.is_well
    assert found.detail.startswith("good until ")


def other_name(folder: VehicleFolder, other: VehicleFolder) -> None:
    shutil.copytree(other.tls, folder.tls, dirs_exist_ok=True)


def other_key(folder: VehicleFolder, _other: VehicleFolder) -> None:
    (folder.tls / "own.key").write_bytes(key_to_pem(new_key()))


def no_issuer(folder: VehicleFolder, _other: VehicleFolder) -> None:
    path = folder.tls / "own.pem"
    path.write_bytes(path.read_bytes().partition(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n")


def strange_root(folder: VehicleFolder, other: VehicleFolder) -> None:
    strange = Authority.create(other.root / "authority", "H2", NOW)
    shutil.copy(strange.root, folder.tls / "authority.pem")


def gone(name: str) -> Callable[[VehicleFolder, VehicleFolder], None]:
    return lambda folder, _other: (folder.tls / name).unlink()


def rubbish(folder: VehicleFolder, _other: VehicleFolder) -> None:
    (folder.tls / "own.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nx")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (other_name, "name"),
        (other_key, "key"),
        (no_issuer, "chain"),
        (strange_root, "chain"),
        (gone("own.pem"), "missing"),
        (gone("own.key"), "missing"),
        (gone("authority.pem"), "missing"),
        (rubbish, "missing"),
    ],
    ids=["another name", "another key", "no issuer", "strange root", "no certificate", "no key", "no root", "rubbish"],
)
def test_what_a_broker_would_refuse_is_named(
    tmp_path: Path, hospital: Hospital, spoil: Callable[[VehicleFolder, VehicleFolder], None], code: str
) -> None:
    folder = a_vehicle(tmp_path / "V01", hospital)
    other = a_vehicle(tmp_path / "V02", hospital, "V02")
    spoil(folder, other)
    with pytest.raises(ConfigError) as caught:
        look_at_certificates(TlsFiles(folder.tls).identity, load_pinned(folder.hospital), NOW)
    assert caught.value.hint == HINTS[code]


def test_its_end_is_judged_by_the_hospitals_time_where_the_clock_is_behind(tmp_path: Path, hospital: Hospital) -> None:
    folder = a_vehicle(tmp_path / "V01", hospital)
    pinned, files = load_pinned(folder.hospital), TlsFiles(folder.tls)
    certificate = files.certificate
    assert certificate is not None
    end = certificate.not_valid_after_utc
    assert look_at_certificates(files.identity, pinned, datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="ended"):
        look_at_certificates(files.identity, pinned, end + timedelta(seconds=1))
    spool = Spool(folder.spool, keys=DeviceKeys.load(folder.device_key), hospital=pinned, clock=SystemClock())
    later = msgspec.structs.replace(spool.session.load(), peer_time=end + timedelta(days=1))
    spool.session.save(later)
    spool.close()
    assert "ended" in certificates(folder.root).detail
    told = CliRunner().invoke(command.app, ["doctor", str(folder.root)]).stdout
    assert HINTS["ended"].zh in told
