"""Bundles at the hospital: what a stick brings is taken like what the network brings, and the answer goes back on it.

Each envelope counts for the vehicle that signed it, whoever carried the stick (sync rule 24): its receipts are kept for
that vehicle, and a revoked one's data is held. The same stick again changes nothing.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
from sqlalchemy import select

from clinic_records.clock import to_ms
from clinic_records.errors import BadFrame, NotFound, PeerRefused, RefusedInput
from clinic_records.ids import VehicleId, vehicle_id
from clinic_records.record import Lane
from cloud_hospital.downlinks.own_records import queue_own_records
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.inbound import VehicleInbound
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.intake.receipts import last_receipt
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import vehicles
from cloud_hospital.vehicle_keys import origins
from sync.bundle import BundleWriter, Piece, Statement, VolumeReader, giver, sign_receipts, verify_receipts
from sync.ports import Receipt, Verdict, WireItem

_AT_A_TIME = 500

_logger = logging.getLogger(__name__)


class Imported(msgspec.Struct, kw_only=True):
    """What a stick brought to the hospital.

    Attributes:
        verdicts: envelopes that were taken or answered now, by the receipt's verdict.
        known: envelopes answered before; nothing was done again.
        incomplete: not every byte is on the stick; what there is is kept, and only the rest is still needed.
        settled: of what went down to vehicles, how many their receipts ended.
        strange: of vehicles nobody enrolled, or for others than the hospital.
        torn, damaged: volumes cut off before their end, and pieces with wrong bytes.
        foreign: files that are no volumes.
        answers: for each vehicle, the envelopes its answer must speak of.
    """

    verdicts: dict[str, int] = {}
    known: int = 0
    incomplete: int = 0
    settled: int = 0
    strange: int = 0
    torn: int = 0
    damaged: int = 0
    foreign: list[str] = []
    answers: dict[str, list[str]] = {}

    @property
    def is_whole(self) -> bool:
        """Whether everything on the stick could be read and nothing of it is refused."""
        return not (self.incomplete or self.torn or self.damaged or self.verdicts.get(Verdict.REFUSED, 0))


class Answered(msgspec.Struct, frozen=True):
    """The stick's way back to one vehicle; `left` envelopes found no room there, or cannot be read on our disk."""

    vehicle: str
    volumes: list[str]
    receipts: int
    envelopes: int
    left: int


def import_volumes(hospital: Hospital, volumes: Iterable[Path]) -> Imported:
    """Take everything in these volumes; durable on return.

    Raises:
        StoreError: the stick cannot be read, or our disk or database refused; what was taken so far stays.
    """
    taking = _Taking(hospital)
    for path in volumes:
        reader = VolumeReader(path)
        for entry, data in reader.entries():
            if isinstance(entry, Statement):
                taking.statement(entry)
            else:
                taking.piece(entry, data)
        taking.found.damaged += reader.damaged
        if reader.head is None:
            taking.found.foreign.append(path.name)
        elif not reader.is_whole:
            taking.found.torn += 1
    return taking.end()


def write_answer(hospital: Hospital, vehicle: str, wires: Iterable[str], folder: Path, name: str) -> Answered:
    """Receipts of these envelopes for `vehicle`, and everything that waits on its way down, as a bundle in `folder`.

    Args:
        hospital: who answers.
        vehicle: for whom; it need not be the one that carries the stick.
        wires: hashes of the envelopes to answer.
        folder: on the stick.
        name: random text that tells this bundle from others.

    Raises:
        StoreError: the stick refused.
    """
    queue_own_records(hospital)  # a restored box may have asked by this very stick
    receipts = _receipts(hospital, vehicle, wires)
    outbound, taken = VehicleOutbound(hospital, vehicle), Counter[bool]()
    us = hospital.settings.id
    with BundleWriter(folder, us, to_ms(hospital.now()), f"{vehicle}-{name}") as out:
        for statement in sign_receipts(us, vehicle, hospital.log.current(), receipts, hospital.keys.sign):
            out.statement(statement)
        for lane in Lane:
            after = -1
            while items := outbound.waiting(lane, after, _AT_A_TIME):
                for item in items:
                    after = item.order
                    taken[_is_written(out, outbound, item, us, vehicle)] += 1
    return Answered(vehicle, [str(path) for path in out.volumes], len(receipts), taken[True], taken[False])


