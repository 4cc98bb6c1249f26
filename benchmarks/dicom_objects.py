"""Ultrasound objects to send: noise nobody can compress, each with its own UIDs."""

import os
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

_ROWS, _COLUMNS = 480, 640


@dataclass(frozen=True)
class Batch:
    """Files of one folder, sent over one association by each of `devices` at once."""

    name: str
    folder: Path
    files: int
    size: int
    devices: int

    @property
    def megabytes(self) -> float:
        """10^6 bytes that all devices send."""
        return self.devices * self.size / 1e6


def make(root: Path, name: str, files: int, frames: int, *, devices: int = 1) -> Batch:
    """`files` loops of `frames` frames of 307,200 bytes in a new folder."""
    folder = root / name.replace(" ", "-")
    folder.mkdir()
    study = generate_uid()
    pixels = os.urandom(_ROWS * _COLUMNS * frames)
    for number in range(files):
        _loop(study, number, frames, pixels).save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return Batch(name, folder, files, sum(path.stat().st_size for path in folder.iterdir()), devices)


def _loop(study: str, number: int, frames: int, pixels: bytes) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = study, generate_uid()
    made.Modality, made.PatientID, made.PatientName = "US", "P1", "Test^Bench"
    made.InstanceNumber = number
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns, made.NumberOfFrames = _ROWS, _COLUMNS, frames
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.PixelData = pixels
    return made
