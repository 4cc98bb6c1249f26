"""Orthanc as a device: it stores, asks for the worklist, and wants its objects committed."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from clinic_records.ids import DeviceId
from devices.dicom.node import DicomNode
from devices.dicom.provided import Provided
from devices.dicom.settings import DicomSettings, Peer
from devices.dicom.worklist import WorklistItem
from devices.interpret import interpret
from devices.simulators import imaging
from sync.free_port import free_port
from tests.unit.devices.arrivals import Arrivals

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

ITEM = WorklistItem(
    "A1", "P1", "王璡", "M", date(1950, 2, 3), "1.2.3.1", "US", "US1", datetime(2026, 11, 23, 1, tzinfo=UTC)
)
SHIPPED = (
    "waveform_ecg.dcm",
    "examples_ybr_color.dcm",
    "examples_jpeg2k.dcm",
    "examples_palette.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "JPGExtended.dcm",
    "reportsi.dcm",
)
"""Of the classes a vehicle's devices store; one each of the codings."""


def jpeg_ls_object() -> Dataset:
    """A photograph coded as JPEG-LS: none that Orthanc takes is shipped."""
    made = imaging.examination("fundus", None)
    pixels = np.frombuffer(made.PixelData, np.uint8).reshape(made.Rows, made.Columns, 3)
    made.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(pixels))])
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEGLSLossless
    return made


class Orthanc:
    """A running Orthanc with one modality: our node."""

    def __init__(self, program: str, folder: Path, *, dicom_port: int, node_port: int) -> None:
        http_port = free_port()
        settings = {
            "Name": "device",
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "Plugins": [],
            "HttpPort": http_port,
            "DicomPort": dicom_port,
            "DicomAet": "US1",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DefaultEncoding": "Utf8",
            "DicomModalities": {
                "clinic": {"AET": "CLINIC", "Host": "127.0.0.1", "Port": node_port, "AllowStorageCommitment": True}
            },
        }
        (folder / "db").mkdir()
        (folder / "orthanc.json").write_text(json.dumps(settings))
        with (folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
        self.rest = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=60, trust_env=False)
        self._wait(lambda: bool(self.get("/system")), 60)

    def get(self, path: str) -> Any:
        try:
            answer = self.rest.get(path)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def post(self, path: str, body: Any) -> Any:
        answer = self.rest.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def take(self, file: Path) -> str:
        """Put a file into Orthanc; its id there."""
        answer = self.rest.post("/instances", content=file.read_bytes())
        assert answer.status_code == 200, (file.name, answer.text)
        return str(answer.json()["ID"])

    def file(self, instance: str) -> bytes:
        return self.rest.get(f"/instances/{instance}/file").content

    def committed(self, transaction: str) -> dict[str, Any]:
        """What Orthanc says of a storage commitment it asked for, once it knows."""
        found: dict[str, Any] = {}

        def is_known() -> bool:
            found.update(self.get(f"/storage-commitment/{transaction}") or {})
            return found.get("Status") not in {None, "Pending"}

        self._wait(is_known, 60)
        return found

    def _wait(self, is_true: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            assert self._process.poll() is None, "Orthanc ended"
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.1)

    def close(self) -> None:
        self.rest.close()
        self._process.terminate()
        self._process.wait(30)


class World:
    """Our node and Orthanc, each knowing the other."""

    def __init__(self, program: str, folder: Path) -> None:
        dicom_port = free_port()
        self.arrivals = Arrivals(folder)
        peers = (Peer("US1", DeviceId("us-1"), "127.0.0.1", dicom_port),)
        self.provided = Provided(folder / "dicom", "CLINIC", peers, self.arrivals.begin)
        self.node = DicomNode(
            DicomSettings(peers=peers, host="127.0.0.1", port=0),
            lambda: [ITEM],
            self.provided.begin,
            services=self.provided.services,
        )
        node_port = self.node.start()
        self.provided.start()
        self.orthanc = Orthanc(program, folder, dicom_port=dicom_port, node_port=node_port)

    def close(self) -> None:
        self.orthanc.close()
        self.provided.stop()
        self.node.stop()


