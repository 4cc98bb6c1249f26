"""Law 9 as one pure decision: whose is this reading, or why must a person say so.

Order of the rules: a contradiction always wins; then our own worklist; then the window in which the device was armed.
A name is never compared: it may only suggest (two people of one name live in every village).
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from clinic_records.clock import Stamp
from clinic_records.errors import Hint
from clinic_records.ids import EncounterId, PatientId
from clinic_records.reading import Reading, Waveform
from vehicle_agent.visits.orders import Order
from vehicle_agent.visits.views import Arming

CLOCK_TOLERANCE: Final = timedelta(minutes=2)
"""How far a device's clock may lie behind ours before its time says "measured before the arming"."""

LONGEST: Final = timedelta(days=30)
"""No curve is longer: the longest Holter takes two weeks."""

BURST: Final = timedelta(seconds=3)
"""Two deliveries of one device closer than this are a dump: none of our devices measures twice in three seconds."""

REASONS: Final[Mapping[str, Hint]] = {
    "not-armed": Hint("到达时没有指定任何人", "the device was not armed for anybody"),
    "other-patient": Hint("设备上的编号不是这个人", "the device names another person's number"),
    "not-our-order": Hint("检查号不是本车开的", "the accession number is not of this vehicle's worklist"),
    "from-memory": Hint("旧数据，或别人的读数", "old, or another person's reading: sent from the device's memory"),
    "burst": Hint("一次来了好几条，像是旧数据", "several came at once, as from a memory"),
    "measured-before": Hint("测量时间早于指定此人", "measured before the device was armed"),
    "quality": Hint(
        "设备质控不合格或试剂过期：做好质控重测", "the device failed its control, or the lot expired: measure again"
    ),
    "clock-doubtful": Hint("车上时钟不可信", "the vehicle's clock is in doubt"),
}
"""Key kept in `Recording.unbound_reason` -> what the tray says."""


class Bound(msgspec.Struct, frozen=True):
    """It belongs to this encounter by `worklist` or `armed`."""

    patient: PatientId
    encounter: EncounterId
    rule: str


class Unbound(msgspec.Struct, frozen=True):
    """A person must say whose it is; `reason` is a key of REASONS."""

    reason: str


def decide(
    reading: Reading,
    *,
    order: Order | None,
    window: Arming | None,
    numbers_of: Mapping[PatientId, Collection[str]],
    is_burst: bool,
    measured_in: Arming | None = None,
) -> Bound | Unbound:
    """Whose `reading` is.

    Args:
        reading: with the stamp of its arrival.
        order: the order of ours that its accession or study names, if any.
        window: the arming of its device in which it arrived, if any.
        numbers_of: the numbers a device may rightly show for each person (our id, citizen and insurance number).
        is_burst: another delivery of the same device came within BURST of this one.
        measured_in: the arming of its device into which `measured_at` falls, if any: where that was for somebody else,
            it was measured on them and only sent late, whatever CLOCK_TOLERANCE would allow.
    """
    subject = reading.subject
    if order is not None:
        if _contradicts(subject.patient_id, numbers_of.get(order.patient, ())):
            return Unbound("other-patient")
        return Unbound("from-memory") if reading.from_memory else Bound(order.patient, order.encounter, "worklist")
    reason = _why_not(reading, window, numbers_of, is_burst=is_burst, measured_in=measured_in)
    if reason or window is None:
        return Unbound(reason)
    return Bound(window.patient, window.encounter, "armed")


def _why_not(
    reading: Reading,
    window: Arming | None,
    numbers_of: Mapping[PatientId, Collection[str]],
    *,
    is_burst: bool,
    measured_in: Arming | None,
) -> str:
    """The first reason why the armed window does not bind; "" where it does."""
    if window is None:
        why = {"not-armed": True}
    else:
        measured = measured_at(reading)
        why = {
            "measured-before": (measured is not None and measured < window.since - CLOCK_TOLERANCE)
            or (measured_in is not None and measured_in.patient != window.patient),
            "other-patient": _contradicts(reading.subject.patient_id, numbers_of.get(window.patient, ())),
        }
    doubts = {
        "not-our-order": bool(reading.subject.accession),
        "from-memory": reading.from_memory,
        "burst": is_burst,
        "clock-doubtful": reading.stamp.clock_doubtful,
    }
    return next((reason for reason, holds in (doubts | why).items() if holds), "")


def measured_at(reading: Reading) -> datetime | None:
    """When it began, on the vehicle's clock: by the device's clock, else at the latest by the length of its curve.

    None where the device has no clock and sent no curve.
    """
    stamp = reading.stamp
    if stamp.device_time is not None:
        return stamp.device_time + timedelta(milliseconds=stamp.device_offset_ms or 0)
    lasted = _length(reading)
    return stamp.vehicle_time - lasted if lasted else None


def _length(reading: Reading) -> timedelta:
    """Of the longest channel; a frequency that is none counts nothing."""
    channels = reading.content.channels if isinstance(reading.content, Waveform) else ()
    seconds = [channel.samples / channel.sampling_hz for channel in channels if channel.sampling_hz > 0]
    return timedelta(seconds=min(max(seconds, default=0.0), LONGEST.total_seconds()))


def is_near(earlier: Stamp, later: Stamp) -> bool:
    """Whether two arrivals of one device are so close that they are a burst."""
    return abs(later.vehicle_time - earlier.vehicle_time) < BURST


def _contradicts(shown: str, rightful: Collection[str]) -> bool:
    wanted = shown.strip().casefold()
    return bool(wanted) and wanted not in {number.casefold() for number in rightful if number}
