"""`parsedwaveforms`: the rhythm of all leads at once, in base64, with XLI or plain.

Its attributes are those of 1.04 (`compression`, `leadlabels`, `samplespersecond`, `resolution` ...); 1.03 keeps the
rate and the step in `dataacquisition/signalcharacteristics` and calls the compression `compressmethod`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recordings.arrays import FloatArray
from recordings.ecg_values import MAX_HZ, MAX_LEADS, lead_name
from recordings.leads import TWELVE
from recordings.philips_sierra.xli import damaged, restore_limb_leads, unpack_leads
from recordings.signal import Signal
from recordings.xml_tree import Element, base64_bytes

_TWELVE_SETS: Final = ("STD-12", "10-WIRE")
"""`acquisitiontype` of 1.03 files without labels that hold the twelve leads."""
_MAX_STEP_UV: Final = 1000.0
_MAX_SAMPLES: Final = 600_000
"""Over all leads: 12 of 500 Hz for 100 s, nine times what carts write; bounds the time XLI may take."""


def read_waveforms(root: Element) -> tuple[Signal, ...]:
    """The leads in microvolts; the four limb leads are put together again.

    Raises:
        BadFrame: a field is missing or no number, the coding is unknown, or the data are cut or damaged.
    """
    waveforms = root.find("waveforms", "parsedwaveforms") or next(root.descend("parsedwaveforms"), None)
    if waveforms is None:
        raise damaged("parsedwaveforms is missing; without it there is no curve to show")
    signal = root.find("dataacquisition", "signalcharacteristics") or Element("", {})
    told = waveforms.attributes
    hz = _number(told.get("samplespersecond") or signal.words("samplingrate"), "sampling rate", MAX_HZ)
    step = told.get("resolution") or signal.words("resolution") or signal.words("signalresolution")
    step_uv = _number(step, "resolution", _MAX_STEP_UV)
    duration_ms = _number(told.get("durationperchannel", ""), "durationperchannel", 24 * 3600 * 1000)
    names = _names(told, signal)
    samples = int(duration_ms * hz / 1000)
    if not 2 <= samples * len(names) <= _MAX_SAMPLES:
        raise damaged(f"{len(names)} leads of {samples} samples")
    leads = _leads(waveforms, len(names), samples)
    if names[:6] == list(TWELVE[:6]) and _compression(told) == "XLI":
        restore_limb_leads(leads)
    return tuple(Signal(name, "uV", hz, _scaled(values, step_uv)) for name, values in zip(names, leads, strict=True))


def _scaled(values: NDArray[np.int64], step_uv: float) -> FloatArray:
    return np.multiply(values, step_uv, dtype=np.float64)


def _leads(waveforms: Element, count: int, samples: int) -> list[NDArray[np.int64]]:
    told = waveforms.attributes
    if told.get("dataencoding", "Base64") != "Base64":
        raise damaged(f"dataencoding {told['dataencoding'][:40]!r}, only Base64 is read")
    data = base64_bytes(waveforms, "Philips ECG: parsedwaveforms")
    compression = _compression(told)
    if compression == "XLI":
        return unpack_leads(data, count, samples)
    if compression not in {"", "Uncompressed", "None"}:
        raise damaged(f"compression {compression[:40]!r}, only XLI is read")
    if len(data) < 2 * count * samples:
        raise damaged(f"{len(data)} bytes for {count} leads of {samples} samples of 2 bytes")
    stored = np.frombuffer(data, "<i2", count * samples).astype(np.int64).reshape(count, samples)
    return list(stored)


def _compression(told: dict[str, str]) -> str:
    if told.get("compressflag", "True") == "False":
        return ""
    return told.get("compression") or told.get("compressmethod", "")


def _names(told: dict[str, str], signal: Element) -> list[str]:
    """The leads' names: `leadlabels`, else the twelve or numbers."""
    labels = told.get("leadlabels", "").split()
    text = told.get("numberofleads") or signal.words("numberchannelsallocated") or str(len(labels))
    count = int(_number(text, "number of leads", MAX_LEADS))
    if labels and len(labels) < count:
        raise damaged(f"{count} leads, {len(labels)} labels")
    if not labels and count <= len(TWELVE) and signal.words("acquisitiontype") in _TWELVE_SETS:
        labels = list(TWELVE)
    return [lead_name(label) for label in labels[:count]] or [f"channel {number + 1}" for number in range(count)]


def _number(text: str, what: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        raise damaged(f"{what} is {text[:40]!r}, not a number") from None
    if not 0 < number <= most:
        raise damaged(f"{what} {number:g} is outside 0..{most:g}")
    return number
