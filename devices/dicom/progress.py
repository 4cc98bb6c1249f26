"""How far a device is with an examination, as its performed procedure step says (DICOM PS3.3, section C.4.14)."""

from typing import Final

from pydicom.dataset import Dataset

IN_PROGRESS: Final = "IN PROGRESS"
COMPLETED: Final = "COMPLETED"
DISCONTINUED: Final = "DISCONTINUED"
FINAL: Final = frozenset({COMPLETED, DISCONTINUED})
_NOTES: Final = {
    IN_PROGRESS: "examination in progress",
    COMPLETED: "examination completed",
    DISCONTINUED: "examination discontinued on the device",
}
"""PerformedProcedureStepStatus (0040,0252) -> what a reader is told."""


def status_of(dataset: Dataset) -> str:
    """PerformedProcedureStepStatus, or empty."""
    return str(dataset.get("PerformedProcedureStepStatus") or "").strip()


def progress(dataset: Dataset) -> str:
    """One line for the encounter."""
    return _NOTES.get(status_of(dataset), "examination in an unknown state")
