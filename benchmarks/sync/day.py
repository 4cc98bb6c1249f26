"""The generated clinic day: 130 files, 205,392,259 bytes, the same from the same seed.

60 encounters of about 6 kB of JSON, 40 ECGs (12 leads, 10 s at 500 Hz, int16, 120 kB), 20 spirometry tables of 30 kB,
10 ultrasound loops (65 frames of 640 x 480, speckle in a sector, 20 MB of DICOM), and apart from them one urgent ECG.
Speckle is Rayleigh noise (Goodman, Speckle Phenomena in Optics, chapter 2): no coder can make it small.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

SEED: Final = 20261123
FILES: Final = 130
BYTES: Final = 205_392_259
SHA256: Final = "a17810cff8ec7f7d848563a2e0a0f5ef7493204d107e6f2e876ec935ad547f8c"
"""Of all files' bytes in order of their names: another numpy that draws other numbers is noticed."""
URGENT: Final = "urgent.bin"
ULTRASOUNDS: Final = 10
ROWS, COLUMNS, FRAMES = 480, 640, 65
_ROOT: Final = "1.2.826.0.1.3680043.10.999"
_WORDS: Final = [
    "cough",
    "hypertension",
    "amlodipine",
    "follow-up",
    "chest",
    "pain",
    "village",
    "pulse",
    "wiry",
    "tongue",
    "pale",
    "insurance",
    "dose",
    "daily",
]

Bytes8 = NDArray[np.uint8]
Loop = Callable[[np.random.Generator, int], bytes]


@dataclass(frozen=True)
class File:
    """One file of a day; `name` begins with what it is: `enc/`, `ecg/`, `spi/` or `us/`."""

    name: str
    data: bytes


def generated_day(loop: Loop | None = None) -> Iterator[File]:
    """The day's files and, last, the urgent ECG; `loop` makes another ultrasound file of the given number."""
    rng = np.random.default_rng(SEED)
    for number in range(60):
        yield File(f"enc/{number:03d}.json", _encounter(rng, number))
    for number in range(40):
        yield File(f"ecg/{number:03d}.bin", _ecg(rng))
    for number in range(20):
        yield File(f"spi/{number:03d}.csv", _spirometry(rng))
    for number in range(ULTRASOUNDS):
        yield File(f"us/{number:03d}.dcm", (loop or speckle_file)(rng, number))
    yield File(URGENT, _ecg(rng))


def urgent_ecgs(count: int) -> Iterator[bytes]:
    """More ECGs like those of the day, no two equal."""
    rng = np.random.default_rng(SEED + 1)
    for _ in range(count):
        yield _ecg(rng)


def write_day(folder: Path, files: Iterator[File]) -> dict[str, tuple[int, str]]:
    """Put a day's files into `folder`; name -> size and SHA-256, without the urgent one."""
    manifest = {}
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        if file.name != URGENT:
            manifest[file.name] = (len(file.data), hashlib.sha256(file.data).hexdigest())
    return manifest


def digest(folder: Path, manifest: dict[str, tuple[int, str]]) -> str:
    """SHA-256 of all files' bytes in order of their names."""
    whole = hashlib.sha256()
    for name in sorted(manifest):
        whole.update((folder / name).read_bytes())
    return whole.hexdigest()


def loop_file(pixels: bytes, number: int, attributes: dict[str, Any], syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """A DICOM file (PS3.10) of an ultrasound loop; `attributes` are those of its pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.3.1")
    meta.MediaStorageSOPInstanceUID = UID(f"{_ROOT}.{SEED}.{number + 1}")
    meta.TransferSyntaxUID = syntax
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = made.SOPInstanceUID + ".1", made.SOPInstanceUID + ".2"
    made.PatientID, made.PatientName = f"P{number}", f"TEST^{number}"
    made.Modality, made.StudyDate, made.StudyTime, made.StudyID = "US", "20261101", "080000", "1"
    made.SeriesNumber = made.InstanceNumber = 1
    made.AccessionNumber = made.ReferringPhysicianName = made.PatientBirthDate = made.PatientSex = ""
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    made.PixelData = pixels
    made["PixelData"].VR = "OB" if made.BitsAllocated == 8 else "OW"
    target = BytesIO()
    made.save_as(target, enforce_file_format=True)
    return target.getvalue()


def speckle_frames(rng: np.random.Generator) -> Bytes8:
    """(frame, row, column), 8 bits: Rayleigh speckle around a mean that stays, in a sector; 0 outside it."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    depth, angle = np.hypot(x - COLUMNS / 2, y), np.arctan2(x - COLUMNS / 2, y + 1)
    sector = (np.abs(angle) < 0.65) & (depth > 40) & (depth < 470)
    mean = (60 + 50 * np.sin(depth / 37.0) * np.cos(angle * 5)).clip(5)
    frames = np.zeros((FRAMES, ROWS, COLUMNS), np.uint8)
    for frame in frames:
        noise = (mean * rng.rayleigh(0.7, (ROWS, COLUMNS))).clip(0, 255).astype(np.uint8)
        frame[sector] = noise[sector]
    return frames


MONOCHROME: Final[dict[str, Any]] = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": ROWS,
    "Columns": COLUMNS,
    "NumberOfFrames": FRAMES,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
}


def speckle_file(rng: np.random.Generator, number: int) -> bytes:
    """The DICOM file of one loop: the `Loop` of the generated day."""
    return loop_file(speckle_frames(rng).tobytes(), number, MONOCHROME)


def _encounter(rng: np.random.Generator, number: int) -> bytes:
    return json.dumps(
        {
            "id": f"e{number:03d}",
            "patient": f"p{rng.integers(10**9)}",
            "vitals": rng.normal(0, 1, 120).round(3).tolist(),
            "notes": " ".join(rng.choice(_WORDS, 560)),
            "rx": [{"code": int(rng.integers(10**6)), "qty": int(rng.integers(9))} for _ in range(20)],
        },
        ensure_ascii=False,
    ).encode()


def _ecg(rng: np.random.Generator) -> bytes:
    """P, Q, R, S and T as Gaussians, 12 leads of them with noise and a wandering baseline; 2.5 uV a step."""
    seconds = np.arange(5000) / 500.0
    phase = (seconds * rng.uniform(55, 110) / 60) % 1.0
    waves = ((0.2, 0.025, 0.12), (0.36, 0.01, -0.12), (0.38, 0.012, 1.1), (0.41, 0.012, -0.25), (0.62, 0.05, 0.3))
    terms = [height * np.exp(-0.5 * ((phase - middle) / width) ** 2) for middle, width, height in waves]
    beat = terms[0] + terms[1] + terms[2] + terms[3] + terms[4]
    wander = 0.05 * np.sin(2 * np.pi * 0.3 * seconds)
    leads = [beat * rng.uniform(-1, 1.4) + rng.normal(0, 0.012, 5000) + wander for _ in range(12)]
    return (np.stack(leads, 1) * 1000 / 2.5).astype("<i2").tobytes()


def _spirometry(rng: np.random.Generator) -> bytes:
    return "\n".join(f"{flow:.3f},{volume:.3f}" for flow, volume in rng.normal(2, 1, (2350, 2)))[:30000].encode()
