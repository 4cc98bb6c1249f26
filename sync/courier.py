"""The vehicle's end of the conversation: greet, be known, then move envelopes both ways.

Sans-I/O and single-threaded: `sync/mqtt.py` or a simulation calls it with monotonic seconds and publishes what it
returns. A connection is a session; whatever is wrong with one is answered by giving it up and connecting anew.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from clinic_records.clock import Clock, from_ms, to_ms
from clinic_records.errors import ClinicError, PeerRefused
from clinic_records.ids import VehicleId
from sync.abilities import OURS, WITH_KEY_NEWS, WITH_RENEWAL, Abilities
from sync.admission import Admission
from sync.endpoint import nobody_waits
from sync.exchange import Exchange
from sync.frames import (
    Challenge,
    Greet,
    Hello,
    KeyNews,
    Part,
    Presence,
    Renewal,
    SessionMessage,
    Signed,
    Welcome,
    decode,
    encode,
    sign,
    verify,
)
from sync.keys import OriginKeys, OriginPublic
from sync.ports import InboundStore, OutboundStore, Receipt, SessionStore
from sync.receiver import Receiver
from sync.sender import Sender
from sync.statements import KeyChain
from sync.topics import SESSION, Publish, Topic, Way, vehicle_filter

HELLO_AGAIN_S: Final = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0)
"""Seconds until Hello is said again; after the last one we connect anew, the broker may have lost our subscription. The
hospital may be down behind its broker: when it is up again it asks whoever its broker shows as connected."""
ASK_HELD_S: Final = 600.0
"""Seconds between two questions for what the hospital holds: it may have learned to read it, or a person decided ..."""
ASK_HELD: Final = 32
"""... and envelopes asked for each time, 128 bytes each, so that a slow link does not notice. Our choices."""
HELD_S: Final = 60.0
"""Seconds until a vehicle that was not admitted asks again."""

_logger = logging.getLogger(__name__)


class LinkState(StrEnum):
    """Where the session stands."""

    OFFLINE = "offline"
    GREETING = "greeting"
    ONLINE = "online"
    HELD = "held"


class Alarm(StrEnum):
    """What a person must look at; empty when all is well."""

    NONE = ""
    PEER_REFUSED = "peer-refused"
    BROKER_REFUSED = "broker-refused"
    FORK = "fork"
    UNKNOWN_VEHICLE = "unknown-vehicle"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"


_ALARMS: Final[Mapping[str, Alarm]] = {
    Admission.FORK: Alarm.FORK,
    Admission.UNKNOWN: Alarm.UNKNOWN_VEHICLE,
    Admission.TOO_OLD: Alarm.TOO_OLD,
    Admission.TOO_NEW: Alarm.TOO_NEW,
}


class PinnedHospital(msgspec.Struct, frozen=True):
    """The hospital this vehicle was enrolled with; `key_number` counts the hospital's rotations, from 1."""

    id: str
    public: OriginPublic
    key_number: int = 1


def _nothing(*_: object) -> None:
    """Nobody above wants to know."""


