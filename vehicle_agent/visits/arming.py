"""Law 9: a device is armed for one named person's encounter, for a while.

An arming ends when the encounter is finished, when the device is armed again, when somebody ends it, or after 15
idle minutes (hazard H01). Idle means that this device brought nothing: the nurse's other work on the encounter does not
prolong a window, because one that ended too early costs one press, and one that lasts too long may cost a wrong
chart. Windows that ended are remembered for a day, because a delivery that waited in the sealed
inbox is judged by the moment it arrived, not by the moment somebody logged in. Pure: the clock is passed in.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from clinic_records.ids import DeviceId, EncounterId, PatientId
from clinic_records.people import Author
from vehicle_agent.visits.views import Arming

IDLE: Final = timedelta(minutes=15)
"""Law 9 and hazard H01; a reading of the device, or arming it again, starts it anew."""

REMEMBERED: Final = timedelta(hours=24)
"""How long an ended window can still explain a delivery that waited in the inbox."""


class Armings:
    """The windows of every device; `windows` is what must be kept to survive a restart.

    A window is [since, until): `until` lies 15 minutes after the last use, or at the moment it was ended.
    """

    def __init__(self, windows: Iterable[Arming] = (), idle: timedelta = IDLE) -> None:
        self._idle = idle
        self._windows = list(windows)

    @property
    def windows(self) -> tuple[Arming, ...]:
        """All remembered windows, oldest first."""
        return tuple(self._windows)

    def arm(
        self,
        device: DeviceId,
        encounter: EncounterId,
        *,
        patient: PatientId,
        patient_name: str,
        by: Author,
        now: datetime,
    ) -> Arming:
        """A new window for `device`; an open one of the same device ends now."""
        self.disarm(device, now)
        self._windows = [window for window in self._windows if window.until + REMEMBERED > now]
        armed = Arming(device, encounter, patient, patient_name, now, now + self._idle, by)
        self._windows.append(armed)
        return armed

    def disarm(self, device: DeviceId, now: datetime) -> bool:
        """End the open window of `device`; whether there was one."""
        return self._end(now, lambda window: window.device == device) > 0

    def finish(self, encounter: EncounterId, now: datetime) -> bool:
        """End every open window of `encounter`; whether there was one."""
        return self._end(now, lambda window: window.encounter == encounter) > 0

    def used(self, device: DeviceId, at: datetime, now: datetime) -> None:
        """A sign of use at `at`: the 15 minutes of the window that is still open start anew from there."""
        for index, window in enumerate(self._windows):
            if window.device == device and not window.ended and _covers(window, at) and _covers(window, now):
                later = max(window.until, at + self._idle)
                self._windows[index] = msgspec.structs.replace(window, until=later)

    def at(self, device: DeviceId, instant: datetime) -> Arming | None:
        """The window of `device` that `instant` falls into."""
        return next((w for w in reversed(self._windows) if w.device == device and _covers(w, instant)), None)

    def _end(self, now: datetime, chosen: Callable[[Arming], bool]) -> int:
        ended = 0
        for index, window in enumerate(self._windows):
            if chosen(window) and _covers(window, now):
                self._windows[index] = msgspec.structs.replace(window, until=now, ended=True)
                ended += 1
        return ended


def _covers(window: Arming, instant: datetime) -> bool:
    return window.since <= instant < window.until
