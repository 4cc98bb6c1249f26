"""Key statements: how an end that is known already changes its keys (sync rules 4 and 22).

The keys of a holder are numbered from 1, its enrolment's. Statement n names the pair that holds from now on: whom to
believe and whom to seal to. It is signed twice: by the key of number n - 1, which the other end believes, and by the
new key itself, which so proves that it is there. An end that was away during several rotations walks the chain. A
signing key that was stolen cannot be mended this way (the thief can make a statement too): then a person enrols anew.

Session messages count under the newest key only; an envelope under every key of the chain, because it may have been
sealed before the rotation and travel for weeks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from clinic_records.errors import BadFrame, PeerRefused
from sync.keys import RAW_KEY_SIZE, AnyOf, Domain, OriginKeys, OriginPublic, RecipientKey
from sync.packing import unpack


class KeyStatement(msgspec.Struct, frozen=True, array_like=True):
    """The keys of `holder` from number `number` on; `made_ms` in milliseconds since 1970."""

    holder: str
    number: int
    sign_public: bytes
    box_public: bytes
    made_ms: int


class _Signed(msgspec.Struct, frozen=True, array_like=True):
    """A statement's bytes and both signatures over them."""

    body: bytes
    by_former: bytes
    by_itself: bytes


def state_keys(statement: KeyStatement, *, former: OriginKeys, fresh: OriginKeys) -> bytes:
    """`statement` signed by the key it replaces and by its own."""
    body = msgspec.msgpack.encode(statement)
    return msgspec.msgpack.encode(_Signed(body, former.sign(Domain.KEYS, body), fresh.sign(Domain.KEYS, body)))


@dataclass(frozen=True)
class KeyChain:
    """A holder's keys as far as they are known and proved.

    Attributes:
        holder: hospital or vehicle id.
        number: of the newest key.
        signers: public signing keys, newest first; the last came with the enrolment.
        boxes: whom to seal to, newest first; none for the enrolment's where nobody here seals.
        learnt: the statements that led from the pinned key here, in order: what is to be remembered.
    """

    holder: str
    number: int
    signers: tuple[OriginPublic, ...]
    boxes: tuple[RecipientKey, ...] = ()
    learnt: tuple[bytes, ...] = ()

    @property
    def newest(self) -> OriginPublic:
        """Who signs sessions now."""
        return self.signers[0]

    @property
    def every(self) -> AnyOf:
        """Who may have signed an envelope."""
        return AnyOf(self.signers)

    def extended(self, statements: Iterable[bytes]) -> "KeyChain":
        """The chain with what `statements` add, in their order; those known already change nothing.

        Raises:
            PeerRefused: one is forged, of another holder, leaves a number out, or says of a known number other keys.
            BadFrame: one is no statement.
        """
        chain = self
        for each in statements:
            chain = chain._with(each)
        return chain

    def _with(self, data: bytes) -> "KeyChain":
        signed = unpack(data, _Signed, "key statement")
        said = unpack(signed.body, KeyStatement, "key statement")
        if len(said.sign_public) != RAW_KEY_SIZE or len(said.box_public) != RAW_KEY_SIZE:
            raise BadFrame("key statement: a key of another length", raw=data)
        if said.holder != self.holder:
            raise PeerRefused(f"key statement of {said.holder!r} where {self.holder!r} is known")
        if said.number <= self.number:
            self._check_known(said)
            return self
        if said.number != self.number + 1:
            raise PeerRefused(f"key statement {said.number} of {self.holder}: {self.number + 1} is missing")
        fresh = OriginPublic(said.sign_public)
        self.newest.verify(Domain.KEYS, signed.body, signed.by_former)
        fresh.verify(Domain.KEYS, signed.body, signed.by_itself)
        return replace(
            self,
            number=said.number,
            signers=(fresh, *self.signers),
            boxes=(RecipientKey(said.box_public), *self.boxes),
            learnt=(*self.learnt, data),
        )

    def _check_known(self, said: KeyStatement) -> None:
        """A statement repeated says what it said; numbers before the pinned one are nobody's business any more."""
        place = self.number - said.number
        if place < len(self.signers) and self.signers[place].raw != said.sign_public:
            raise PeerRefused(f"two statements number {said.number} of {self.holder}: one of them is forged")
