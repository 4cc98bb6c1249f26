"""How far a device is with an examination, as its performed procedure step says (DICOM PS3.3, section C.4.14)."""

from datetime import UTC, datetime
from typing import Final

from pydicom.dataset import Dataset

from clinic_records.clock import CHINA

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


def scheduled_step(dataset: Dataset) -> Dataset:
    """The first item of ScheduledStepAttributesSequence: whose order it is; empty where there is none."""
    sequence = dataset.get("ScheduledStepAttributesSequence")
    return sequence[0] if sequence else Dataset()


def moment_of(dataset: Dataset) -> datetime | None:
    """When the step ended, else when it began, by the device's clock in China's zone; None where neither is said."""
    for edge in ("End", "Start"):
        day = str(dataset.get(f"PerformedProcedureStep{edge}Date") or "")
        clock = str(dataset.get(f"PerformedProcedureStep{edge}Time") or "")[:6]
        try:
            return datetime.strptime(day + clock.ljust(6, "0"), "%Y%m%d%H%M%S").replace(tzinfo=CHINA).astimezone(UTC)
        except ValueError:
            continue
    return None
