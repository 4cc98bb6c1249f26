"""Daily control and calibration of devices, and what it says of the readings they give (hazard H18)."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from clinic_records.ids import DeviceId, RecordId
from clinic_records.people import Author
from clinic_records.quantity import Quantity


class QualityKind(StrEnum):
    """What was done to a device or put into it."""

    CALIBRATION = "calibration"
    """a known quantity was measured: three strokes of a 3 L syringe"""
    CONTROL = "control"
    """a control material of known range was measured"""
    LOT = "lot"
    """a new lot of strips or reagent was opened"""
    VERIFICATION = "verification"
    """the metrology office verified it, until a date"""


class QualityMark(StrEnum):
    """What stands against a reading's quality; a reading without a mark has none."""

    MISSING = "missing"
    """no control or calibration that the rule asks for"""
    FAILED = "failed"
    """the last one was out of its range"""
    LOT_MISSING = "lot-missing"
    """nobody said which lot is in use"""
    LOT_EXPIRED = "lot-expired"
    """past its date, or open for too long"""
    OVERDUE = "overdue"
    """its verification is past its date"""


class QualityEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a device's quality log; never changed, a mistake is followed by another entry.

    Attributes:
        level: of a control material: `1`, `2` ...
        low, high: between which every value of `measured` must lie; None for a lot or a verification.
        passed: whether all did; True for a lot or a verification that is recorded.
        lot: of control material, strips or reagent.
        expires: the lot's date, or the end of a verification: the last day on which it is good.
        open_days: how many days it may be used once opened; 0 says no such limit.
    """

    id: RecordId
    device: DeviceId
    modality: str
    kind: QualityKind
    at: datetime
    by: Author
    passed: bool
    level: str = ""
    measured: tuple[Quantity, ...] = ()
    low: Quantity | None = None
    high: Quantity | None = None
    lot: str = ""
    expires: date | None = None
    open_days: int = 0
    note: str = ""
