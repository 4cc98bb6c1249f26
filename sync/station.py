"""The hospital's end of the conversation, for many vehicles: admit, receive, answer, send down.

Sans-I/O and single-threaded like the courier. Each vehicle has its own line; no line's trouble touches another's.
Taking whole files may be slow, so each poll takes some of one vehicle's only: whoever has the most urgent.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from clinic_records.clock import Clock, to_ms
from clinic_records.errors import BadFrame, ClinicError, PeerRefused
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.abilities import OURS, WITH_KEY_NEWS, Abilities
from sync.admission import Admission, abilities_of, admit
from sync.endpoint import nobody_waits
from sync.exchange import Exchange
from sync.frames import Challenge, Greet, Hello, KeyNews, Presence, Signed, Welcome, decode, encode, sign, verify
from sync.keys import OriginKeys, OriginPublic
from sync.packing import unpack
from sync.ports import InboundStore, OutboundStore, SessionState, SessionStore
from sync.receiver import Receiver
from sync.sender import Sender
from sync.topics import HOSPITAL_FILTERS, SESSION, Publish, Topic, Way

WINDOW_BYTES: Final = 2**20
"""Bytes a vehicle may have under way; below it the vehicle's own measurement decides."""
GREET_EVERY_S: Final = 5.0
"""Seconds between two requests to one vehicle to connect anew ..."""
EXPECT_S: Final = 5.0
"""... and seconds within which a vehicle that is said to be online should have greeted."""
EXPECT_AGAIN_S: Final = 60.0
"""Seconds until one that was asked and did not greet is asked again."""

_logger = logging.getLogger(__name__)


def _no_keys(statements: tuple[bytes, ...]) -> None:
    """The keys of this vehicle never change."""


@dataclass(frozen=True)
class Peer:
    """What the hospital has for one enrolled vehicle.

    `on_keys` takes statements of its newer keys, durable on return; it raises PeerRefused where they do not follow.
    """

    public: OriginPublic
    inbound: InboundStore
    outbound: OutboundStore
    sessions: SessionStore
    on_keys: Callable[[tuple[bytes, ...]], None] = _no_keys


class _Line:
    """One vehicle's line; without an exchange nobody is there."""

    def __init__(self, peer: Peer, monotonic_s: Callable[[], float]) -> None:
        self.peer = peer
        self.sender = Sender(peer.outbound)
        self.receiver = Receiver(peer.inbound, monotonic_s)
        self.exchange: Exchange | None = None

    def close(self) -> None:
        if self.exchange is not None:
            self.exchange.close()
            self.exchange = None


def _lane(waiting: tuple[Lane, VehicleId]) -> Lane:
    return waiting[0]


