"""Each imaging device of the catalog from worklist to recording, over the node."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from clinic_records.clock import Stamp
from clinic_records.errors import DeviceUnavailable
from clinic_records.ids import DeviceId
from clinic_records.reading import Document, Image, Reading
from commands.device_simulate import app
from devices.catalog import device_type
from devices.delivery import Delivery
from devices.dicom.node import DicomNode
from devices.dicom.provided import Provided
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from devices.interpret import interpret
from devices.simulators import imaging
from devices.simulators.dicom_device import DicomDevice
from recordings.decode import decode

KEYS = sorted(imaging.MODALITIES)


@dataclass
class Place:
    """An object on its way into a list."""

    kept: list[tuple[Delivery, bytes]]
    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes | memoryview, /) -> None:
        self.data += data

    def keep(self, delivery: Delivery, /) -> None:
        self.kept.append((delivery, bytes(self.data)))

    def drop(self) -> None:
        self.data.clear()


class Clinic:
    """A node with all its services, and one order for each device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[tuple[Delivery, bytes]] = []
        self.is_refusing_steps = False
        peers = [Peer(one.ae_title, DeviceId(key)) for key, one in imaging.MODALITIES.items()]
        items = [self.order(key, one) for key, one in imaging.MODALITIES.items()]
        provided = Provided(folder, "CLINIC", peers, lambda: Place(self.kept))
        settings = DicomSettings(peers=tuple(peers), host="127.0.0.1", port=0)
        self.node = DicomNode(settings, lambda: items, provided.begin, services=provided.services)
        self.port = self.node.start()

    @staticmethod
    def order(key: str, one: imaging.Modality) -> WorklistItem:
        moment = datetime(2026, 11, 23, 1, tzinfo=UTC)
        return WorklistItem(
            f"A-{one.ae_title}",
            "P1",
            "王璡",
            "F",
            date(1950, 2, 3),
            "1.2.3.1",
            one.dicom_modality,
            one.ae_title,
            moment,
        )

    def device(self, key: str) -> DicomDevice:
        return DicomDevice("127.0.0.1", self.port, ae_title=imaging.MODALITIES[key].ae_title)

    def readings(self) -> list[Reading]:
        found: list[Reading] = []
        for index, (delivery, raw) in enumerate(self.kept):
            file = self.folder / f"{index}.dcm"
            file.write_bytes(raw)
            found += interpret(delivery, file)
        return found


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.node.stop()


@pytest.mark.parametrize("key", KEYS)
def test_examination_from_worklist_to_reading(clinic: Clinic, key: str) -> None:
    row, one = device_type(key), imaging.MODALITIES[key]
    assert row.dicom_modality == one.dicom_modality
    saw = imaging.examine(clinic.device(key), key, name="王*")
    assert saw.acknowledged, saw.detail
    begun, stored, ended = clinic.readings()
    assert [begun.notes, ended.notes] == [("examination in progress",), ("examination completed",)]
    assert {reading.subject.accession for reading in (begun, stored, ended)} == {f"A-{one.ae_title}"}
    assert {reading.subject.study for reading in (begun, stored, ended)} == {"1.2.3.1"}
    assert (stored.modality, stored.subject.name, stored.subject.patient_id) == (row.modality, "王璡", "P1")
    told = {f"{numeric.code.system}:{numeric.code.code}" for numeric in stored.numerics}
    assert told <= {text.partition(" ")[0] for text in row.observations}
    if key == "ultrasound-cardiac":
        assert isinstance(stored.content, Document)
        assert str(stored.numerics[0].quantity) == "62\N{NO-BREAK SPACE}%"
        assert stored.numerics[0].context == {"site": "Left Ventricle"}
    else:
        assert isinstance(stored.content, Image)
        assert stored.numerics == ()


def test_object_that_was_not_kept_ends_its_step_as_discontinued(clinic: Clinic) -> None:
    device = clinic.device("fundus")
    step = device.begin_step(device.pick(name="*"), "OP")
    assert not device.store(object_of_another_class()).acknowledged
    device.end_step(step, is_completed=False)
    assert clinic.readings()[-1].notes == ("examination discontinued on the device",)
    with pytest.raises(DeviceUnavailable, match="0x0110"):
        device.end_step(step, is_completed=True)


def object_of_another_class() -> Dataset:
    made = imaging.examination("fundus", None)
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"  # CT: no device of a vehicle
    return made


@pytest.mark.parametrize("key", [key for key in KEYS if key != "ultrasound-cardiac"])
def test_pictures_show_something_and_say_they_are_made(key: str, tmp_path: Path) -> None:
    made = imaging.examination(key, None)
    assert made.Manufacturer == imaging.LABEL
    file = tmp_path / "made.dcm"
    made.save_as(file, enforce_file_format=True)
    decoded = decode(file.read_bytes())
    assert decoded.frames is not None
    assert decoded.frames.frame(0).std() > 20
    (reading,) = interpret(
        Delivery(DeviceId("d"), "dicom", Stamp(datetime(2026, 11, 23, tzinfo=UTC)), "application/dicom"), file
    )
    assert reading.modality == device_type(key).modality


@pytest.mark.parametrize("options", [("--name", "王*"), ("--nobody",)])
def test_command_plays_one_examination(clinic: Clinic, options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["imaging", "fundus", "--port", str(clinic.port), *options])
    assert done.exit_code == 0, done.output
    assert {reading.modality for reading in clinic.readings()} <= {"fundus", "examination"}


def test_command_names_what_it_plays_where_asked_for_something_else() -> None:
    done = CliRunner().invoke(app, ["imaging", "kettle", "--port", "1"])
    assert done.exit_code == 2
    assert "fundus" in done.output
