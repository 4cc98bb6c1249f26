"""The box's keys, its enrolment, and the one hospital it believes."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import ConfigError, PeerRefused, RefusedInput, StoreError
from sync.enrolment import decode_enrolment, decode_request, encode, sign
from sync.keys import OriginKeys
from tests.unit.store.conftest import Hospital
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.pinning import load_pinned, pin_hospital


@pytest.fixture
def keys(tmp_path: Path) -> DeviceKeys:
    return DeviceKeys.create(tmp_path / "device.key")


def test_keys_are_made_once_for_the_owner_alone(keys: DeviceKeys, tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    assert path.stat().st_mode & 0o777 == 0o600
    again = DeviceKeys.load(path)
    assert again.sign.public == keys.sign.public
    assert again.box.public == keys.box.public
    assert again.device_secret == keys.device_secret
    with pytest.raises(StoreError, match="already"):
        DeviceKeys.create(path)
    assert [each.name for each in tmp_path.iterdir()] == ["device.key"]
    assert repr(keys.device_secret) not in repr(keys)


def test_keys_that_others_can_read_or_nobody_can_are_refused(keys: DeviceKeys, tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        DeviceKeys.load(path)
    path.chmod(0o600)
    path.write_bytes(b'{"sign": ""}')
    with pytest.raises(ConfigError, match="cannot be read"):
        DeviceKeys.load(path)
    with pytest.raises(ConfigError, match="vehicle init"):
        DeviceKeys.load(tmp_path / "none")


def test_a_request_proves_the_key_in_it(keys: DeviceKeys) -> None:
    request = keys.request("V01")
    assert decode_request(encode(request)) == request
    for field, value in (("vehicle", "V02"), ("box_public", bytes(32)), ("signature", bytes(64))):
        with pytest.raises(PeerRefused):
            decode_request(encode(msgspec.structs.replace(request, **{field: value})))
    with pytest.raises(RefusedInput, match="sign_public has 5 bytes"):
        decode_request(encode(msgspec.structs.replace(request, sign_public=b"short")))


@given(data=st.binary(max_size=200))
def test_no_bytes_crash_the_file_readers(data: bytes) -> None:
    with pytest.raises(RefusedInput):
        decode_request(data)
    with pytest.raises(RefusedInput):
        decode_enrolment(data, vehicle="V01", vehicle_sign_public=bytes(32))


def test_an_enrolment_is_for_one_box_and_signed_by_its_hospital(keys: DeviceKeys) -> None:
    hospital = Hospital()
    enrolment = hospital.enrol(keys)
    own = {"vehicle": "V01", "vehicle_sign_public": keys.sign.public.raw}
    assert decode_enrolment(encode(enrolment), **own) == enrolment  # type: ignore[arg-type]
    with pytest.raises(PeerRefused, match="another box"):
        decode_enrolment(encode(enrolment), vehicle="V02", vehicle_sign_public=keys.sign.public.raw)
    with pytest.raises(PeerRefused, match="another box"):
        decode_enrolment(encode(enrolment), vehicle="V01", vehicle_sign_public=OriginKeys.generate().public.raw)
    for field, value in (("broker_host", "evil"), ("incarnation", 9), ("hpke_public", bytes(32))):
        with pytest.raises(PeerRefused):
            decode_enrolment(encode(msgspec.structs.replace(enrolment, **{field: value})), **own)  # type: ignore[arg-type]
    with pytest.raises(RefusedInput, match="key_id"):
        decode_enrolment(encode(hospital.enrol(keys, key_id="other")), **own)  # type: ignore[arg-type]
    forged = sign(enrolment, OriginKeys.generate())
    with pytest.raises(PeerRefused):
        decode_enrolment(encode(forged), **own)  # type: ignore[arg-type]


def test_a_second_hospital_is_refused_and_the_first_may_renew(keys: DeviceKeys, tmp_path: Path) -> None:
    path = tmp_path / "hospital.json"
    with pytest.raises(ConfigError, match="not enrolled"):
        load_pinned(path)
    first = Hospital()
    pin_hospital(path, first.enrol(keys))
    for second in (Hospital().enrol(keys), first.enrol(keys, hospital_id="H2")):
        with pytest.raises(PeerRefused, match="belongs to hospital H1") as refused:
            pin_hospital(path, second)
        assert "另一家医院" in refused.value.hint.zh
    renewed = first.enrol(keys, broker_port=8883)
    pin_hospital(path, renewed)
    assert load_pinned(path) == renewed
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"{}")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_pinned(path)