class HospitalStation:
    """All vehicles' lines at one intake worker.

    Args:
        hospital: the id vehicles have pinned.
        keys: the newest signing key's pair.
        statements: how that key followed from the first, in order: number 2 comes first.
        abilities: what this program understands.
        keep_days: for how long vehicles keep what was received: how old a backup may be.
        port: an enrolled vehicle's stores and key; None for an unknown or revoked one. Asked at each Hello.
        on_stranger: gets the raw payload nobody enrolled said, and why, for quarantine.
        on_alarm: gets a vehicle and what a person must look at.
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
    ) -> None:
        self._hospital = hospital
        self._keys = keys
        self._statements = statements
        self._abilities = abilities
        self._keep_days = keep_days
        self._port = port
        self._clock = clock
        self._random_bytes = random_bytes
        self._on_stranger = on_stranger
        self._on_alarm = on_alarm
        self._lines: dict[VehicleId, _Line] = {}
        self._challenges: dict[VehicleId, tuple[str, str]] = {}
        self._expected: dict[VehicleId, float] = {}
        self._greeted_at: dict[VehicleId, float] = {}
        self._out: list[Publish] = []
        self._news: deque[VehicleId | None] = deque()
        self.wake: Callable[[], None] = nobody_waits

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to at each connection."""
        return HOSPITAL_FILTERS

    @property
    def will(self) -> Publish | None:
        """The hospital leaves no statement behind: vehicles believe signed answers only."""
        return None

    @property
    def online(self) -> frozenset[VehicleId]:
        """Vehicles with an open session."""
        return frozenset(vehicle for vehicle, line in self._lines.items() if line.exchange is not None)

    @property
    def has_work(self) -> bool:
        """Whether `poll` should be called again at once."""
        return bool(self._out) or any(line.receiver.most_urgent is not None for line in self._lines.values())

    def notify(self, vehicle: VehicleId | None = None) -> None:
        """There are new rows for `vehicle`, or for anybody. The one call that may come from any thread."""
        self._news.append(vehicle)
        self.wake()

    def forget(self, vehicle: VehicleId) -> None:
        """Its enrolment changed or was revoked: its session ends now."""
        line = self._lines.pop(vehicle, None)
        if line is not None:
            line.close()

    def note_progress(self, now: float) -> None:
        """Nothing: one socket serves all vehicles, so its progress says nothing about one."""

    def is_stalled(self, now: float) -> bool:
        """Never: a silent vehicle ends its own session, the hospital's connection to the broker stays."""
        for vehicle, line in self._lines.items():
            if line.exchange is not None and line.sender.is_stalled(now):
                _logger.info("vehicle %s is silent; its session is closed", vehicle)
                line.sender.note_stall()
                line.close()
        return False

    def on_refused(self, reason: str) -> None:
        """Nothing: the log says it, and without a broker no vehicle waits for us."""

    def on_connected(self, now: float) -> None:
        """The broker is there; vehicles speak first."""

    def on_disconnected(self) -> None:
        """The broker is gone, and every session with it."""
        for line in self._lines.values():
            line.close()
        self._out = []
        self._expected.clear()

    def on_message(self, topic: Topic, payload: bytes, now: float) -> None:
        """Something came from the broker under a vehicle's name; only signatures are believed."""
        vehicle = topic.vehicle
        if topic.way is Way.STATE:
            self._on_presence(vehicle, payload, now)
            return
        if topic.way is not Way.UP:
            return
        try:
            frame = decode(payload)
            if isinstance(frame, Signed):
                self._on_signed(vehicle, frame, payload, now)
            elif isinstance(frame, KeyNews):
                self._on_key_news(vehicle, frame, payload)
            elif (exchange := self._exchange(vehicle)) is None:
                self._on_unannounced(vehicle, payload, now)
            elif not isinstance(frame, Challenge | Greet):
                exchange.on_frame(frame, now)
        except (BadFrame, PeerRefused) as error:
            self._on_stranger(vehicle, payload, str(error))
        except ClinicError as error:
            _logger.error("a message of vehicle %s was passed over: %s", vehicle, error)  # noqa: TRY400 - told, not traced

    def poll(self, now: float) -> list[Publish]:
        """What to publish now; call again at `next_wakeup`, after each message, and while `has_work`."""
        self._ask_expected(now)
        self._spread_news()
        out, self._out = self._out, []
        lines = list(self._lines.values())
        for line in lines:
            if line.exchange is not None:
                out += line.exchange.poll(now)
        if not out:
            self._take_most_urgent()
            for line in lines:
                if line.exchange is not None:
                    out += line.exchange.answers()
        return out

    def next_wakeup(self) -> float | None:
        """When to poll again though nothing happened, monotonic seconds."""
        times = [line.sender.next_wakeup() for line in self._lines.values() if line.exchange is not None]
        return min([each for each in times if each is not None] + list(self._expected.values()), default=None)

    def _spread_news(self) -> None:
        while self._news:
            wanted = self._news.popleft()
            for vehicle, line in self._lines.items():
                if wanted in (None, vehicle):
                    line.sender.notify()

    def _take_most_urgent(self) -> None:
        """Take files of the vehicle that has the most urgent, present or not, and put it last among its equals."""
        waiting = [(line.receiver.most_urgent, vehicle) for vehicle, line in self._lines.items()]
        chosen = min(((lane, vehicle) for lane, vehicle in waiting if lane is not None), default=None, key=_lane)
        if chosen is None:
            return
        line = self._lines[chosen[1]] = self._lines.pop(chosen[1])
        line.receiver.accept_some()

    def _exchange(self, vehicle: VehicleId) -> Exchange | None:
        line = self._lines.get(vehicle)
        return None if line is None else line.exchange

    def _on_presence(self, vehicle: VehicleId, payload: bytes, now: float) -> None:
        """A vehicle came or its will was published. Unsigned, so it can do no more than close or ask for a session.

        After a restart the retained statements name the vehicles that believe in a session we have forgotten; an idle
        one would not notice, and its answers would wait here. A will ends the session it names only (sync rule 21).
        """
        try:
            presence = msgspec.json.decode(payload, type=Presence)
        except (msgspec.MsgspecError, ValueError):
            return
        exchange = self._exchange(vehicle)
        is_ours = exchange is not None and exchange.session == presence.session
        if presence.is_online and not is_ours:
            self._expected[vehicle] = now + EXPECT_S
        elif not presence.is_online:
            self._expected.pop(vehicle, None)
            if is_ours:
                self._lines[vehicle].close()

    def _ask_expected(self, now: float) -> None:
        """Greet whoever should be here and has not greeted."""
        for vehicle in [each for each, due in self._expected.items() if now >= due]:
            if self._exchange(vehicle) is None and self._port(vehicle) is not None:
                self._expected[vehicle] = now + EXPECT_AGAIN_S
                self._greet(vehicle, now)
            else:
                del self._expected[vehicle]

    def _on_signed(self, vehicle: VehicleId, signed: Signed, payload: bytes, now: float) -> None:
        peer = self._port(vehicle)
        if peer is None:
            self._on_stranger(vehicle, payload, f"vehicle {vehicle} is not enrolled here")
            self._say_unknown(vehicle, signed)
            return
        message = verify(signed, peer.public)
        if message.vehicle != vehicle:
            raise PeerRefused(f"a message of vehicle {message.vehicle[:32]!r} came under the name {vehicle}")
        if isinstance(message, Hello):
            if self._is_said_now(vehicle, message):
                self._on_hello(vehicle, peer, message)
        elif (exchange := self._exchange(vehicle)) is None:
            self._greet(vehicle, now)
        else:
            try:
                exchange.on_receipts(message, now)
            except PeerRefused as error:  # signed by this vehicle, only late
                _logger.info("%s", error)

    def _on_key_news(self, vehicle: VehicleId, news: KeyNews, payload: bytes) -> None:
        peer = self._port(vehicle)
        if peer is None:
            self._on_stranger(vehicle, payload, f"vehicle {vehicle} is not enrolled here")
        else:
            peer.on_keys(news.statements)

    def _is_said_now(self, vehicle: VehicleId, hello: Hello) -> bool:
        """Whether this Hello answers our latest Challenge; if not, it gets one.

        A broker may hold a Hello back until its session is long over, or say it again; its token would then look like
        a clone's. Only a vehicle that lives in that session can answer.
        """
        challenge = self._challenges.get(vehicle)
        if challenge is not None and hello.nonce and (hello.session, hello.nonce) == challenge:
            return True
        if not hello.nonce:
            nonce = self._random_bytes(16).hex()
            self._challenges[vehicle] = (hello.session, nonce)
            self._say(vehicle, Challenge(hello.session, nonce))
        return False

    def _on_hello(self, vehicle: VehicleId, peer: Peer, hello: Hello) -> None:
        fresh_token, fresh_epoch = self._random_bytes(16).hex(), self._random_bytes(8).hex()
        state = peer.sessions.load()
        verdict, changed = admit(hello, state, fresh_token=fresh_token, fresh_epoch=fresh_epoch, ours=self._abilities)
        if changed != state:
            peer.sessions.save(changed)
        if changed.epoch != state.epoch and state.epoch:
            self._on_alarm(vehicle, "rolled-back")
        if changed.rejoin != state.rejoin:
            self._on_alarm(vehicle, "rejoined")
        line = self._lines.get(vehicle)
        if verdict is not Admission.OK:
            if line is not None:
                line.close()
            self._on_alarm(vehicle, verdict)
        elif line is None or line.exchange is None or line.exchange.session != hello.session:
            self._open(vehicle, peer, hello.session, changed.epoch)
        self._welcome(vehicle, hello, verdict, changed)

    def _open(self, vehicle: VehicleId, peer: Peer, session: str, epoch: str) -> None:
        line = self._lines.get(vehicle)
        if line is None:
            line = self._lines[vehicle] = _Line(peer, self._clock.monotonic_s)
        line.close()
        line.peer = peer
        line.exchange = Exchange(
            vehicle, session, epoch, way=Way.DOWN, sender=line.sender, receiver=line.receiver, keys=self._keys
        )

    def _welcome(self, vehicle: VehicleId, hello: Hello, verdict: Admission, state: SessionState) -> None:
        is_ok = verdict is Admission.OK
        ours = self._abilities
        news = self._statements[max(0, hello.hospital_key - 1) :]
        if news and hello.proto_max >= WITH_KEY_NEWS:
            self._say(vehicle, KeyNews(news))
        welcome = Welcome(
            vehicle=vehicle,
            session=hello.session,
            hospital=self._hospital,
            verdict=verdict,
            epoch=state.epoch if is_ok else "",
            next_token=state.pending_token if is_ok else "",
            incarnation=state.incarnation,
            highest_receipt_seq=state.highest_receipt_seq,
            time_ms=max(0, to_ms(self._clock.now())),
            window_bytes=WINDOW_BYTES,
            proto=ours.agreed(abilities_of(hello)) or ours.proto_max,
            kinds=ours.kinds,
            codecs=ours.codecs,
            dict_ids=ours.dict_ids,
            keep_days=self._keep_days,
        )
        self._say(vehicle, sign(welcome, self._keys))

    def _say_unknown(self, vehicle: VehicleId, signed: Signed) -> None:
        """Tell it that it is not enrolled; its own signature proves nothing to us and is not asked for."""
        try:
            hello = unpack(signed.body, Hello, "hello")
        except BadFrame:
            return
        self._welcome(vehicle, hello, Admission.UNKNOWN, SessionState())

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

    def _say(self, vehicle: VehicleId, frame: Signed | Challenge | KeyNews | Greet) -> None:
        self._out.append(Publish(Topic(vehicle, Way.DOWN, SESSION), encode(frame)))
