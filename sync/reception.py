"""How the hospital greets: challenge, verdict, welcome. Any worker may do any step of it, so it remembers nothing.

A broker may hold a Hello back until its session is long over, or say it again; its token would then look like a
clone's. So a Hello counts only with the nonce of a Challenge, and the nonce follows from what the hospital remembers
of the vehicle: once another session was admitted, every nonce given before is void.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from clinic_records.clock import Clock, to_ms
from clinic_records.errors import BadFrame, PeerRefused
from clinic_records.ids import VehicleId, sha256_hex
from sync.abilities import OURS, WITH_KEY_NEWS, Abilities
from sync.admission import Admission, abilities_of, admit
from sync.down_line import Alone
from sync.frames import Challenge, Hello, KeyNews, Signed, Welcome, sign
from sync.keys import Domain, OriginKeys, OriginPublic
from sync.packing import unpack
from sync.ports import HospitalSessions, InboundStore, Lease, OutboundStore, SessionState

Said = Signed | Challenge | KeyNews


def _no_renewal(_request: bytes) -> bytes:
    raise PeerRefused("no certificates are renewed here")


def _no_keys(statements: tuple[bytes, ...]) -> None:
    """The keys of this vehicle never change."""


@dataclass(frozen=True)
class Peer:
    """What the hospital has for one enrolled vehicle.

    `on_keys` takes statements of its newer keys, durable on return; it raises PeerRefused where they do not follow.
    `on_renewal` answers a RenewalRequest.
    """

    public: OriginPublic
    inbound: InboundStore
    outbound: OutboundStore
    sessions: HospitalSessions
    on_keys: Callable[[tuple[bytes, ...]], None] = _no_keys
    on_renewal: Callable[[bytes], bytes] = _no_renewal
    lease: Lease = field(default_factory=Alone)


@dataclass(frozen=True)
class Greeted:
    """What a Hello led to: what to say, and where it was judged, the verdict and the state that is durable now."""

    say: list[Said]
    verdict: Admission | None = None
    epoch: str = ""


class Reception:
    """Greets for one hospital.

    Args:
        hospital: the id vehicles have pinned.
        keys: the newest signing key's pair.
        statements: how that key followed from the first, in order: number 2 comes first.
        abilities: what this program understands.
        keep_days: for how long vehicles keep what was received: how old a backup may be.
        window_bytes: what a vehicle may have under way.
        on_alarm: gets a vehicle and what a person must look at.
    """

    def __init__(
        self,
        hospital: str,
        *,
        keys: OriginKeys,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        on_alarm: Callable[[VehicleId, str], None],
        window_bytes: int,
        statements: tuple[bytes, ...] = (),
        abilities: Abilities = OURS,
        keep_days: int = 30,
    ) -> None:
        self._hospital = hospital
        self._keys = keys
        self._clock = clock
        self._random_bytes = random_bytes
        self._on_alarm = on_alarm
        self._window_bytes = window_bytes
        self._statements = statements
        self._abilities = abilities
        self._keep_days = keep_days

    def on_hello(self, vehicle: VehicleId, peer: Peer, hello: Hello) -> Greeted:
        """Judge a Hello that this vehicle signed; nobody else judges one of it meanwhile."""
        with peer.sessions.alone():
            state = peer.sessions.load()
            nonce = self._nonce(vehicle, hello.session, state)
            if hello.nonce != nonce:
                return Greeted([] if hello.nonce else [Challenge(hello.session, nonce)])
            fresh_token, fresh_epoch = self._random_bytes(16).hex(), self._random_bytes(8).hex()
            verdict, changed = admit(
                hello, state, fresh_token=fresh_token, fresh_epoch=fresh_epoch, ours=self._abilities
            )
            if changed.rejoin != state.rejoin:
                peer.outbound.reopen_all()  # the box lost what came down after its backup (sync rule 6)
            changed = msgspec.structs.replace(changed, key_number=len(self._statements) + 1)
            if changed != state:
                peer.sessions.save(changed)
        if changed.epoch != state.epoch and state.epoch:
            self._on_alarm(vehicle, "rolled-back")
        if changed.rejoin != state.rejoin:
            self._on_alarm(vehicle, "rejoined")
        if verdict is not Admission.OK:
            self._on_alarm(vehicle, verdict)
        return Greeted(self._welcome(vehicle, hello, verdict, changed), verdict, changed.epoch)

    def say_unknown(self, vehicle: VehicleId, signed: Signed) -> list[Said]:
        """Tell it that it is not enrolled; its own signature proves nothing to us and is not asked for."""
        try:
            hello = unpack(signed.body, Hello, "hello")
        except BadFrame:
            return []
        return self._welcome(vehicle, hello, Admission.UNKNOWN, SessionState())

    def _nonce(self, vehicle: VehicleId, session: str, state: SessionState) -> str:
        """Nobody without the signing key can tell it; Ed25519 signs the same bytes the same way (RFC 8032)."""
        about = f"{vehicle}\n{session}\n{state.session}\n{state.token}\n{state.pending_token}"
        return sha256_hex(self._keys.sign(Domain.CHALLENGE, about.encode()))[:32]

    def _welcome(self, vehicle: VehicleId, hello: Hello, verdict: Admission, state: SessionState) -> list[Said]:
        is_ok = verdict is Admission.OK
        ours = self._abilities
        news = self._statements[max(0, hello.hospital_key - 1) :]
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
            window_bytes=self._window_bytes,
            proto=ours.agreed(abilities_of(hello)) or ours.proto_max,
            kinds=ours.kinds,
            codecs=ours.codecs,
            dict_ids=ours.dict_ids,
            keep_days=self._keep_days,
        )
        told: list[Said] = [KeyNews(news)] if news and hello.proto_max >= WITH_KEY_NEWS else []
        return [*told, sign(welcome, self._keys)]
