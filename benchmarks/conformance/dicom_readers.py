"""Independent readers of DICOM files: DCMTK's dcmdump (attributes), dcm2json (waveforms), dcmj2pnm; and pydicom."""

import base64
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image

from benchmarks.conformance.told import Missing, Told, Unread

_TYPES: Final = {("SS", 16): "<i2", ("US", 16): "<u2", ("SB", 8): "i1", ("UB", 8): "u1", ("SL", 32): "<i4"}
_LINE: Final = re.compile(r"^\(([0-9a-f]{4},[0-9a-f]{4})\) \w\w (?:\[(.*?)\]|([^\s(]\S*))?", re.MULTILINE)
"""A top-level line of dcmdump: tag, then a text in brackets or a number."""
_LEAD_OF: Final = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
}  # fmt: skip
"""Lead numbers of SCPECG 5.6.3-9-n and MDC 2:n."""


def dcmtk(file: Path) -> Told:
    """Person, sizes, the waveform of the first group that is not derived, and the first and last picture."""
    attributes = _attributes(file)
    facts = {"patient_id": attributes.get("0010,0020", ""), "name": _name(attributes.get("0010,0010", ""))}
    if "0028,0010" in attributes:
        facts |= {"rows": attributes["0028,0010"], "columns": attributes["0028,0011"]}
        facts["count"] = attributes.get("0028,0008", "1")
    channels = _waveform(json.loads(_run(["dcm2json", file]))) if "5400,0100" in attributes else {}
    pictures, notes = _pictures(file, int(facts["count"])) if "count" in facts else ({}, ())
    return Told(channels, pictures, {name: value for name, value in facts.items() if value}, notes)


def pydicom_waveform(file: Path) -> Told:
    """`Dataset.waveform_array` of the first group that is not derived."""
    dataset = pydicom.dcmread(file)
    groups = dataset.get("WaveformSequence") or []
    for index, group in enumerate(groups):
        if group.WaveformOriginality != "DERIVED":
            values = dataset.waveform_array(index)
            names = [_lead(str(c.ChannelSourceSequence[0].CodeValue)) for c in group.ChannelDefinitionSequence]
            units = [str(c.ChannelSensitivityUnitsSequence[0].CodeValue) for c in group.ChannelDefinitionSequence]
            return Told({n: (u, values[:, k]) for k, (n, u) in enumerate(zip(names, units, strict=True))})
    raise Unread("no waveform")


def _run(command: list[str | Path]) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    except FileNotFoundError:
        raise Missing(f"DCMTK ({command[0]}) is not installed here; as root: make system-packages") from None
    if done.returncode:
        raise Unread(done.stderr.decode("utf-8", "replace").strip().splitlines()[0][:120].replace(str(command[-1]), ""))
    return done.stdout


def _attributes(file: Path) -> dict[str, str]:
    """Top-level attributes by tag, as UTF-8 where the file names its character set properly."""
    try:
        text = _run(["dcmdump", "-q", "+L", "+U8", file])
    except Unread:
        text = _run(["dcmdump", "-q", "+L", file])
    return {found[1]: found[2] or found[3] or "" for found in _LINE.finditer(text.decode("utf-8", "replace"))}


def _one(data: dict[str, Any], tag: str) -> str:
    return str((data.get(tag, {}).get("Value") or [""])[0])


def _name(written: str) -> str:
    """The name in Han where there is one, else in letters, components apart."""
    groups = written.split("=")
    parts = (groups[1] if len(groups) > 1 and groups[1] else groups[0]).replace("^", " ").split()
    return ("" if any(sign >= "\u2e80" for sign in "".join(parts)) else " ").join(parts)


def _waveform(data: dict[str, Any]) -> dict[str, tuple[str, NDArray[np.float64]]]:
    group = next(g for g in data["54000100"]["Value"] if _one(g, "003A0004") != "DERIVED")
    kind = _TYPES[_one(group, "54001006"), int(_one(group, "54001004"))]
    definitions = group["003A0200"]["Value"]
    raw = np.frombuffer(base64.b64decode(group["54001010"]["InlineBinary"]), kind).reshape(-1, len(definitions))
    channels: dict[str, tuple[str, NDArray[np.float64]]] = {}
    for index, channel in enumerate(definitions):
        step = float(_one(channel, "003A0210")) * float(_one(channel, "003A0212") or 1)
        name = _lead(_one(channel["003A0208"]["Value"][0], "00080100"))
        unit = _one(channel["003A0211"]["Value"][0], "00080100")
        channels[name] = (unit, raw[:, index] * step + float(_one(channel, "003A0213") or 0))
    return channels


def _lead(code: str) -> str:
    number = code.replace("-", ":").rpartition(":")[2]
    return _LEAD_OF.get(int(number), code) if number.isdecimal() else code


def _pictures(file: Path, count: int) -> tuple[dict[int, NDArray[np.uint8]], tuple[str, ...]]:
    """The first and the last picture; grey ones through the file's own window."""
    pictures: dict[int, NDArray[np.uint8]] = {}
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in sorted({0, count - 1}):
            target = Path(folder, f"{number}.pnm")
            try:
                _draw(file, number + 1, target)
            except Unread as error:
                notes.append(f"picture {number + 1} not read by it: {error}")
            else:
                pictures[number] = np.asarray(Image.open(target).convert("RGB"))
    return pictures, tuple(notes)


def _draw(file: Path, number: int, target: Path) -> None:
    try:
        _run(["dcmj2pnm", "+F", str(number), "+Wi", "1", file, target])
    except Unread:
        _run(["dcmj2pnm", "+F", str(number), file, target])