@pytest.fixture
def world(need_program: Callable[[str], str], tmp_path: Path) -> Iterator[World]:
    made = World(need_program("Orthanc"), tmp_path)
    yield made
    made.close()


def elements(dataset: Dataset) -> dict[int, object]:
    """Every element's value; group lengths and the padding of an odd value are the sender's own affair."""
    found: dict[int, object] = {}
    for element in dataset:
        value = element.value
        if element.VR == "SQ":
            value = [elements(item) for item in value]
        elif isinstance(value, bytes) and len(value) % 2:
            value += b"\0"
        if element.tag.element != 0:
            found[int(element.tag)] = value
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")  # real objects break value rules; here we only compare
def test_everything_orthanc_sends_arrives_equal_and_is_committed(
    world: World, shared_data: Path, tmp_path: Path
) -> None:
    files = [Path(str(get_testdata_file(name, download=False))) for name in SHIPPED]
    files += sorted((shared_data / "devices").glob("dicom_*/*.dcm"))
    for key in sorted(imaging.MODALITIES):
        files.append(tmp_path / f"{key}.dcm")
        imaging.examination(key, None).save_as(files[-1], enforce_file_format=True)
    files.append(tmp_path / "jpeg-ls.dcm")
    jpeg_ls_object().save_as(files[-1], enforce_file_format=True)
    held = dict.fromkeys(world.orthanc.take(file) for file in files)
    sent = world.orthanc.post(
        "/modalities/clinic/store",
        {"Resources": list(held), "Synchronous": True, "Permissive": True, "StorageCommitment": True},
    )
    assert sent["FailedInstancesCount"] == 0, sent
    kept = {delivery.source_id: part10 for delivery, part10 in world.arrivals.kept}
    assert len(kept) == len(held)
    for instance in held:
        original = pydicom.dcmread(BytesIO(world.orthanc.file(instance)))
        ours = pydicom.dcmread(kept[str(original.SOPInstanceUID)])
        assert ours.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID, original.filename
        assert elements(ours) == elements(original), original.SOPInstanceUID
    for delivery, part10 in world.arrivals.kept:
        (reading,) = interpret(delivery, part10)
        assert reading.source_id == delivery.source_id
    report = world.orthanc.committed(sent["StorageCommitmentTransactionUID"])
    assert report["Status"] == "Success", report
    assert len(report["Success"]) == len(held)


def test_orthanc_hears_which_objects_are_not_held(world: World) -> None:
    instance = world.orthanc.take(Path(str(get_testdata_file("waveform_ecg.dcm", download=False))))
    asked = world.orthanc.post("/modalities/clinic/storage-commitment", {"Resources": [instance]})
    report = world.orthanc.committed(asked["ID"])
    assert report["Status"] == "Failure"
    (failed,) = report["Failures"]
    assert failed["FailureReason"] == 0x0112, failed


def test_orthanc_reads_the_worklist_and_echoes(world: World) -> None:
    assert world.orthanc.rest.post("/modalities/clinic/echo", json={}).status_code == 200
    step = {"Modality": "US", "ScheduledProcedureStepStartDate": "20261101-20261130", "ScheduledStationAETitle": "US1"}
    query = {"PatientName": "", "PatientID": "", "AccessionNumber": "", "ScheduledProcedureStepSequence": [step]}
    (found,) = world.orthanc.post("/modalities/clinic/find-worklist", query)
    assert (found["PatientName"], found["PatientID"], found["AccessionNumber"]) == ("王璡", "P1", "A1")
    assert found["ScheduledProcedureStepSequence"][0]["ScheduledProcedureStepStartDate"] == "20261123"
    query["PatientName"] = "陈*"
    assert world.orthanc.post("/modalities/clinic/find-worklist", query) == []
