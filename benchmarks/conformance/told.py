"""What an independent reader says of a file, and how it compares with us."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recordings.signal import DecodedRecording

_MICROVOLTS: Final = {"nV": 1e-3, "uV": 1.0, "mV": 1e3, "V": 1e6}


class Unread(Exception):
    """The reader does not read this file; its words."""


class Missing(Unread):
    """The reader is not on this machine."""


@dataclass(frozen=True, slots=True)
class Told:
    """Channels by name (unit, samples), pictures by frame number (rows x columns x 3), and facts by our names.

    Attributes:
        notes: what the reader could not do.
    """

    channels: dict[str, tuple[str, NDArray[np.float64]]] = field(default_factory=dict)
    pictures: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reader's answer: what was compared, the largest difference with its unit, and what is not the same.

    Attributes:
        is_equal: nothing differs beyond the digits the reader prints.
    """

    reader: str
    compared: str
    differs: str = ""
    is_equal: bool = True


def compare(reader: str, told: Told, ours: DecodedRecording, digits: int) -> Comparison:
    """Every channel, picture and fact the reader gave, against ours; `digits` is how many it prints of a sample."""
    compared: list[str] = []
    differs: list[str] = []
    if told.channels:
        largest, is_near, missing = _channels(told, ours, digits)
        compared.append(
            f"{len(told.channels) - len(missing)} of {len(ours.signals)} channels, max difference {largest:.3g} uV"
        )
        differs += missing
        if not is_near:
            differs.append(f"samples differ by up to {largest:.3g} uV")
    if told.pictures and ours.frames is not None:
        steps = max(
            int(np.abs(picture.astype(int) - ours.frames.frame(number).astype(int)).max())
            for number, picture in told.pictures.items()
        )
        compared.append(f"{len(told.pictures)} of {ours.frames.count} pictures, max difference {steps} of 255")
        differs += [f"pictures differ by up to {steps} of 255"] * bool(steps)
    if told.facts:
        compared.append(", ".join(told.facts))
        differs += [
            f"{name}: {value!r} there, {_fact(ours, name)!r} here"
            for name, value in told.facts.items()
            if value != _fact(ours, name)
        ]
    return Comparison(reader, "; ".join((*compared, *told.notes)) or "nothing", "; ".join(differs), not differs)


def _channels(told: Told, ours: DecodedRecording, digits: int) -> tuple[float, bool, list[str]]:
    own = {signal.name: signal for signal in ours.signals}
    largest, is_near = 0.0, True
    missing: list[str] = []
    for name, (unit, samples) in told.channels.items():
        signal = own.get(name)
        if signal is None or len(signal.samples) != len(samples):
            has = "no such channel" if signal is None else f"{len(signal.samples)} samples"
            missing.append(f"{name}: {len(samples)} samples there, {has} here")
            continue
        theirs = samples * _MICROVOLTS.get(unit, 1.0)
        mine = signal.samples * _MICROVOLTS.get(signal.unit, 1.0)
        largest = max(largest, float(np.nanmax(np.abs(theirs - mine), initial=0.0)))
        is_near &= np.allclose(theirs, mine, rtol=10.0 ** (1 - digits), atol=1e-6, equal_nan=True)
    return largest, bool(is_near), missing


def _fact(ours: DecodedRecording, name: str) -> str:
    if name in {"rows", "columns", "count"}:
        return str(getattr(ours.frames, name, ""))
    return ours.patient.get(name, "")
