"""An electrocardiograph on a serial line: a real ECG as an SCP-ECG record, streamed raw at 115200 8N1."""

from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.ids import sha256_hex
from devices.simulators.objects import ecg_object
from devices.simulators.pty_line import PtyLine
from devices.simulators.saw import DeviceSaw
from devices.transports.base import Transport
from recordings.dicom.waveform import decode_waveform_dataset
from recordings.scp_ecg.encode import EcgForScp, encode_scp
from recordings.scp_ecg.tags import HeaderFields

BAUD: Final = 115_200
MAKER: Final = "simulated from a real ECG"
_SAMPLING_HZ: Final = 500.0
"""What electrocardiographs export; every second sample of the 1000 Hz original is left out."""


def scp_record(
    *,
    patient_id: str = "",
    name: str = "",
    sex: str = "",
    birth_date: date | None = None,
    taken: datetime | None = None,
) -> bytes:
    """The record of one examination; `taken` is now where it is not given."""
    decoded = decode_waveform_dataset(ecg_object())
    factor = round(decoded.signals[0].sampling_hz / _SAMPLING_HZ)
    return encode_scp(
        EcgForScp(
            header=HeaderFields(
                patient_id=patient_id,
                name=name,
                taken=(taken or datetime.now(UTC)).astimezone(CHINA),
                sex=sex,
                birth_date=birth_date,
                model="SIM",
                serial="SIM-ECG-1",
                manufacturer=MAKER,
            ),
            leads={signal.name: signal.samples[::factor] for signal in decoded.signals},
            sampling_hz=_SAMPLING_HZ,
            multiplier_nv=2500,
        )
    )


def simulate(wire: Transport, stop: Event) -> None:
    """One examination, streamed; the protocol has no answer to wait for."""
    del stop
    wire.write(scp_record(patient_id="", name=""))


class EcgScpSimulator:
    """The cart: holds the pty's master, so it outlives every restart of the vehicle's agent."""

    def __init__(self, link: Path | None = None, *, baud: int = BAUD) -> None:
        """`link` is the lasting name of the port; `baud` 0 sends as fast as the vehicle reads."""
        self.line = PtyLine(link)
        self._baud = baud

    def send(self, record: bytes, *, wait_s: float = 30.0) -> DeviceSaw:
        """Stream one record once somebody listens. The protocol has no acknowledgement.

        Raises:
            DeviceTimeout: nobody opened the line, or nobody reads.
        """
        self.line.wait_connected(wait_s)
        self.line.write(record, baud=self._baud, timeout_s=wait_s)
        return DeviceSaw("", sha256_hex(record), acknowledged=False, detail=f"{len(record)} bytes sent")

    def close(self) -> None:
        """Unplug."""
        self.line.close()
