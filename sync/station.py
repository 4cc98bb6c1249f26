"""The hospital's end of the conversation, for many vehicles: admit, receive, answer, send down.

Sans-I/O and single-threaded like the courier. Any number of stations, each with its Duty, serve the same vehicles: who
a vehicle is and which of its sessions stands is in the stores, so any station answers what comes up, and one of them
at a time, by a lease, sends down. What a station holds itself may be lost at any moment. Taking files may be slow, so
each poll takes some of the most urgent only.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from clinic_records.clock import Clock
from clinic_records.errors import BadFrame, ClinicError, PeerRefused
from clinic_records.ids import VehicleId
from sync.abilities import OURS, Abilities
from sync.admission import Admission
from sync.desk import Answer, Aside, Desk, OneByOne, at_once
from sync.down_line import DownLine
from sync.duty import EVERYTHING, Duty
from sync.endpoint import nobody_waits
from sync.frames import (
    MAX_RECEIPTS,
    Frame,
    Greet,
    Have,
    Hello,
    Items,
    KeyNews,
    Part,
    Presence,
    Receipts,
    Renewal,
    Signed,
    decode,
    encode,
    sign,
    verify,
)
from sync.keys import OriginKeys
from sync.pace import Pace
from sync.ports import InboundStore, IntakeStore
from sync.reception import Peer, Reception
from sync.topics import CREDIT, SESSION, Publish, Topic, Way

__all__ = ["HospitalStation", "Peer"]

WINDOW_BYTES: Final = 2**22
"""Bytes a vehicle may have under way; below it the vehicle's own measurement decides."""
GREET_EVERY_S: Final = 5.0
"""Seconds between two requests to one vehicle to connect anew ..."""
EXPECT_S: Final = 5.0
"""... and seconds within which a vehicle that is said to be online should have greeted."""
EXPECT_AGAIN_S: Final = 60.0
"""Seconds until one that was asked and did not greet is asked again."""
KNOWN_S: Final = 2.0
"""Seconds for which a session once looked up is believed to stand, where nobody says otherwise by `recheck`."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Standing:
    """A session that stood when it was looked up."""

    peer: Peer
    session: str
    epoch: str
    until: float


@dataclass
class _Expected:
    """A vehicle that is said to be online in `session` and has no line here."""

    session: str
    due: float


class HospitalStation:
    """All vehicles at one intake worker.

    Args:
        hospital: the id vehicles have pinned.
        keys: the newest signing key's pair.
        statements: how that key followed from the first, in order: number 2 comes first.
        abilities: what this program understands.
        keep_days: for how long vehicles keep what was received: how old a backup may be.
        port: an enrolled vehicle's stores and key; None for an unknown or revoked one.
        on_stranger: gets the raw payload nobody enrolled said, and why, for quarantine.
        on_alarm: gets a vehicle and what a person must look at.
        store: takes what comes up from all vehicles; without one each vehicle's own InboundStore does.
        duty: what this station hears.
        aside: where large files are taken while credit goes on; see Desk.
        known_s: seconds for which a session that was looked up is believed to stand; more where `recheck` is called.
    """

    def __init__(
        self,
        hospital: str,
        *,
        keys: OriginKeys,
        port: Callable[[VehicleId], Peer | None],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        on_stranger: Callable[[VehicleId, bytes, str], None],
        on_alarm: Callable[[VehicleId, str], None] = lambda *_: None,
        statements: tuple[bytes, ...] = (),
        abilities: Abilities = OURS,
        keep_days: int = 30,
        store: IntakeStore | None = None,
        duty: Duty = EVERYTHING,
        aside: Aside = at_once,
        known_s: float = KNOWN_S,
    ) -> None:
        self.duty = duty
        self._known_s = known_s
        self._keys = keys
        self._port = port
        self._on_stranger = on_stranger
        self._reception = Reception(
            hospital,
            keys=keys,
            clock=clock,
            random_bytes=random_bytes,
            on_alarm=on_alarm,
            window_bytes=WINDOW_BYTES,
            statements=statements,
            abilities=abilities,
            keep_days=keep_days,
        )
        self._monotonic_s = clock.monotonic_s
        self._desk = Desk(store or OneByOne(self._inbound), aside, self._rouse, self._monotonic_s)
        self._standing: dict[VehicleId, _Standing] = {}
        self._lines: dict[VehicleId, DownLine] = {}
        self._paces: dict[VehicleId, Pace] = {}
        self._expected: dict[VehicleId, _Expected] = {}
        self._greeted_at: dict[VehicleId, float] = {}
        self._out: list[Publish] = []
        self._news: deque[VehicleId | None] = deque()
        self._is_given_up = False
        self.wake: Callable[[], None] = nobody_waits

    def _inbound(self, vehicle: VehicleId) -> InboundStore | None:
        peer = self._port(vehicle)
        return None if peer is None else peer.inbound

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to at each connection."""
        return self.duty.filters

    @property
    def will(self) -> Publish | None:
        """The hospital leaves no statement behind: vehicles believe signed answers only."""
        return None

    @property
    def online(self) -> frozenset[VehicleId]:
        """Vehicles this station sends down to."""
        return frozenset(self._lines)

    @property
    def known(self) -> frozenset[VehicleId]:
        """Vehicles whose session is believed to stand."""
        return frozenset(self._standing)

    @property
    def has_work(self) -> bool:
        """Whether `poll` should be called again at once."""
        return bool(self._out) or self._desk.has_work

    def notify(self, vehicle: VehicleId | None = None) -> None:
        """There are new rows for `vehicle`, or for anybody. The one call that may come from any thread."""
        self._news.append(vehicle)
        self.wake()

    def connect_anew(self, duty: Duty) -> None:
        """Give the connection up and subscribe to what `duty` says."""
        self.duty = duty
        self._is_given_up = True
        self.wake()

    def _rouse(self) -> None:
        """From any thread; what `wake` is now, the link has set since."""
        self.wake()

    def forget(self, vehicle: VehicleId, now: float) -> None:
        """Its enrolment changed, or it was revoked: look everything up again."""
        self._standing.pop(vehicle, None)
        if self._close(vehicle) is not None:
            self._expect(vehicle, "", now)

    def recheck(self, standings: Mapping[str, tuple[str, str]]) -> None:
        """Believe no more what is another one now: (session, epoch) of each `known` vehicle, as the stores say."""
        for vehicle, each in list(self._standing.items()):
            if standings.get(vehicle) != (each.session, each.epoch):
                del self._standing[vehicle]

    def call(self, vehicle: VehicleId) -> None:
        """Ask it to greet, should it be there: a will that came late may have hidden it (sync rule 21)."""
        self._say(vehicle, Greet())

    def lose(self, vehicle: VehicleId) -> None:
        """Another station has the lease now and sends down."""
        self._close(vehicle)

    def void_all_but(self, epoch: str, now: float) -> None:
        """A new epoch began: every session of another one is void (sync rule 3)."""
        self._standing.clear()
        for vehicle in [each.vehicle for each in self._lines.values() if each.epoch != epoch]:
            self.forget(vehicle, now)

    def resume(self, vehicle: VehicleId, now: float) -> bool:
        """Send down to a vehicle whose session stands, where nobody does; whether we do now."""
        standing = self._look_up(vehicle, now)
        if standing is None or vehicle in self._lines or not standing.peer.lease.claim():
            return vehicle in self._lines
        self._open(vehicle, standing)
        return True

    def note_progress(self, now: float) -> None:
        """Nothing: one socket serves all vehicles, so its progress says nothing about one."""

    def is_stalled(self, now: float) -> bool:
        """Whether to connect anew; a vehicle's silence closes its line only, and it is asked to greet."""
        for vehicle, line in list(self._lines.items()):
            if line.sender.is_stalled(now):
                _logger.info("vehicle %s is silent; its line is closed", vehicle)
                line.sender.note_stall()
                self._close(vehicle)
                line.lease.end()
                self._expect(vehicle, "", now)
        return self._is_given_up

    def on_refused(self, reason: str) -> None:
        """Nothing: the log says it, and without a broker no vehicle waits for us."""

    def on_connected(self, now: float) -> None:  # noqa: ARG002 - the port of an Endpoint
        """The broker is there; vehicles speak first."""
        self._is_given_up = False

    def on_disconnected(self) -> None:
        """The broker is gone: other stations may send down, should they still hear it."""
        for vehicle in list(self._lines):
            line = self._close(vehicle)
            if line is not None:
                line.lease.hand_over()
        self._standing.clear()
        self._out = []
        self._expected.clear()

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        """Something came from the broker `waited_s` ago under a vehicle's name; only signatures are believed."""
        vehicle = topic.vehicle
        try:
            if topic.way is Way.STATE:
                self._on_presence(vehicle, payload, now)
            elif topic.way is Way.UP:
                self._on_frame(vehicle, decode(payload), payload, now, waited_s)
        except (BadFrame, PeerRefused) as error:
            self._on_stranger(vehicle, payload, str(error))
        except ClinicError as error:
            _logger.error("a message of vehicle %s was passed over: %s", vehicle, error)  # noqa: TRY400 - told, not traced

    def poll(self, now: float) -> list[Publish]:
        """What to publish now; call again at `next_wakeup`, after each message, and while `has_work`."""
        self._ask_expected(now)
        self._spread_news()
        out, self._out = self._out, []
        for line in list(self._lines.values()):
            out += line.poll(now)
        if not out:
            self._desk.work()
        for vehicle, answer in self._desk.answers():
            out += self._answer(vehicle, answer, now)
        return out

    def next_wakeup(self) -> float | None:
        """When to poll again though nothing happened, monotonic seconds."""
        times = [line.sender.next_wakeup() for line in self._lines.values()]
        return min(
            [each for each in times if each is not None] + [each.due for each in self._expected.values()], default=None
        )

    def _spread_news(self) -> None:
        while self._news:
            wanted = self._news.popleft()
            for vehicle, line in self._lines.items():
                if wanted in (None, vehicle):
                    line.sender.notify()

    def _answer(self, vehicle: VehicleId, answer: Answer, now: float) -> list[Publish]:
        """Receipts and credit of what was taken; void where the session is over: the next one will ask again."""
        standing = self._look_up(vehicle, now)
        if standing is None:
            return []
        at = self._monotonic_s()
        frames: list[Frame] = [*answer.frames(at)]
        receipts, held = list(answer.receipts.values()), answer.held_ms(at)
        for first in range(0, len(receipts), MAX_RECEIPTS):
            some = tuple(receipts[first : first + MAX_RECEIPTS])
            frames.append(sign(Receipts(vehicle, standing.session, standing.epoch, some, held), self._keys))
        return [Publish(Topic(vehicle, Way.DOWN, CREDIT), encode(each)) for each in frames]

    def _look_up(self, vehicle: VehicleId, now: float) -> _Standing | None:
        """The session that stands, as the stores say now or said a moment ago."""
        known = self._standing.get(vehicle)
        if known is not None and now < known.until:
            return known
        self._standing.pop(vehicle, None)
        peer = self._port(vehicle)
        found = None if peer is None else peer.sessions.standing()
        if peer is None or found is None:
            return None
        standing = self._standing[vehicle] = _Standing(peer, *found, until=now + self._known_s)
        return standing

    def _on_frame(self, vehicle: VehicleId, frame: Frame, payload: bytes, now: float, waited_s: float) -> None:
        match frame:
            case Signed():
                self._on_signed(vehicle, frame, payload, now, waited_s)
            case KeyNews() | Renewal():
                self._on_signed_by_itself(vehicle, frame, payload)
            case Have():
                if (line := self._lines.get(vehicle)) is not None:
                    line.on_have(frame, now, waited_s)
            case Items() | Part():
                if self._look_up(vehicle, now) is None:
                    self._on_unannounced(vehicle, payload, now)
                elif isinstance(frame, Items):
                    self._desk.on_items(vehicle, frame, waited_s)
                else:
                    self._desk.on_part(vehicle, frame, waited_s)
            case _:
                pass  # what only a hospital says

    def _on_signed_by_itself(self, vehicle: VehicleId, frame: KeyNews | Renewal, payload: bytes) -> None:
        peer = self._port(vehicle)
        if peer is None:
            self._on_stranger(vehicle, payload, f"vehicle {vehicle} is not enrolled here")
        elif isinstance(frame, KeyNews):
            peer.on_keys(frame.statements)
        else:
            self._say(vehicle, Renewal(peer.on_renewal(frame.body)))

    def _on_signed(self, vehicle: VehicleId, signed: Signed, payload: bytes, now: float, waited_s: float) -> None:
        peer = self._port(vehicle)
        if peer is None:
            self._on_stranger(vehicle, payload, f"vehicle {vehicle} is not enrolled here")
            for frame in self._reception.say_unknown(vehicle, signed):
                self._say(vehicle, frame)
            return
        message = verify(signed, peer.public)
        if message.vehicle != vehicle:
            raise PeerRefused(f"a message of vehicle {message.vehicle[:32]!r} came under the name {vehicle}")
        if isinstance(message, Hello):
            self._on_hello(vehicle, peer, message, now)
        elif (line := self._lines.get(vehicle)) is not None:
            try:
                line.on_receipts(message, now, waited_s)
            except PeerRefused as error:  # signed by this vehicle, only late
                _logger.info("%s", error)

    def _on_hello(self, vehicle: VehicleId, peer: Peer, hello: Hello, now: float) -> None:
        greeted = self._reception.on_hello(vehicle, peer, hello)
        for frame in greeted.say:
            self._say(vehicle, frame)
        if greeted.verdict is None:
            return
        self._standing.pop(vehicle, None)
        self._expected.pop(vehicle, None)
        line = self._lines.get(vehicle)
        if line is not None and (line.session, line.epoch) == (hello.session, greeted.epoch):
            return
        self._close(vehicle)
        if greeted.verdict is Admission.OK:
            peer.lease.take()
            self._open(vehicle, _Standing(peer, hello.session, greeted.epoch, now))
        elif line is not None:
            line.lease.end()

    def _open(self, vehicle: VehicleId, standing: _Standing) -> None:
        peer = standing.peer
        self._lines[vehicle] = line = DownLine(
            vehicle,
            standing.session,
            standing.epoch,
            outbound=peer.outbound,
            lease=peer.lease,
            pace=self._paces.get(vehicle),
        )
        self._paces[vehicle] = line.sender.pace

    def _close(self, vehicle: VehicleId) -> DownLine | None:
        line = self._lines.pop(vehicle, None)
        if line is not None:
            line.sender.reset()
        return line

    def _on_presence(self, vehicle: VehicleId, payload: bytes, now: float) -> None:
        """A vehicle came or its will was published. Unsigned, so it can do no more than close or ask for a session.

        After a restart the retained statements name the vehicles that may be in a session that stands: nobody sends
        down to them, and an idle one would not notice. A will ends the session it names only (sync rule 21).
        """
        try:
            presence = msgspec.json.decode(payload, type=Presence)
        except (msgspec.MsgspecError, ValueError):
            return
        known = self._standing.get(vehicle)
        if known is not None and known.session != presence.session:
            self._standing.pop(vehicle)
        if not self.duty.has_sessions:
            return
        line = self._lines.get(vehicle)
        is_ours = line is not None and line.session == presence.session
        if not presence.is_online:
            self._expected.pop(vehicle, None)
            if line is not None and is_ours:
                self._close(vehicle)
                line.lease.end()
        elif not is_ours and not self._is_in(vehicle, presence.session, now):
            self._expect(vehicle, presence.session, now + EXPECT_S)

    def _is_in(self, vehicle: VehicleId, session: str, now: float) -> bool:
        """Whether the vehicle's session stands; then it needs no greeting, only somebody who sends down."""
        standing = self._look_up(vehicle, now)
        if standing is None or standing.session != session:
            return False
        self.resume(vehicle, now)
        return True

    def _expect(self, vehicle: VehicleId, session: str, due: float) -> None:
        self._expected[vehicle] = _Expected(session, due)

    def _ask_expected(self, now: float) -> None:
        """Greet whoever should be here and has not greeted."""
        for vehicle, expected in [each for each in self._expected.items() if now >= each[1].due]:
            line = self._lines.get(vehicle)  # one that stood in a backup may be another than the vehicle's
            is_settled = line is not None and expected.session in {"", line.session}
            if (
                is_settled
                or self._port(vehicle) is None
                or (expected.session and self._is_in(vehicle, expected.session, now))
            ):
                del self._expected[vehicle]
            else:
                expected.due = now + EXPECT_AGAIN_S
                self._greet(vehicle, now)

    def _on_unannounced(self, vehicle: VehicleId, payload: bytes, now: float) -> None:
        """Bytes outside a session: a stranger's are kept, an enrolled vehicle is asked to connect anew."""
        if self._port(vehicle) is None:
            self._on_stranger(vehicle, payload, f"vehicle {vehicle} is not enrolled here")
        else:
            self._greet(vehicle, now)

    def _greet(self, vehicle: VehicleId, now: float) -> None:
        if now >= self._greeted_at.get(vehicle, now):
            self._greeted_at[vehicle] = now + GREET_EVERY_S
            self._say(vehicle, Greet())

    def _say(self, vehicle: VehicleId, frame: Frame) -> None:
        self._out.append(Publish(Topic(vehicle, Way.DOWN, SESSION), encode(frame)))
