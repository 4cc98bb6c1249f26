"""What is coded: the generated day, the frozen real-frame loops, the day already JPEG, devices' own files."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pydicom

from benchmarks.sync.day import URGENT, File, generated_day
from benchmarks.sync.jpeg_frames import jpeg_loop
from benchmarks.sync.real_frames import LOOPS, SOURCES, picture_of, real_loop

Shape = tuple[int, int, int]
"""Rows, columns, samples."""
PARTS: Final = ("enc", "ecg", "spi", "us")


def generated() -> Iterator[File]:
    """The generated day without the urgent ECG."""
    return (file for file in generated_day() if file.name != URGENT)


def jpeg_day() -> Iterator[File]:
    """One loop that the scanner compressed already."""
    yield File("us/jpeg.dcm", jpeg_loop(np.random.default_rng(1), 0))


def real_loops() -> Iterator[File]:
    """One loop of each source of the real-frame day."""
    for number in (LOOPS.index(source) for source in sorted(set(LOOPS))):
        yield File(f"us/{SOURCES[LOOPS[number]].file}", real_loop(np.random.default_rng(0), number))


def single_frames() -> Iterator[tuple[str, bytes, Shape, int]]:
    """The whole pictures the real loops are cut from: name, pixels, (rows, columns, samples), bits."""
    for source in SOURCES:
        pixels = picture_of(source).pixels
        rows, columns = pixels.shape[:2]
        samples = pixels.shape[2] if pixels.ndim == 3 else 1
        yield source.file, pixels.tobytes(), (rows, columns, samples), 8 * pixels.itemsize


def cine_frames(folder: Path) -> Iterator[tuple[str, bytes, Shape, int]]:
    """Frames of devices' own ultrasound files in `folder`, each by itself."""
    for path in sorted(folder.glob("*.dcm")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            pixels = dataset.pixel_array
        frames = pixels if dataset.get("NumberOfFrames", 1) != 1 else pixels[None]
        for number, frame in enumerate(frames):
            samples = frame.shape[2] if frame.ndim == 3 else 1
            little = np.ascontiguousarray(frame).astype(f"<u{frame.itemsize}")
            yield (
                f"{path.stem}#{number}",
                little.tobytes(),
                (frame.shape[0], frame.shape[1], samples),
                8 * frame.itemsize,
            )
