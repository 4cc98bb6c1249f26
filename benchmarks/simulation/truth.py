"""What was really made in a world, by whom, and which promise stands for it."""

from dataclasses import dataclass, field

from clinic_records.record import Kind


@dataclass
class Made:
    """One version of one thing, or one blob, that a nurse's hand or a device brought into a vehicle.

    Attributes:
        box: whose disk it was saved to; a clone is a box of its own.
        is_promised: Save was answered, so it must reach the hospital while its box, or the hospital, has it.
        is_only_hospital: its box was put back to a time before it; the hospital had it then.
        lost: why nobody can have it any more: a disaster at every place that held it.
    """

    vehicle: str
    box: str
    kind: Kind
    id: str
    revision: int
    sha256: str
    saved_s: float
    is_promised: bool = False
    is_only_hospital: bool = False
    lost: str = ""


@dataclass
class Sent:
    """One version of one thing that the hospital put on its way down."""

    vehicle: str
    kind: Kind
    id: str
    revision: int
    sha256: str
    queued_s: float


@dataclass
class Truth:
    """The ledger of one world.

    Attributes:
        happened: faults and disasters, counted; some excuse an alarm.
        revoked: vehicle -> when, in simulated seconds.
        untold: vehicle -> when it was put back to a backup and nobody said so: it may forget what had come down.
        spoke: machines of a cloned pair that had a session, in turns.
    """

    made: dict[tuple[str, int, str], Made] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    revoked: dict[str, float] = field(default_factory=dict)
    untold: dict[str, float] = field(default_factory=dict)
    spoke: list[str] = field(default_factory=list)

    def add(self, made: Made) -> Made:
        """Note it before the disk is asked, so that half a Save is no phantom."""
        return self.made.setdefault((made.id, made.revision, made.sha256), made)

    def note(self, what: str) -> None:
        """Something happened once more."""
        self.happened[what] = self.happened.get(what, 0) + 1
