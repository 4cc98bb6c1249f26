"""The `clinic device simulate` group: devices that speak the true protocol, for a table without devices.

Each prints what the device was told, one JSON object a line.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import msgspec
import typer

from devices.catalog import Link as CatalogLink
from devices.catalog import device_type
from devices.registry import load
from devices.simulators import ecg_dicom, imaging, ultrasound
from devices.simulators.dicom_device import DicomDevice
from devices.simulators.ecg_scp import BAUD, EcgScpSimulator, scp_record
from devices.simulators.pty_line import PtyLine
from devices.simulators.saw import DeviceSaw
from devices.simulators.spirometer import LABEL, SpirometerSimulator, blow_record
from devices.transports.base import Transport
from devices.transports.tcp import open_tcp

app = typer.Typer(no_args_is_help=True)

_OTHERWISE: Final = {
    CatalogLink.FOLDER: "copy a file into its folder",
    CatalogLink.DICOM: "`clinic device simulate --help` lists the DICOM devices",
    CatalogLink.WEDGE: "type into the page",
}
"""How a device that is on no line is played."""

Link = Annotated[Path, typer.Option(help="Name to give the device's serial port (a symbolic link to a pty).")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for the vehicle.")]
Host = Annotated[str, typer.Option(help="Address of the vehicle's DICOM node.")]
Port = Annotated[int, typer.Option(help="Port of the vehicle's DICOM node.")]
Called = Annotated[str, typer.Option(help="AE title of the vehicle's DICOM node.")]
Name = Annotated[str, typer.Option(help="Pick this patient from the worklist; * and ? stand for letters.")]
Accession = Annotated[str, typer.Option(help="Pick this accession number from the worklist.")]
Nobody = Annotated[bool, typer.Option("--nobody", help="Pick nobody: the object goes out without a patient.")]


@app.callback()
def simulate() -> None:
    """Simulated devices speaking the true protocols, with real recordings where they exist."""


def _tell(saw: DeviceSaw) -> None:
    typer.echo(msgspec.json.encode(saw).decode())


@app.command("line")
def line_command(
    key: Annotated[str, typer.Argument(help="A device of `clinic device list` on a line.")],
    *,
    link: Annotated[Path | None, typer.Option(help="Name to give its serial port (a symbolic link to a pty).")] = None,
    connect: Annotated[str, typer.Option(help="HOST:PORT to call instead, as a device on the network does.")] = "",
    repeat: int = 1,
    pause: Annotated[float, typer.Option(help="Seconds between two measurements.")] = 5.0,
    wait: Wait = 60.0,
) -> None:
    """Any device on a line: one typical measurement in its own protocol, made up, never a person's."""
    row = device_type(key)
    if not row.simulator or row.transport is CatalogLink.FOLDER:
        raise typer.BadParameter(f"{key} is no device on a line: {_OTHERWISE.get(row.transport, 'see its page')}")
    if bool(link) == bool(connect):
        wanted = "--link PATH, and `serial:PATH` as url"
        if row.transport is CatalogLink.LISTEN:
            wanted = "--connect HOST:PORT, the port of its `listen:` url"
        raise typer.BadParameter(f"{key} needs {wanted}")
    play: Callable[[Transport, Event], None] = load(row.simulator)
    wire = open_tcp(connect.removeprefix("tcp:")) if connect else PtyLine(link)
    try:
        if isinstance(wire, PtyLine):
            wire.wait_connected(wait)
        for turn in range(repeat):
            if turn:
                time.sleep(pause)
            play(wire, Event())
            _tell(DeviceSaw(key, "", acknowledged=False, detail=f"measurement {turn + 1} of {repeat} played"))
        _drain()
    finally:
        wire.close()


