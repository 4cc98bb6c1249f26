"""PIN slots: who may open the vault, and how often one may try."""

from pathlib import Path

import msgspec
import pytest

from clinic_records.errors import AccessError, BadFrame, ConfigError, RefusedInput, StoreError
from clinic_records.people import Author, Role
from sync.keys import RecipientPrivate
from tests.unit.store.conftest import TestClock
from vehicle_agent.store import slots as slots_module
from vehicle_agent.store.derive import new_data_key
from vehicle_agent.store.slots import TRIES, Slots

SECRET = bytes(range(32))
HOSPITAL = RecipientPrivate.generate()
KEY = new_data_key()


@pytest.fixture(autouse=True)
def _quick_argon2(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """These tests are about the slots, not about the cost of a try; one test keeps the real cost."""
    if "real_cost" not in request.node.name:
        monkeypatch.setattr(slots_module, "_MEMORY_KIB", 64)
        monkeypatch.setattr(slots_module, "_PASSES", 1)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def slots(tmp_path: Path, clock: TestClock) -> Slots:
    made = Slots(tmp_path / "slots.json", SECRET, clock.now)
    made.create(KEY, HOSPITAL.public)
    return made


def test_a_real_cost_slot_opens_with_its_pin(slots: Slots) -> None:
    person = slots.add("n001", "张护士", Role.NURSE, "246810", KEY)
    assert slots.unlock("n001", "246810") == (person, KEY)
    assert slots.people() == [Author("n001", "张护士", Role.NURSE)]


def test_every_person_opens_the_same_vault_with_an_own_pin(slots: Slots) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    slots.add("d001", "李医生", Role.DOCTOR, "口令四位", KEY)
    assert slots.unlock("n001", "1234")[1] == slots.unlock("d001", "口令四位")[1] == KEY
    with pytest.raises(AccessError):
        slots.unlock("d001", "1234")


def test_five_tries_then_a_wait_that_a_restart_does_not_shorten(slots: Slots, tmp_path: Path, clock: TestClock) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    for left in range(TRIES - 1, -1, -1):
        with pytest.raises(AccessError, match=f"wrong PIN; {left} tries left"):
            slots.unlock("n001", "0000")
    again = Slots(tmp_path / "slots.json", SECRET, clock.now)
    with pytest.raises(AccessError, match="wait 60 s") as refused:
        again.unlock("n001", "1234")
    assert "60 秒" in refused.value.hint.zh
    clock.move(seconds=59)
    with pytest.raises(AccessError, match="wait 1 s"):
        again.unlock("n001", "1234")
    clock.move(seconds=1)
    with pytest.raises(AccessError, match="wrong PIN"):
        again.unlock("n001", "9999")
    with pytest.raises(AccessError, match="wait 60 s"):
        again.unlock("n001", "1234")
    clock.move(seconds=60)
    assert again.unlock("n001", "1234")[1] == KEY
    with pytest.raises(AccessError, match="4 tries left"):
        again.unlock("n001", "0000")


def test_setting_the_clock_back_neither_ends_the_wait_nor_makes_it_endless(slots: Slots, clock: TestClock) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    for _ in range(TRIES):
        with pytest.raises(AccessError):
            slots.unlock("n001", "0000")
    clock.move(days=-365)
    with pytest.raises(AccessError, match="wait 60 s"):
        slots.unlock("n001", "1234")
    clock.move(seconds=61)
    assert slots.unlock("n001", "1234")[1] == KEY


def test_a_try_is_counted_before_the_pin_is_looked_at(slots: Slots, monkeypatch: pytest.MonkeyPatch) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)

    def plug_pulled(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(slots, "_slot_key", plug_pulled)
        for _ in range(TRIES):
            with pytest.raises(KeyboardInterrupt):
                slots.unlock("n001", "1234")
    with pytest.raises(AccessError, match="wait 60 s"):
        slots.unlock("n001", "1234")


def test_an_edited_role_does_not_open(slots: Slots, tmp_path: Path) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    path = tmp_path / "slots.json"
    path.write_bytes(path.read_bytes().replace(b'"nurse"', b'"doctor"'))
    with pytest.raises(AccessError):
        slots.unlock("n001", "1234")


def test_the_slots_file_is_useless_without_the_boxs_secret(slots: Slots, tmp_path: Path, clock: TestClock) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    with pytest.raises(AccessError):
        Slots(tmp_path / "slots.json", bytes(32), clock.now).unlock("n001", "1234")


def test_the_hospital_recovers_the_key_and_nobody_else(slots: Slots) -> None:
    assert slots.recover(HOSPITAL) == KEY
    with pytest.raises(BadFrame):
        slots.recover(RecipientPrivate.generate())


def test_refusals(slots: Slots, tmp_path: Path, clock: TestClock) -> None:
    with pytest.raises(AccessError, match="no PIN for this person"):
        slots.unlock("x", "1234")
    for pin in ("123", "1" * 65):
        with pytest.raises(RefusedInput, match="4 to 64"):
            slots.add("n001", "张护士", Role.NURSE, pin, KEY)
    with pytest.raises(StoreError, match="already"):
        slots.create(KEY, HOSPITAL.public)
    with pytest.raises(ConfigError, match="vehicle init"):
        Slots(tmp_path / "none.json", SECRET, clock.now).people()
    (tmp_path / "slots.json").write_bytes(b"{\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        slots.people()


def test_the_file_is_the_owners_alone_and_holds_no_key(slots: Slots, tmp_path: Path) -> None:
    slots.add("n001", "张护士", Role.NURSE, "1234", KEY)
    path = tmp_path / "slots.json"
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert KEY not in content
    assert msgspec.json.encode(KEY).strip(b'"') not in content
    assert b"1234" not in msgspec.json.encode(msgspec.json.decode(content)["slots"]["n001"]["person"])
