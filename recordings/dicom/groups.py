"""Which multiplex groups of a DICOM waveform are the recording itself (PS3.3, C.10.9): by originality and label.

A twelve-lead ECG may come as one group of twelve leads or as up to five groups taken one after another (PS3.3,
A.34.3.4); beside them stand derived ones, such as a median beat. Their order says nothing.
"""

from typing import Final

from pydicom.dataset import Dataset

from recordings.dicom.file import bad_dicom, text

_MAX_GROUPS: Final = 64
_AVERAGES: Final = ("MEDIAN", "AVERAGE", "REPRESENTATIVE", "TEMPLATE")
"""Words in the label of a group that is computed, also where a device calls it ORIGINAL."""
_RHYTHM: Final = "RHYTHM"


def label(group: Dataset) -> str:
    """MultiplexGroupLabel in capitals."""
    return text(group, "MultiplexGroupLabel").upper()


def recorded(dataset: Dataset) -> list[Dataset]:
    """The groups to show, in the object's order: those called rhythm, else all that are original, else all.

    Raises:
        BadFrame: there is none, or more than any recorder has.
    """
    groups = list(dataset.get("WaveformSequence") or [])
    if not 1 <= len(groups) <= _MAX_GROUPS:
        raise bad_dicom(f"WaveformSequence has {len(groups)} groups: not a waveform")
    original = [group for group in groups if text(group, "WaveformOriginality") != "DERIVED"] or groups
    measured = [group for group in original if not any(word in label(group) for word in _AVERAGES)] or original
    return [group for group in measured if _RHYTHM in label(group)] or measured


def offset_s(group: Dataset) -> float:
    """Seconds from the object's reference time to the group's first sample."""
    return float(group.get("MultiplexGroupTimeOffset") or 0) / 1000
