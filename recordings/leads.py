"""The twelve leads: their order on paper, and the four that follow from I and II."""

from collections.abc import Iterable
from typing import Final

from recordings.signal import Signal

TWELVE: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""Order of IEC 60601-2-25 and of every 12-lead print."""

_DERIVED: Final = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}
"""Lead -> (factor of I, factor of II): Einthoven's law and Goldberger's leads (SCP 5.6, note; IEC 60601-2-25)."""


def add_derived_leads(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """`signals` with III, aVR, aVL and aVF computed where I and II are there and these are not.

    Only where I and II were taken together, sample for sample. The twelve come first in their usual order, other
    signals after them in theirs.
    """
    by_name: dict[str, Signal] = {}
    others: list[Signal] = []
    for signal in signals:
        if signal.name in TWELVE and signal.name not in by_name:
            by_name[signal.name] = signal
        else:
            others.append(signal)
    one, two = by_name.get("I"), by_name.get("II")
    if one is not None and two is not None and _is_together(one, two):
        for name, (of_one, of_two) in _DERIVED.items():
            samples = of_one * one.samples + of_two * two.samples
            by_name.setdefault(name, Signal(name, one.unit, one.sampling_hz, samples, one.start_s))
    return tuple(by_name[name] for name in TWELVE if name in by_name) + tuple(others)


def derived_note(stored: Iterable[Signal], shown: Iterable[Signal]) -> tuple[str, ...]:
    """A note naming the leads that are shown but were not stored, or none."""
    there = {signal.name for signal in stored}
    derived = [signal.name for signal in shown if signal.name not in there]
    return (f"computed from leads I and II: {', '.join(derived)}",) if derived else ()


def _is_together(one: Signal, two: Signal) -> bool:
    return (one.unit, one.sampling_hz, one.start_s, len(one.samples)) == (
        two.unit,
        two.sampling_hz,
        two.start_s,
        len(two.samples),
    )
