"""vehicle.toml: what it may say, and what is refused with the place and the remedy."""

from pathlib import Path

import pytest

from clinic_records.errors import ConfigError, NotFound
from clinic_records.ids import DeviceId
from vehicle_agent.settings import load_settings
from vehicle_agent.visits.roster import FAULT, IDLE, NOT_CONNECTED, DeviceState, Roster

EXAMPLE = Path(__file__).parents[3] / "config" / "vehicle.example.toml"

_ROW = "[[devices]]\nid = '{}'\nkey = '{}'\nurl = '{}"
LAB1, LAB2 = (_ROW.format(name, "chemistry-hl7", "listen:") for name in ("lab1", "lab2"))
STICK1, STICK2 = (_ROW.format(name, "ecg-contec90a", "folder:") for name in ("e1", "e2"))
LINE_A = "id = 'a'\nkey = 'ecg-scp'\nurl = 'serial:/dev/ttyS0'"
LAB1, STICK1 = (row.removeprefix("[[devices]]\n") for row in (LAB1, STICK1))


def write(folder: Path, text: str) -> Path:
    (folder / "vehicle.toml").write_text(text, "utf-8")
    return folder


def test_the_example_is_taken_and_its_devices_exist(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, EXAMPLE.read_text("utf-8")))
    roster = Roster(settings.devices)
    assert [device.key for device in roster] == [
        "ecg-scp",
        "spirometer-sp80b",
        "ultrasound-dicom",
        "chemistry-hl7",
    ]
    assert roster.names(DeviceId("us1")) == ("彩超", "Ultrasound")
    assert roster.names(DeviceId("gone")) == ("gone", "gone")
    assert roster.worklist_titles() == {"us1": "US1"}
    assert roster.get(DeviceId("us1")).address == "192.168.8.21"


def test_the_shell_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEHICLE", "V99")
    assert load_settings(write(tmp_path, 'vehicle = "V01"')).vehicle == "V01"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('vehicle = "V01"\ncolour = "red"', "colour"),
        ('vehicle = "v 1"', "vehicle"),
        ("", "vehicle"),
        ('vehicle = "V01"\n[web]\nport = 70000', "web.port"),
        ('vehicle = "V01"\n[[devices]]\nid = "a"\nkey = "ecg-scp"\nbaud = 3', "devices.0.baud"),
        ("vehicle = ", "not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_settings(write(tmp_path, text))


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="clinic vehicle init"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ('id = "a"\nkey = "toaster"', "toaster"),
        ('id = "a"\nkey = "ecg-scp"', "url"),
        ('id = "a"\nkey = "ecg-dicom"\nurl = "loop:"', "ae_title"),
        ('id = "a"\nkey = "ecg-scp"\nurl = "loop:"\n[[devices]]\nid = "a"\nkey = "ecg-scp"\nurl = "loop:"', "twice"),
        (
            'id = "a"\nkey = "ecg-dicom"\nae_title = "X"\n[[devices]]\nid = "b"\nkey = "ecg-dicom"\nae_title = "X"',
            "one AE title",
        ),
        (f"{LAB1}2575'", "write listen:"),
        (f"{LAB1}0.0.0.0:2575'\n{LAB2}0.0.0.0:2575'", "lab1 and lab2 .* own address"),
        (f"{LAB1}0.0.0.0:2575'\n{LAB2}192.168.8.1:2575'\naddress = 'x'", "lab1 and lab2 .* one port"),
        (f"{STICK1}/mnt/ecg'\n{STICK2}/mnt/ecg/'", "e1 and e2 .* one folder"),
        (
            f"{LINE_A}\n[[devices]]\nid = 'b'\nkey = 'nibp-11073'\nurl = 'serial:/dev/ttyS0?baud=9600'",
            "a and b are on one port, /dev/ttyS0",
        ),
        (f"{STICK1}'", "the whole path"),
        (f"{STICK1}ecg'", "the whole path"),
    ],
)
def test_a_device_that_cannot_be_is_named(tmp_path: Path, row: str, named: str) -> None:
    settings = load_settings(write(tmp_path, f'vehicle = "V01"\n[[devices]]\n{row}'))
    with pytest.raises(ConfigError, match=named):
        Roster(settings.devices)


def test_devices_of_one_port_have_their_own_addresses(tmp_path: Path) -> None:
    rows = f"[[devices]]\n{LAB1}0.0.0.0:2575'\n{LAB2}0.0.0.0:2575'\naddress = '192.168.8.4'"
    assert len(list(Roster(load_settings(write(tmp_path, f'vehicle = "V01"\n{rows}')).devices))) == 2


def test_states(tmp_path: Path) -> None:
    roster = Roster(load_settings(write(tmp_path, EXAMPLE.read_text("utf-8"))).devices)
    assert roster.state(DeviceId("ecg1")).status == NOT_CONNECTED
    assert roster.state(DeviceId("us1")).status == IDLE
    assert roster.set_state(DeviceId("ecg1"), DeviceState(FAULT, "坏", "broken"))
    assert not roster.set_state(DeviceId("ecg1"), DeviceState(FAULT, "坏", "broken"))
    with pytest.raises(NotFound):
        roster.state(DeviceId("gone"))
