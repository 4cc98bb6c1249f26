"""The hospital's courier down to one vehicle, while this station holds its lease (sync rule 17)."""

from clinic_records.errors import PeerRefused
from clinic_records.ids import VehicleId
from sync.courier import ASK_HELD
from sync.frames import Have, Items, Part, Receipts, SessionMessage, encode
from sync.pace import Pace
from sync.ports import Lease, OutboundStore
from sync.sender import Sender
from sync.topics import Publish, Topic, Way


class Alone:
    """The Lease of a hospital with one station."""

    def take(self) -> None:
        """See Lease."""

    def claim(self) -> bool:
        """See Lease."""
        return True

    def hand_over(self) -> None:
        """See Lease."""

    def end(self) -> None:
        """See Lease."""


class DownLine:
    """One session's way down, named by (vehicle, session, epoch)."""

    def __init__(
        self, vehicle: VehicleId, session: str, epoch: str, *, outbound: OutboundStore, lease: Lease, pace: Pace | None
    ) -> None:
        self.vehicle = vehicle
        self.session = session
        self.epoch = epoch
        self.lease = lease
        self.sender = Sender(outbound, pace)
        self._outbound = outbound
        self._has_asked = False

    def on_have(self, have: Have, now: float, waited_s: float) -> None:
        """Credit from the vehicle."""
        self.sender.on_have(have, now, waited_s)

    def on_receipts(self, message: SessionMessage, now: float, waited_s: float) -> None:
        """A session message the vehicle signed.

        Raises:
            PeerRefused: it is of another vehicle, session or epoch, or no Receipts: said again, or out of place.
        """
        named = (message.vehicle, message.session, message.epoch) if isinstance(message, Receipts) else None
        if not isinstance(message, Receipts) or named != (self.vehicle, self.session, self.epoch):
            raise PeerRefused(f"{type(message).__name__} of session {message.session[:16]} does not belong to this one")
        self.sender.on_receipts(message, now, waited_s)

    def poll(self, now: float) -> list[Publish]:
        """What to send now; first the question for what the vehicle held, which it may understand by now."""
        frames: list[Items | Part] = list(self.sender.poll(now))
        if not self._has_asked:
            self._has_asked = True
            held = self._outbound.held(-1, ASK_HELD)
            frames += [Part(item.wire_sha256, item.size, item.lane, 0, b"") for item in held]
        return [Publish(Topic(self.vehicle, Way.DOWN, frame.lane), encode(frame)) for frame in frames]
