"""Which part of what vehicles say an intake worker hears, alone or in a group that shares it (sync rule 18)."""

from dataclasses import dataclass
from typing import Final

from clinic_records.record import Lane
from sync.topics import CREDIT, SESSION, STATE_FILTER, channel_filter, shared


@dataclass(frozen=True)
class Duty:
    """What one worker does.

    Attributes:
        name: for people and for the group.
        lanes: what it takes in.
        has_sessions: whether it greets vehicles and sends down.
        group: the secret name of those who share this duty; empty where there is one worker of it.
    """

    name: str
    lanes: tuple[Lane, ...]
    has_sessions: bool
    group: str = ""

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to. Credit must reach the one who sends and states are retained: neither is shared."""
        channels = [*self.lanes, *([SESSION] if self.has_sessions else [])]
        filters = [channel_filter(each) for each in channels]
        if self.group:
            filters = [shared(f"{self.group}-{self.name}", each) for each in filters]
        own = [channel_filter(CREDIT)] if self.has_sessions else []
        return (*filters, *own, STATE_FILTER)


EVERYTHING: Final = Duty("everything", tuple(Lane), has_sessions=True)
URGENT: Final = Duty("urgent", (Lane.P0, Lane.P1), has_sessions=True)
"""Never waits for the disk of bulk."""
BULK: Final = Duty("bulk", (Lane.P2, Lane.P3, Lane.P4), has_sessions=False)
