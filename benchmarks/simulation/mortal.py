"""An endpoint that dies where its machine is killed: the network sees it go, nothing else of it runs on."""

from collections.abc import Callable

from benchmarks.simulation.disk import CRASHES, Disk, at_work
from sync.endpoint import Endpoint
from sync.topics import Publish, Topic


class Mortal:
    """`sync.endpoint.Endpoint` around another one; `on_killed` is told once, then it is silent."""

    def __init__(self, endpoint: Endpoint, disk: Disk, on_killed: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._disk = disk
        self._on_killed = on_killed
        self._is_dead = False

    @property
    def wake(self) -> Callable[[], None]:
        """See Endpoint."""
        return self._endpoint.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._endpoint.wake = wake

    @property
    def filters(self) -> tuple[str, ...]:
        """See Endpoint."""
        return self._endpoint.filters

    @property
    def will(self) -> Publish | None:
        """See Endpoint."""
        return self._endpoint.will

    @property
    def has_work(self) -> bool:
        """See Endpoint."""
        return not self._is_dead and self._endpoint.has_work

    def on_refused(self, reason: str) -> None:
        """See Endpoint."""
        self._do(lambda: self._endpoint.on_refused(reason))

    def on_connected(self, now: float) -> None:
        """See Endpoint."""
        self._do(lambda: self._endpoint.on_connected(now))

    def on_disconnected(self) -> None:
        """See Endpoint."""
        self._do(self._endpoint.on_disconnected)

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        """See Endpoint."""
        self._do(lambda: self._endpoint.on_message(topic, payload, now, waited_s=waited_s))

    def poll(self, now: float) -> list[Publish]:
        """See Endpoint."""
        out: list[Publish] = []
        self._do(lambda: out.extend(self._endpoint.poll(now)))
        return out

    def next_wakeup(self) -> float | None:
        """See Endpoint."""
        return None if self._is_dead else self._endpoint.next_wakeup()

    def is_stalled(self, now: float) -> bool:
        """See Endpoint."""
        return not self._is_dead and self._endpoint.is_stalled(now)

    def note_progress(self, now: float) -> None:
        """See Endpoint."""
        if not self._is_dead:
            self._endpoint.note_progress(now)

    def notify(self) -> None:
        """See Endpoint."""
        self._do(self._endpoint.notify)

    def die(self) -> None:
        """The power is gone from outside."""
        self._is_dead = True

    def _do(self, action: Callable[[], None]) -> None:
        if self._is_dead:
            return
        try:
            with at_work(self._disk):
                action()
        except CRASHES:
            self._is_dead = True
            self._on_killed()
