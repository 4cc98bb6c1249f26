"""Online, something waits, and nothing moves: a silence that a person must hear of (law 6)."""

from typing import Final

STALLED_S: Final = 30 * 60.0
"""Law 6: so long online without progress is an alarm."""


class Progress:
    """When the way to the hospital last moved while there was something to move."""

    def __init__(self) -> None:
        self._mark: object = None
        self._since: float | None = None

    def note(self, now_s: float, mark: object, *, is_online: bool, waits: bool) -> float:
        """Seconds for which the link stood, something waited, and `mark` did not change.

        Args:
            now_s: monotonic seconds.
            mark: what changes with each receipt and each acknowledged byte.
            is_online: a session stands.
            waits: something is queued or under way.
        """
        if not (is_online and waits) or mark != self._mark or self._since is None:
            self._mark = mark
            self._since = now_s if is_online and waits else None
            return 0.0
        return now_s - self._since
