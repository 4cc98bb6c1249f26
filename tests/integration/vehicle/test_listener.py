"""The listener as a process: half objects when it dies, ports that are taken, laboratory devices and DICOM at once."""

import gc
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from pynetdicom import AE

from clinic_records.errors import DeviceUnavailable
from devices.delivery import Delivery
from devices.dicom.contexts import MODALITY_WORKLIST_FIND, STORAGE_COMMITMENT, VERIFICATION
from devices.dicom.part10 import dataset_sha256
from devices.simulators import ecg_dicom
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.hl7_devices import simulate_chemistry
from devices.transports.open import open_transport
from recordings.dicom.classes import PERFORMED_PROCEDURE_STEP
from sync.free_port import free_port
from sync.keys import RecipientPrivate
from tests.unit.devices.dimse import command, item
from vehicle_agent.store.folder import VehicleFolder
from vehicle_agent.store.inbox import Inbox

PRIVATE = RecipientPrivate.generate()
START_S = 30.0
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"


class Vehicle:
    """A vehicle's folder with one ECG cart and one analyser, and nobody logged in."""

    def __init__(self, root: Path) -> None:
        self.dicom, self.lab = free_port(), free_port()
        self.folder = VehicleFolder(root)
        self.folder.create()
        self.folder.vault_public.write_bytes(PRIVATE.public.raw)
        self.folder.settings.write_text(
            f'vehicle = "V01"\n[dicom]\nport = {self.dicom}\n'
            '[[devices]]\nid = "ecg1"\nkey = "ecg-dicom"\nae_title = "ECG1"\n'
            f'[[devices]]\nid = "lab1"\nkey = "chemistry-hl7"\nurl = "listen:127.0.0.1:{self.lab}"\n',
            "utf-8",
        )

    @contextmanager
    def listener(self) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", "vehicle_agent.listener", str(self.folder.root), str(os.getpid())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def deliveries(self) -> list[Delivery]:
        inbox = Inbox(self.folder.inbox, PRIVATE.public.raw)
        return [msgspec.json.decode(meta, type=Delivery) for _, meta in inbox.pending(PRIVATE)]

    def half(self) -> list[Path]:
        return [path for path in self.folder.inbox.iterdir() if path.suffix != ".sealed"]

    def store(self) -> bool:
        return DicomDevice("127.0.0.1", self.dicom, ae_title="ECG1").store(ecg_dicom.examination(None)).acknowledged

    def analyse(self) -> None:
        wire = open_transport(f"tcp:127.0.0.1:{self.lab}")
        try:
            simulate_chemistry(wire, threading.Event())
        finally:
            wire.close()


@pytest.fixture
def vehicle(tmp_path: Path) -> Vehicle:
    return Vehicle(tmp_path / "vehicle")


def ready(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], START_S)[0], "the listener does not say that it is ready"
    return int(process.stdout.readline())


def test_dicom_and_laboratory_devices_are_served_with_nobody_logged_in(vehicle: Vehicle) -> None:
    with vehicle.listener() as process:
        assert ready(process) == vehicle.dicom
        assert vehicle.store()
        vehicle.analyse()
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
    assert [(one.device, one.fault) for one in vehicle.deliveries()] == [("ecg1", ""), ("lab1", "")]


def test_the_node_of_the_process_takes_procedure_steps_and_storage_commitments(vehicle: Vehicle) -> None:
    with vehicle.listener() as process:
        ready(process)
        ae = AE("ECG1")
        asked = {PERFORMED_PROCEDURE_STEP, STORAGE_COMMITMENT, MODALITY_WORKLIST_FIND, VERIFICATION}
        for abstract_syntax in sorted(asked):
            ae.add_requested_context(abstract_syntax)
        association = ae.associate("127.0.0.1", vehicle.dicom, ae_title="CLINIC")
        assert {str(one.abstract_syntax) for one in association.accepted_contexts} == asked
        association.release()


def test_half_an_object_of_a_killed_listener_is_gone_after_its_next_start(vehicle: Vehicle) -> None:
    with vehicle.listener() as process:
        ready(process)
        ae = AE("ECG1")
        ae.add_requested_context(ECG, "1.2.840.10008.1.2.1")
        association = ae.associate("127.0.0.1", vehicle.dicom, ae_title="CLINIC")
        context = association.accepted_contexts[0].context_id or 0
        wire = association.dul.socket
        assert wire is not None
        socket_of_it = wire.socket
        assert socket_of_it is not None
        for body in (item(3, command(), context), item(0, bytes(500_000), context)):
            socket_of_it.sendall(struct.pack(">BxL", 4, len(body)) + body)
        while not vehicle.half():
            assert process.poll() is None
        process.kill()
        process.wait()
        association.kill()
        socket_of_it.close()
    assert vehicle.half()
    with vehicle.listener() as process:
        ready(process)
        assert vehicle.half() == []
        assert vehicle.deliveries() == []
        assert vehicle.store()


def kill_when(enough: threading.Event, process: "subprocess.Popen[str]") -> None:
    """At some moment of the next object."""
    assert enough.wait(START_S)
    process.kill()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom's, where nobody answers
def test_every_object_a_killed_listener_said_yes_to_is_whole_in_the_inbox(vehicle: Vehicle, tmp_path: Path) -> None:
    said_yes: dict[str, str] = {}
    for after_objects in (1, 2, 3):
        with vehicle.listener() as process:
            ready(process)
            device = DicomDevice("127.0.0.1", vehicle.dicom, ae_title="ECG1", timeout_s=10)
            enough = threading.Event()
            killer = threading.Thread(target=kill_when, args=(enough, process))
            killer.start()
            stored = 0
            while (saw := device.store(ecg_dicom.examination(None))).acknowledged:
                said_yes[saw.source_id] = saw.sha256
                stored += 1
                if stored == after_objects:
                    enough.set()
            killer.join()
    gc.collect()  # what pynetdicom left open, inside this test
    inbox = Inbox(vehicle.folder.inbox, PRIVATE.public.raw)
    held = {}
    for ticket in inbox.waiting():
        meta = inbox.open(ticket, PRIVATE, tmp_path / ticket)
        held[msgspec.json.decode(meta, type=Delivery).source_id] = dataset_sha256(tmp_path / ticket)
    assert said_yes.items() <= held.items()
    assert inbox.damaged() == []


def test_a_taken_port_keeps_no_other_device_waiting(vehicle: Vehicle) -> None:
    with socket.create_server(("127.0.0.1", vehicle.dicom)) as taken, vehicle.listener() as process:
        while not vehicle.deliveries():
            with suppress(DeviceUnavailable):  # not listening yet
                vehicle.analyse()
            assert process.poll() is None
        taken.close()
        assert ready(process) == vehicle.dicom
        assert vehicle.store()