def _is_written(out: BundleWriter, outbound: VehicleOutbound, item: WireItem, us: str, vehicle: str) -> bool:
    """Whether the envelope is on the stick; one that cannot be read keeps no other off it."""
    name = item.wire_sha256
    try:
        return out.envelope(
            name,
            item.size,
            item.lane,
            origin=us,
            to=vehicle,
            read=lambda offset, size: outbound.read(name, offset, size),
        )
    except NotFound as error:
        _logger.error("%s: %s", vehicle, error)  # noqa: TRY400 - told, not traced
        return False


def _receipts(hospital: Hospital, vehicle: str, wires: Iterable[str]) -> list[Receipt]:
    """The receipts that stand, given anew in the current epoch where they are older."""
    inbound = VehicleInbound(hospital, vehicle)
    found = []
    for wire_sha256 in dict.fromkeys(wires):
        receipt = inbound.receipt_for(wire_sha256)
        if receipt is None:  # a refusal whose time is over: it is still the last answer
            with reading(hospital.engine) as connection:
                receipt = last_receipt(connection, vehicle, wire_sha256)
        if receipt is not None:
            found.append(receipt)
    return found


class _Taking:
    """One import."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._origins = origins(hospital.engine)
        self._enrolled = _enrolled(hospital)
        self._under_way: set[tuple[str, str]] = set()
        self._done: set[tuple[str, str]] = set()
        self._verdicts: Counter[str] = Counter()
        self._wires: dict[str, list[str]] = {}
        self.found = Imported()

    def piece(self, piece: Piece, data: bytes) -> None:
        key = (piece.origin, piece.wire_sha256)
        if key in self._done:
            return
        origin = self._origin(piece)
        if origin is None:
            self._done.add(key)
            self.found.strange += 1
            return
        inbound = VehicleInbound(self._hospital, origin, is_in_session=False)
        if key not in self._under_way and inbound.receipt_for(piece.wire_sha256) is not None:
            self._done.add(key)
            self.found.known += 1
            self._wires.setdefault(origin, []).append(piece.wire_sha256)
            return
        self._under_way.add(key)
        try:
            ranges = inbound.write(piece.wire_sha256, piece.size, piece.lane, piece.offset, data)
        except RefusedInput:
            self._finish(key)
            self.found.strange += 1
            return
        if ranges == ((0, piece.size),):
            receipt = inbound.accept(piece.wire_sha256)
            self._finish(key)
            self._verdicts[receipt.verdict.value] += 1
            self._wires.setdefault(origin, []).append(piece.wire_sha256)

    def statement(self, statement: Statement) -> None:
        """A vehicle's receipts of what went down to it."""
        try:
            by, to = giver(statement)
            public = self._origins.get(by)
            if public is None or to != self._hospital.settings.id or by in self._hospital.log.revoked():
                self.found.strange += 1
                return
            said = verify_receipts(statement, public)
        except (PeerRefused, BadFrame):
            self.found.strange += 1
            return
        outbound = VehicleOutbound(self._hospital, by)
        self.found.settled += sum(outbound.settle(receipt) for receipt in said.receipts)

    def end(self) -> Imported:
        self.found.incomplete = len(self._under_way)
        self.found.verdicts = dict(sorted(self._verdicts.items()))
        self.found.answers = self._wires
        return self.found

    def _finish(self, key: tuple[str, str]) -> None:
        self._under_way.discard(key)
        self._done.add(key)

    def _origin(self, piece: Piece) -> VehicleId | None:
        """The enrolled vehicle that says to have made it; its signature is looked at when it is whole."""
        try:
            origin = vehicle_id(piece.origin)
        except RefusedInput:
            return None
        return origin if not piece.to and origin in self._enrolled else None


def _enrolled(hospital: Hospital) -> frozenset[str]:
    with reading(hospital.engine) as connection:
        return frozenset(connection.execute(select(vehicles.c.id)).scalars())
