"""An open session between two ends: the same code for the vehicle and, once for each vehicle, for the hospital."""

from clinic_records.errors import PeerRefused
from clinic_records.ids import VehicleId
from sync.frames import MAX_RECEIPTS, Frame, Have, Items, Part, Receipts, SessionMessage, encode, sign
from sync.keys import OriginKeys
from sync.ports import Receipt
from sync.receiver import Receiver
from sync.sender import Sender
from sync.topics import CREDIT, Publish, Topic, Way


class Exchange:
    """Both directions of one open session, named by (vehicle, session, epoch).

    `way` is the direction this end publishes in.
    """

    def __init__(
        self,
        vehicle: VehicleId,
        session: str,
        epoch: str,
        *,
        way: Way,
        sender: Sender,
        receiver: Receiver,
        keys: OriginKeys,
    ) -> None:
        self.vehicle = vehicle
        self.session = session
        self.epoch = epoch
        self.sender = sender
        self.receiver = receiver
        self._way = way
        self._keys = keys

    def on_frame(self, frame: Items | Part | Have, now: float, waited_s: float) -> None:
        """A frame of the peer's that came `waited_s` seconds ago."""
        if isinstance(frame, Have):
            self.sender.on_have(frame, now, waited_s)
        elif isinstance(frame, Items):
            self.receiver.on_items(frame, waited_s)
        else:
            self.receiver.on_part(frame, waited_s)

    def on_receipts(self, message: SessionMessage, now: float, waited_s: float) -> tuple[Receipt, ...]:
        """A verified session message; the receipts that were applied.

        Raises:
            PeerRefused: it is of another vehicle, session or epoch, or no Receipts: said again, or out of place.
        """
        named = (message.vehicle, message.session, message.epoch)
        if not isinstance(message, Receipts) or named != (self.vehicle, self.session, self.epoch):
            raise PeerRefused(f"{type(message).__name__} of session {message.session[:16]} does not belong to this one")
        self.sender.on_receipts(message, now, waited_s)
        return message.receipts

    def poll(self, now: float) -> list[Publish]:
        """What to publish now: bytes of ours, and credit for the peer's."""
        out = [self._publish(frame, frame.lane) for frame in self.sender.poll(now)]
        return out + [self._publish(have, CREDIT) for have in self.receiver.credit()]

    def take(self) -> list[Publish]:
        """Keep or take something of what came, which may be slow, and publish `answers`."""
        self.receiver.work()
        return self.answers()

    def answers(self) -> list[Publish]:
        """All receipts and all credit there is to give."""
        haves, receipts, held = self.receiver.answers()
        out = [self._publish(have, CREDIT) for have in haves]
        for first in range(0, len(receipts), MAX_RECEIPTS):
            some = tuple(receipts[first : first + MAX_RECEIPTS])
            signed = sign(Receipts(self.vehicle, self.session, self.epoch, some, held), self._keys)
            out.append(self._publish(signed, CREDIT))
        return out

    def _publish(self, frame: Frame, channel: str) -> Publish:
        return Publish(Topic(self.vehicle, self._way, channel), encode(frame))

    def close(self) -> None:
        """The session ended."""
        self.sender.reset()
        self.receiver.reset()
