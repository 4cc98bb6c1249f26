"""ECG devices that drop a file: each plays one real ECG as the file its kind writes."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from threading import Event
from typing import Final

import numpy as np

from clinic_records.clock import CHINA
from devices.simulators.ecg_healforce import healforce_page
from devices.simulators.ecg_xml import Examination, aecg_file, muse_file, sierra_file
from devices.simulators.objects import ecg_object
from devices.transports.base import Transport
from recordings.arrays import FloatArray
from recordings.contec_ecg90a import SAMPLING_HZ as CONTEC_HZ
from recordings.contec_ecg90a import STORED as CONTEC_LEADS
from recordings.contec_ecg90a import encode_ecg90a
from recordings.dicom.waveform import decode_waveform_dataset
from recordings.mfer.encode import EcgForMfer, encode_mfer

_HZ: Final = 500
_HOLTER_LEADS: Final = ("II", "V1", "V5")
_HOLTER_HZ: Final = 250
_HOLTER_REPEATS: Final = 12
"""Two minutes: the ten seconds of the real ECG again and again."""
_HEALFORCE_HZ: Final = 150


@cache
def real_ecg() -> tuple[dict[str, FloatArray], float]:
    """The twelve leads of a real ECG in microvolts and its sampling rate."""
    decoded = decode_waveform_dataset(ecg_object())
    return {signal.name: signal.samples for signal in decoded.signals}, decoded.signals[0].sampling_hz


def at_rate(hz: float) -> dict[str, FloatArray]:
    """The same at another rate, drawn with straight lines between the samples."""
    leads, own_hz = real_ecg()
    samples = len(next(iter(leads.values())))
    wanted = np.arange(0, samples / own_hz, 1 / hz)
    return {name: np.interp(wanted, np.arange(samples) / own_hz, values) for name, values in leads.items()}


def examination(taken: datetime | None = None) -> Examination:
    """The resting ECG that the XML files hold."""
    return Examination(at_rate(_HZ), _HZ, (taken or datetime.now(UTC)).astimezone(CHINA), name="模拟", sex="F")


def contec_file(taken: datetime | None = None) -> bytes:
    """The ECG of a Contec ECG90A's memory card."""
    stamp = (taken or datetime.now(UTC)).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    leads = at_rate(CONTEC_HZ)
    return encode_ecg90a({name: leads[name] for name in CONTEC_LEADS}, case="0000001", taken=stamp, sex="F")


def holter_file(taken: datetime | None = None) -> bytes:
    """Two minutes of three leads in MFER."""
    leads = at_rate(_HOLTER_HZ)
    return encode_mfer(
        EcgForMfer(
            leads={name: np.tile(leads[name], _HOLTER_REPEATS) for name in _HOLTER_LEADS},
            sampling_hz=_HOLTER_HZ,
            taken=(taken or datetime.now(UTC)).astimezone(CHINA),
            step_nv=2500,
            patient_id="SIM-1",
            maker="simulated^Holter^1^SIM-H-1",
            block=_HOLTER_HZ,
        )
    )


def handheld_file(taken: datetime | None = None) -> bytes:
    """A page of a Healforce Prince 180D."""
    return healforce_page(at_rate(_HEALFORCE_HZ), (taken or datetime.now(UTC)).astimezone(CHINA))


def _drops(file: Callable[[], bytes]) -> Callable[[Transport, Event], None]:
    def simulate(wire: Transport, stop: Event) -> None:
        del stop
        wire.write(file())

    return simulate


simulate_aecg = _drops(lambda: aecg_file(examination()))
simulate_sierra = _drops(lambda: sierra_file(examination()))
simulate_muse = _drops(lambda: muse_file(examination()))
simulate_ecg90a = _drops(contec_file)
simulate_holter = _drops(holter_file)
simulate_healforce = _drops(handheld_file)
