"""Standard spirometry waveforms as `.wf` text files (ATS-24, ATS-26, ISO 26782, ISO 23747 and made ones).

Found by looking at the files, which nobody documents: `[Header]` with Group, Name, Type, Freq, ExpStart (and fZoom,
vZoom), `[Parameters]` with the wave's nominal numbers, `[Data]` with one number a line. Type VT holds volume in L
against time, FT flow in L/s against time; Freq is samples a second; fZoom multiplies flow and vZoom volume. Checked:
the highest volume of VT files and the highest flow of FT files are the FVC and PEF of their own headers (ISO 23747
profile A only with fZoom). The scaled profiles B keep the PEF of the unscaled one in their header; a note says so.
"""

from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from clinic_records.reading import Code, Numeric
from recordings.arrays import FloatArray
from recordings.signal import DecodedRecording, Signal
from recordings.spirometry import values

FORMAT: Final = "spirometry-wf"
MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_HZ: Final = 10_000.0
_MOST: Final = 1e5
"""No volume, flow, rate or percentage of a forced expiration comes near."""
_NOMINAL: Final[dict[str, tuple[Code, str]]] = {
    "FVC": (values.FVC, "L"),
    "FEV1": (values.FEV1, "L"),
    "FEV1FVC": (values.FEV1_FVC, "%"),
    "FEV6": (values.FEV6, "L"),
    "PEF": (values.PEF, "L/s"),
    "FEF2575": (values.FEF2575, "L/s"),
    "FET": (values.FET, "s"),
}
_CHECK = Hint("核对波形文件。", "Check the waveform file.")


def _damaged(message: str) -> BadFrame:
    return BadFrame(f"spirometry waveform file: {message}", hint=_CHECK)


def looks_like_waveform_file(raw: bytes) -> bool:
    """Whether the text begins with `[Header]`."""
    return raw[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[Header]")


def decode_waveform_file(raw: bytes) -> DecodedRecording:
    """The wave as signals `volume` and `flow`; the one the file does not hold is computed from the other.

    Raises:
        BadFrame: a section or field is missing, or a line of the data is no number.
    """
    if len(raw) > MAX_BYTES:
        raise _damaged(f"{len(raw)} bytes are more than {MAX_BYTES}")
    header, nominal, data = _parse(raw.decode("utf-8-sig", "replace"))
    kind, rate = header.get("Type", ""), _number(header.get("Freq", ""), "[Header] Freq")
    if not 0 < rate <= _MAX_HZ:
        raise _damaged(f"[Header] Freq {rate} Hz is outside 0..{_MAX_HZ}")
    if kind == "VT":
        volume = data * _zoom(header, "vZoom")
        flow = np.gradient(volume, 1 / rate)
        stored, computed = "volume", "flow"
    elif kind == "FT":
        flow = data * _zoom(header, "fZoom")
        volume = np.concatenate(([0.0], np.cumsum((flow[1:] + flow[:-1]) / (2 * rate))))
        stored, computed = "flow", "volume"
    else:
        raise _damaged(f"[Header] Type {kind[:20]!r} is neither VT (volume) nor FT (flow)")
    numerics = _numerics(nominal)
    return DecodedRecording(
        format=FORMAT,
        device={"model": f"standard waveform {header.get('Group', '')} {header.get('Name', '')}".strip()},
        signals=(Signal("flow", "L/s", rate, flow), Signal("volume", "L", rate, volume)),
        numerics=numerics,
        notes=(
            f"{stored} is stored, {computed} was computed from it",
            "the numbers are the wave's nominal values",
            *_differences(numerics, float(volume.max()) if kind == "VT" else None, float(flow.max())),
        ),
    )


def _zoom(header: dict[str, str], key: str) -> float:
    return _number(header[key].replace(",", "."), f"[Header] {key}") if header.get(key) else 1.0


def _differences(numerics: tuple[Numeric, ...], volume_l: float | None, flow_l_s: float) -> list[str]:
    """Where the stored curve does not reach its own nominal value within 2 %."""
    code, reached = (values.PEF, flow_l_s) if volume_l is None else (values.FVC, volume_l)
    told = [float(n.quantity.value) for n in numerics if n.code == code and n.quantity is not None]
    return [
        f"{code.display}: nominal {nominal:g}, the curve reaches {reached:.3f}"
        for nominal in told
        if abs(nominal - reached) > 0.02 * abs(nominal)
    ]


def _parse(text: str) -> tuple[dict[str, str], dict[str, str], FloatArray]:
    tables: dict[str, dict[str, str]] = {"Header": {}, "Parameters": {}}
    numbers: list[float] = []
    section = ""
    for count, line in enumerate(text.split("\x1a", 1)[0].splitlines(), 1):  # DOS end of file in the ATS-26 set
        words = line.strip()
        if not words:
            continue
        if words.startswith("[") and words.endswith("]"):
            section = words[1:-1]
        elif section == "Data":
            numbers.append(_number(words, f"line {count}"))
        elif section in tables:
            key, _, value = words.partition("=")
            tables[section][key.strip()] = value.strip()
    if len(numbers) < 2:
        raise _damaged(f"[Data] has {len(numbers)} numbers")
    return tables["Header"], tables["Parameters"], np.array(numbers)


def _number(words: str, where: str) -> float:
    try:
        number = float(words)
    except ValueError:
        raise _damaged(f"{where}: {words[:40]!r} is not a number") from None
    if not abs(number) <= _MOST:
        raise _damaged(f"{where}: {words[:40]!r} is beyond {_MOST:g}")
    return number


def _numerics(nominal: dict[str, str]) -> tuple[Numeric, ...]:
    return tuple(
        values.numeric(code, str(_number(nominal[key], f"[Parameters] {key}")), unit, source="nominal")
        for key, (code, unit) in _NOMINAL.items()
        if key in nominal
    )