class VehicleCourier:
    """One vehicle's courier over its spool.

    Args:
        vehicle: whose.
        keys: its newest signing key.
        statements: how that key followed from the one it was enrolled with, should it have been rotated.
        hospital: the key a person brought with the enrolment; what followed from it is in the session's state.
        outbound, inbound, sessions: the spool.
        clock, random_bytes: the world.
        abilities: what this program understands.
        on_trusted_time: gets the hospital's signed time.
        on_renewed: gets the answer to a request of `ask_renewal`, not yet believed.
        on_incarnation: gets the incarnation the hospital granted, before anything is sent in it; it must be durable.
        on_new_epoch: the hospital was restored from a backup, under this new epoch; called before it is believed.
    """

    def __init__(
        self,
        vehicle: VehicleId,
        *,
        keys: OriginKeys,
        hospital: PinnedHospital,
        outbound: OutboundStore,
        inbound: InboundStore,
        sessions: SessionStore,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        statements: tuple[bytes, ...] = (),
        abilities: Abilities = OURS,
        on_trusted_time: Callable[[datetime], None] = _nothing,
        on_renewed: Callable[[bytes], None] = _nothing,
        on_incarnation: Callable[[int], None] = _nothing,
        on_new_epoch: Callable[[str], None] = _nothing,
    ) -> None:
        self.vehicle = vehicle
        self.state = LinkState.OFFLINE
        self.alarm = Alarm.NONE
        self.since: datetime = clock.now()
        self.sender = Sender(outbound)
        self._keys = keys
        self._statements = statements
        self._abilities = abilities
        pinned = KeyChain(hospital.id, hospital.key_number, (hospital.public,))
        self._hospital = pinned.extended(sessions.load().peer_keys)
        self._outbound = outbound
        self._receiver = Receiver(inbound, clock.monotonic_s)
        self._sessions = sessions
        self._clock = clock
        self._random_bytes = random_bytes
        self._on_trusted_time = on_trusted_time
        self._on_renewed = on_renewed
        self._requests: deque[bytes] = deque()
        self._on_incarnation = on_incarnation
        self._on_new_epoch = on_new_epoch
        self._session = self._new_session()
        self._hello = b""
        self._out: list[Publish] = []
        self._exchange: Exchange | None = None
        self._next_at: float | None = None
        self._hellos = 0
        self._ask_held_at: float | None = None
        self._asked_until = -1
        self._is_given_up = False
        self._has_news = False
        self.wake: Callable[[], None] = nobody_waits

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to at each connection."""
        return (vehicle_filter(self.vehicle),)

    @property
    def will(self) -> Publish:
        """What the broker shall publish when the connection that is opened next breaks."""
        return self._presence(is_online=False)

    @property
    def sending(self) -> frozenset[str]:
        """Wire hashes of the envelopes under way now."""
        return self.sender.sending

    @property
    def has_work(self) -> bool:
        """Whether `poll` should be called again at once."""
        return bool(self._out) or (self._exchange is not None and self._receiver.has_work)

    def notify(self) -> None:
        """The outbound store has new rows. The one call that may come from any thread."""
        self._has_news = True
        self.wake()

    def ask_renewal(self, request: bytes) -> bool:
        """Send a RenewalRequest in this session; whether there is one that can. From any thread."""
        peer = self._sessions.load().peer
        if self.state is not LinkState.ONLINE or (peer is not None and peer.proto_max < WITH_RENEWAL):
            return False
        self._requests.append(request)
        self.wake()
        return True

    def note_progress(self, now: float) -> None:
        """Bytes left the machine although no answer came yet."""
        self.sender.note_progress(now)

    def is_stalled(self, now: float) -> bool:
        """Whether this connection is to be given up for a new one."""
        if self._is_given_up:
            return True
        if self._exchange is not None and self.sender.is_stalled(now):
            self.sender.note_stall()
            self._is_given_up = True
        return self._is_given_up

    def on_refused(self, reason: str) -> None:
        """The broker does not take our password: another one's, or our enrolment is void."""
        self._raise_alarm(Alarm.BROKER_REFUSED, reason)

    def on_connected(self, now: float) -> None:
        """A connection stands and its subscriptions are granted: say Hello."""
        self._hello = self._make_hello("")
        self._out = [self._presence(is_online=True)]
        self._hellos = 0
        self._next_at = now
        self._go(LinkState.GREETING)

    def on_disconnected(self) -> None:
        """The connection ended, by whichever side; the next one is a new session."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
        self._out = []
        self._next_at = self._ask_held_at = None
        self._is_given_up = False
        self._session = self._new_session()
        self._go(LinkState.OFFLINE)

    def on_message(self, topic: Topic, payload: bytes, now: float, *, waited_s: float = 0.0) -> None:
        """Something came from the broker `waited_s` ago. Nothing from a stranger changes anything but the alarm."""
        if topic.vehicle != self.vehicle or topic.way is not Way.DOWN or self.state is LinkState.OFFLINE:
            return
        try:
            frame = decode(payload)
            if isinstance(frame, Signed):
                self._on_session_message(verify(frame, self._hospital.newest), now, waited_s)
            elif isinstance(frame, Challenge):
                self._on_challenge(frame, now)
            elif isinstance(frame, KeyNews):
                self._on_key_news(frame)
            elif isinstance(frame, Renewal):
                self._on_renewed(frame.body)
            elif isinstance(frame, Greet):
                self._on_greet(now)
            elif self._exchange is not None:
                self._exchange.on_frame(frame, now, waited_s)
        except PeerRefused as error:
            self._raise_alarm(Alarm.PEER_REFUSED, str(error))
        except ClinicError as error:
            _logger.warning("a message on %s was passed over: %s", topic, error)

    def poll(self, now: float) -> list[Publish]:
        """What to publish now; call again at `next_wakeup`, after each message, and while `has_work`."""
        out, self._out = self._out, []
        if self._next_at is not None and now >= self._next_at:
            if self.state is LinkState.GREETING and self._hellos < len(HELLO_AGAIN_S):
                said = [*self._own_news(), self._hello]
                out += [self._presence(is_online=True)] if self._hellos > 1 else []  # a late will may have hidden us
                out += [Publish(Topic(self.vehicle, Way.UP, SESSION), each) for each in said]
                self._hello = self._make_hello("")  # should there be no answer, all begins anew
                self._next_at = now + HELLO_AGAIN_S[self._hellos]
                self._hellos += 1
            else:
                self._is_given_up = True
        while self._requests:
            out.append(Publish(Topic(self.vehicle, Way.UP, SESSION), encode(Renewal(self._requests.popleft()))))
        if self._has_news:
            self._has_news = False
            self.sender.notify()
        if self._exchange is not None:
            out += self._exchange.poll(now)
            if self._ask_held_at is not None and now >= self._ask_held_at:
                self._ask_held_at = now + ASK_HELD_S
                out += self._ask_for_held()
            if not out:
                out = self._exchange.take()
        return out

    def next_wakeup(self) -> float | None:
        """When to poll again though nothing happened, monotonic seconds."""
        times = [each for each in (self._next_at, self._ask_held_at) if each is not None]
        if self._exchange is not None and (wakeup := self.sender.next_wakeup()) is not None:
            times.append(wakeup)
        return min(times, default=None)

    def _ask_for_held(self) -> list[Publish]:
        """Questions for some of what the hospital holds, in turn; a receipt that says otherwise now comes back."""
        items = self._outbound.held(self._asked_until, ASK_HELD)
        self._asked_until = items[-1].order if items else -1
        parts = [Part(item.wire_sha256, item.size, item.lane, 0, b"") for item in items]
        return [Publish(Topic(self.vehicle, Way.UP, part.lane), encode(part)) for part in parts]

    def _own_news(self) -> list[bytes]:
        """How our key followed from the one the hospital enrolled: told each time, it may have been rolled back."""
        peer = self._sessions.load().peer
        understands = peer is None or peer.proto_max >= WITH_KEY_NEWS
        return [encode(KeyNews(self._statements))] if self._statements and understands else []

    def _make_hello(self, nonce: str) -> bytes:
        state = self._sessions.load()
        ours = self._abilities
        hello = Hello(
            vehicle=self.vehicle,
            session=self._session,
            nonce=nonce,
            incarnation=state.incarnation,
            token=state.token,
            epoch=state.epoch,
            highest_receipt_seq=state.highest_receipt_seq,
            sent_ms=max(0, to_ms(self._clock.now())),
            proto_min=ours.proto_min,
            proto_max=ours.proto_max,
            kinds=ours.kinds,
            codecs=ours.codecs,
            dict_ids=ours.dict_ids,
            hospital_key=self._hospital.number,
            rejoin=state.rejoin,
            last_seq=state.closed_seq,
        )
        return encode(sign(hello, self._keys))

    def _on_greet(self, now: float) -> None:
        """The hospital does not know us: begin anew, or say Hello again soon; no broker makes us say it without end."""
        if self.state is LinkState.ONLINE:
            self._is_given_up = True
        elif self.state is LinkState.GREETING and self._hellos and self._next_at is not None:
            said_at = self._next_at - HELLO_AGAIN_S[self._hellos - 1]
            self._next_at = min(self._next_at, max(now, said_at + HELLO_AGAIN_S[0]))
            self._hellos = 0

    def _on_challenge(self, challenge: Challenge, now: float) -> None:
        """Say Hello again, now: the hospital cannot know that the first was no late copy."""
        if self.state is LinkState.GREETING and challenge.session == self._session:
            self._hello = self._make_hello(challenge.nonce)
            self._next_at = now

    def _on_key_news(self, news: KeyNews) -> None:
        """Keys of the hospital that follow from the one we know; durable before anything is believed by them."""
        chain = self._hospital.extended(news.statements)
        if chain.number > self._hospital.number:
            self._sessions.save(msgspec.structs.replace(self._sessions.load(), peer_keys=chain.learnt))
            self._hospital = chain
            _logger.info("the hospital's keys are number %d now", chain.number)

    def _on_session_message(self, message: SessionMessage, now: float, waited_s: float) -> None:
        if isinstance(message, Welcome):
            self._on_welcome(message, now)
        elif self._exchange is not None:
            try:
                receipts = self._exchange.on_receipts(message, now, waited_s)
            except PeerRefused as error:  # signed by our hospital, only late: no alarm
                _logger.info("%s", error)
                return
            self._note_highest(receipts)

    def _on_welcome(self, welcome: Welcome, now: float) -> None:
        if (welcome.vehicle, welcome.session) != (self.vehicle, self._session) or self.state is not LinkState.GREETING:
            return
        if welcome.hospital != self._hospital.holder:
            self._raise_alarm(Alarm.PEER_REFUSED, f"hospital {welcome.hospital!r} answered with our hospital's key")
            return
        self._on_trusted_time(from_ms(welcome.time_ms))
        if welcome.verdict != Admission.OK:
            self._raise_alarm(_ALARMS.get(welcome.verdict, Alarm.TOO_OLD), f"verdict {welcome.verdict}")
            self._next_at = now + HELD_S
            self._go(LinkState.HELD)
            return
        self._remember(welcome)
        self.alarm = Alarm.NONE
        self._next_at = None
        self.sender.window_limit = welcome.window_bytes
        # Said again: the will of the connection before may have been published after the first time.
        self._out.append(self._presence(is_online=True))
        self._exchange = Exchange(
            self.vehicle,
            self._session,
            welcome.epoch,
            way=Way.UP,
            sender=self.sender,
            receiver=self._receiver,
            keys=self._keys,
        )
        self._ask_held_at = now
        self._go(LinkState.ONLINE)

    def _remember(self, welcome: Welcome) -> None:
        """Keep the next token; in a new epoch the hospital lost what it had: offer everything again first."""
        state = self._sessions.load()
        is_new_epoch = state.epoch != welcome.epoch
        if is_new_epoch and state.epoch:
            self._on_new_epoch(welcome.epoch)
            count = self._outbound.reopen_all()
            _logger.warning("the hospital was restored from a backup: %d envelopes are offered again", count)
        if state.rejoin:
            self._on_incarnation(welcome.incarnation)
            _logger.warning("the hospital granted incarnation %d to this restored box", welcome.incarnation)
        self._sessions.save(
            msgspec.structs.replace(
                state,
                token=welcome.next_token,
                epoch=welcome.epoch,
                highest_receipt_seq=0 if is_new_epoch else state.highest_receipt_seq,
                peer_time=from_ms(welcome.time_ms),
                peer=_abilities_of(welcome),
                keep_days=welcome.keep_days,
                incarnation=welcome.incarnation if state.rejoin else state.incarnation,
                rejoin="",
            )
        )
        if is_new_epoch and state.epoch:
            self._outbound.reopen_all()  # what a stick of the old epoch ended just before this one was in force

    def _note_highest(self, receipts: tuple[Receipt, ...]) -> None:
        state = self._sessions.load()
        highest = max((each.receipt_seq for each in receipts if each.epoch == state.epoch), default=0)
        if highest > state.highest_receipt_seq:
            self._sessions.save(msgspec.structs.replace(state, highest_receipt_seq=highest))

    def _presence(self, *, is_online: bool) -> Publish:
        payload = msgspec.json.encode(Presence(self._session, is_online))
        return Publish(Topic(self.vehicle, Way.STATE), payload, is_retained=True)

    def _new_session(self) -> str:
        return self._random_bytes(16).hex()

    def _go(self, state: LinkState) -> None:
        if state is not self.state:
            self.state, self.since = state, self._clock.now()

    def _raise_alarm(self, alarm: Alarm, detail: str) -> None:
        self.alarm = alarm
        _logger.error("alarm %s: %s", alarm, detail)


def _abilities_of(welcome: Welcome) -> Abilities:
    """What the hospital says that it understands; of its versions it tells the one agreed on."""
    return Abilities(welcome.proto, welcome.proto, welcome.kinds, welcome.codecs, welcome.dict_ids)