@app.command("ecg-scp")
def ecg_scp(
    *,
    link: Link,
    patient_id: str = "",
    name: str = "",
    sex: str = "",
    birth_date: Annotated[str, typer.Option(metavar="YYYY-MM-DD")] = "",
    fast: Annotated[bool, typer.Option("--fast", help="Not at 115200 baud but as fast as it goes.")] = False,
    repeat: int = 1,
    wait: Wait = 60.0,
) -> None:
    """A 12-lead electrocardiograph on a serial line: streams a real ECG as SCP-ECG."""
    born = _day(birth_date)
    device = EcgScpSimulator(link, baud=0 if fast else BAUD)
    try:
        for _ in range(repeat):
            record = scp_record(patient_id=patient_id, name=name, sex=sex, birth_date=born)
            _tell(device.send(record, wait_s=wait))
        _drain()
    finally:
        device.close()


@app.command("spirometer-sp80b")
def spirometer_sp80b(
    *,
    link: Link,
    sex: str = "M",
    age: int = 68,
    height: Annotated[int, typer.Option(help="Centimetres.")] = 165,
    fvc: Annotated[float, typer.Option(help="Litres.")] = 3.2,
    tau: Annotated[float, typer.Option(help="Seconds in which the lung empties to 37 %.")] = 0.6,
    wait: Wait = 60.0,
) -> None:
    """A spirometer on a serial line: one blow, made by a published formula, once the vehicle listens."""
    typer.echo(LABEL, err=True)
    device = SpirometerSimulator(link)
    try:
        device.line.wait_connected(wait)
        device.blow(blow_record(sex=sex, age=age, height_cm=height, fvc=fvc, tau_s=tau))
        deadline = time.monotonic() + wait
        while not device.saw and time.monotonic() < deadline:
            time.sleep(0.1)
        for saw in device.saw:
            _tell(saw)
        _drain()
    finally:
        device.close()
    if not device.saw:
        raise typer.Exit(1)


@app.command("ecg-dicom")
def ecg_dicom_command(
    *,
    port: Port,
    host: Host = "127.0.0.1",
    called: Called = "CLINIC",
    ae_title: str = ecg_dicom.AE_TITLE,
    name: Name = "",
    accession: Accession = "",
    nobody: Nobody = False,
) -> None:
    """A DICOM electrocardiograph: worklist, then a real 12-lead ECG by C-STORE."""
    device = DicomDevice(host, port, ae_title=ae_title, called=called)
    if nobody:
        _finish(device.store(ecg_dicom.examination(None)))
    else:
        _finish(ecg_dicom.examine(device, name=name, accession=accession))


@app.command("ultrasound-dicom")
def ultrasound_dicom(
    *,
    port: Port,
    host: Host = "127.0.0.1",
    called: Called = "CLINIC",
    ae_title: str = ultrasound.AE_TITLE,
    name: Name = "",
    accession: Accession = "",
    nobody: Nobody = False,
) -> None:
    """A portable ultrasound scanner: worklist, then a real loop of 6.9 MB by C-STORE."""
    device = DicomDevice(host, port, ae_title=ae_title, called=called)
    if nobody:
        _finish(device.store(ultrasound.examination(None)))
    else:
        _finish(ultrasound.examine(device, name=name, accession=accession))


@app.command("imaging")
def imaging_command(
    key: Annotated[str, typer.Argument(help=f"One of {', '.join(imaging.MODALITIES)}.")],
    *,
    port: Port,
    host: Host = "127.0.0.1",
    called: Called = "CLINIC",
    ae_title: Annotated[str, typer.Option(help="Its own AE title, where the settings give it another.")] = "",
    name: Name = "",
    accession: Accession = "",
    nobody: Nobody = False,
) -> None:
    """Another imaging device: worklist, progress, and a picture or report made by a formula by C-STORE."""
    if key not in imaging.MODALITIES:
        raise typer.BadParameter(f"{key} is none of {', '.join(imaging.MODALITIES)}")
    device = DicomDevice(host, port, ae_title=ae_title or imaging.MODALITIES[key].ae_title, called=called)
    if nobody:
        _finish(device.store(imaging.examination(key, None)))
    else:
        _finish(imaging.examine(device, key, name=name, accession=accession))


def _finish(saw: DeviceSaw) -> None:
    _tell(saw)
    if not saw.acknowledged:
        raise typer.Exit(1)


def _drain() -> None:
    """A pty that is closed takes its unread bytes with it; a real cart stays plugged in."""
    time.sleep(1.0)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 1950-02-03") from None
