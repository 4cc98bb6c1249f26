"""A machine's own clock: the world's time and an error that somebody or an empty battery put there."""

from datetime import UTC, datetime, timedelta

from sync.memory import ManualClock


class WrongClock:
    """As `clinic_records.clock.SystemClock`: never below the last time that was trusted."""

    def __init__(self, world: ManualClock) -> None:
        self.error = timedelta()
        self._world = world
        self._floor: datetime | None = None

    def now(self) -> datetime:
        """This machine's time."""
        wall = self._wall()
        return wall if self._floor is None or wall >= self._floor else self._floor

    def monotonic_s(self) -> float:
        """The world's seconds."""
        return self._world.monotonic_s()

    def raise_floor(self, trusted: datetime) -> None:
        """Remember a trusted time."""
        if self._floor is None or trusted > self._floor:
            self._floor = trusted

    def show(self, shown: datetime) -> None:
        """Set the machine's clock."""
        self.error = shown - self._world.now()

    @property
    def is_doubtful(self) -> bool:
        """Whether it lies below a time known to have passed."""
        return self._floor is not None and self._wall() < self._floor

    def _wall(self) -> datetime:
        return max(self._world.now() + self.error, datetime(1970, 1, 1, tzinfo=UTC))
