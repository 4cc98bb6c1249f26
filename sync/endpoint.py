"""What a link needs of either end: the courier and the station look the same to it."""

from collections.abc import Callable
from typing import Protocol

from sync.topics import Publish, Topic


def nobody_waits() -> None:
    """The first `wake` of an endpoint: no link waits for it."""


class Endpoint(Protocol):
    """A sans-I/O end of the conversation; `now` is monotonic seconds.

    All calls come from one thread at a time, but `notify`, which any thread may call; it calls `wake`, which the link
    sets to whatever makes it poll.
    """

    wake: Callable[[], None]

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to at each connection."""

    @property
    def will(self) -> Publish | None:
        """What the broker shall publish when the connection that is opened next breaks."""

    @property
    def has_work(self) -> bool:
        """Whether to poll again at once."""

    def on_refused(self, reason: str) -> None:
        """The broker is there and does not let us in."""

    def on_connected(self, now: float) -> None:
        """Connected and subscribed."""

    def on_disconnected(self) -> None:
        """The connection ended, by whichever side."""

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        """A message came, `waited_s` seconds ago."""

    def poll(self, now: float) -> list[Publish]:
        """What to publish now."""

    def next_wakeup(self) -> float | None:
        """When to poll again though nothing happened."""

    def is_stalled(self, now: float) -> bool:
        """Whether to give this connection up for a new one."""

    def note_progress(self, now: float) -> None:
        """Bytes left the machine although no answer came yet."""

    def notify(self) -> None:
        """The outbound store has new rows."""
