"""Stores to measure ours beside: each a process that takes C-STOREs on a port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import ClinicError
from sync.free_port import free_port
from sync.keys import RecipientPrivate
from vehicle_agent.store.folder import VehicleFolder

CALLED: Final = "CLINIC"
CALLING: Final = "US1"
PDU: Final = 131_072
"""Bytes offered by all: DCMTK's most."""
_START_S: Final = 30.0
_PLAIN: Final = """
import sys
from pathlib import Path
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
port, folder, is_chunked = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "chunked"
_config.STORE_RECV_CHUNKED_DATASET = is_chunked
ae = AE()
ae.maximum_pdu_size = 131072
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax)
def store(event):
    target = Path(folder) / f"{event.request.AffectedSOPInstanceUID}.dcm"
    if is_chunked:
        event.dataset_path.rename(target)
    else:
        target.write_bytes(event.encoded_dataset())
    return 0
ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])
"""


@dataclass(frozen=True)
class Store:
    """A running store."""

    port: int
    pid: int


def _ours(folder: Path, port: int) -> list[str]:
    (folder / "vehicle.toml").write_text(
        f'vehicle = "V01"\n[dicom]\nport = {port}\n[[devices]]\nid = "us1"\nkey = "ultrasound-dicom"\n'
        f'ae_title = "{CALLING}"\n',
        "utf-8",
    )
    vehicle = VehicleFolder(folder)
    vehicle.create()
    vehicle.vault_public.write_bytes(RecipientPrivate.generate().public.raw)
    return [sys.executable, "-m", "vehicle_agent.listener", str(folder), str(os.getpid())]


def _orthanc(folder: Path, port: int) -> list[str]:
    settings = {
        "Name": "peer",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": free_port(),
        "DicomPort": port,
        "DicomAet": CALLED,
        "RemoteAccessAllowed": False,
        "DicomAlwaysAllowStore": True,
        "StorageCompression": False,
        "MaximumPduLength": PDU,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_bytes(msgspec.json.encode(settings))
    return ["Orthanc", str(folder / "orthanc.json")]


def _pynetdicom(how: str) -> Callable[[Path, int], list[str]]:
    return lambda folder, port: [sys.executable, "-c", _PLAIN, str(port), str(folder), how]


OURS: Final = "mobile-clinic (fsynced, sealed)"
PEERS: Final[Mapping[str, Callable[[Path, int], list[str]]]] = {
    OURS: _ours,
    "pynetdicom, in memory (as it comes)": _pynetdicom("plain"),
    "pynetdicom, chunked (as it comes)": _pynetdicom("chunked"),
    "DCMTK storescp (as it comes)": lambda folder, port: ["storescp", "-pdu", str(PDU), "-od", str(folder), str(port)],
    "Orthanc (as it comes)": _orthanc,
}
"""Who is measured -> the command that starts it; "as it comes" is without fsync, in plain."""


@contextmanager
def running(name: str, folder: Path) -> Iterator[Store]:
    """The store `name` over the empty `folder`; it is stopped afterwards."""
    port = free_port()
    command = PEERS[name](folder, port)
    with (folder / "log").open("wb") as log:
        # DCMTK reads TCP_NODELAY from its environment; the others always set it
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"TCP_NODELAY": "1"})
    try:
        _wait(port, process, folder)
        yield Store(port, process.pid)
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.3):
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise ClinicError(f"a store did not start: {(folder / 'log').read_text('utf-8', 'replace')[-500:]}")
