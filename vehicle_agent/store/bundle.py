"""Bundles at the vehicle: what waits goes onto a stick; what a stick brings goes where the network would bring it.

Works with the device key alone, beside a running agent or without one. Nothing counts as sent because it is on a
stick: only the receipts that come back end anything.
"""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog

from clinic_records.clock import to_ms
from clinic_records.errors import BadFrame, NotFound, PeerRefused, RefusedInput, StoreError
from sync.bundle import (
    BundleWriter,
    Piece,
    Statement,
    VolumeReader,
    giver,
    sign_receipts,
    verify_receipts,
)
from sync.enrolment import Enrolment
from sync.ports import Verdict, WireItem
from sync.seal import peek, wire_hash
from vehicle_agent.store.durable import TEMP_SUFFIX, require_room
from vehicle_agent.store.keys import DeviceKeys
from vehicle_agent.store.spool import Spool

STICK_TEMP: Final = f".stick{TEMP_SUFFIX}"

_log = structlog.get_logger(__name__)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What went onto the stick; `left` envelopes found no room there and stay as they were.

    The bytes of `unreadable` ones are gone or cut short on this vehicle's disk: a person must look.
    """

    volumes: list[str]
    envelopes: int
    size: int
    left: int
    unreadable: int


class Brought(msgspec.Struct, kw_only=True):
    """What a stick brought.

    Attributes:
        receipts: rows that the hospital's receipts ended; `stale` receipts are of another epoch and end nothing.
        down: envelopes of the hospital for this vehicle, taken.
        carried: other vehicles' envelopes taken along for the hospital.
        known: what was here already, our own envelopes among it.
        incomplete: envelopes of which the stick does not have every byte.
        strange: what is for others, signed by nobody we know, or not what its name says.
        torn, damaged: volumes cut off before their end, and pieces with wrong bytes.
        foreign: files that are no volumes.
    """

    receipts: int = 0
    stale: int = 0
    down: int = 0
    carried: int = 0
    known: int = 0
    incomplete: int = 0
    strange: int = 0
    torn: int = 0
    damaged: int = 0
    foreign: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether everything on the stick could be read."""
        return not (self.incomplete or self.torn or self.damaged)


class Stick:
    """One vehicle's way by stick."""

    def __init__(self, spool: Spool, keys: DeviceKeys, hospital: Enrolment) -> None:
        self._spool = spool
        self._keys = keys
        self._hospital = hospital

    def write(self, folder: Path, *, now: datetime, name: str, since: datetime | None = None) -> Written:
        """Everything that waits, most urgent first; with `since` also what the hospital has of what is kept.

        Args:
            folder: on the stick; made if need be.
            now: the vehicle's time.
            name: random text that tells this bundle from others.
            since: seal time from which all that is kept goes along.

        Raises:
            StoreError: the stick refused; what it holds already stays whole.
        """
        vehicle, up = self._hospital.vehicle, self._spool.up
        kept = up.kept(since=since)
        done, size, unreadable = 0, 0, 0
        with BundleWriter(folder, vehicle, to_ms(now), name) as out:
            for receipts in sign_receipts(
                vehicle, self._hospital.hospital_id, "", self._spool.down.given(), self._keys.sign
            ):
                out.statement(receipts)
            for each in kept:
                item = each.item
                read = _reader(self._spool, item.wire_sha256)
                origin = each.origin or vehicle
                try:
                    if not out.envelope(item.wire_sha256, item.size, item.lane, origin=origin, to="", read=read):
                        break
                except NotFound as error:
                    _log.error("bundle.unreadable", error=str(error))
                    unreadable += 1
                else:
                    done, size = done + 1, size + item.size
        return Written(
            volumes=[str(path) for path in out.volumes],
            envelopes=done,
            size=size,
            left=len(kept) - done - unreadable,
            unreadable=unreadable,
        )

    def take(self, volumes: Iterable[Path]) -> Brought:
        """Everything these volumes hold for us or to carry; the same stick again changes nothing.

        Raises:
            StoreError: the stick cannot be read, or our disk is full; what was taken so far stays.
        """
        found = Brought()
        taking = _Taking(self._spool, self._hospital.vehicle, found)
        try:
            for path in volumes:
                reader = VolumeReader(path)
                for entry, data in reader.entries():
                    if isinstance(entry, Statement):
                        self._receipts(entry, found)
                    else:
                        taking.piece(entry, data)
                found.damaged += reader.damaged
                if reader.head is None:
                    found.foreign.append(path.name)
                elif not reader.is_whole:
                    found.torn += 1
        except OSError as error:
            raise StoreError(f"{self._spool.up.wire_folder}: cannot write: {error.strerror or error}") from error
        finally:
            taking.end()
        return found

    def _receipts(self, statement: Statement, found: Brought) -> None:
        """The hospital's receipts of our envelopes; of another epoch they end nothing (sync rule 3)."""
        try:
            if giver(statement) != (self._hospital.hospital_id, self._hospital.vehicle):
                found.strange += 1
                return
            said = verify_receipts(statement, self._spool.hospital_keys.every)
        except (PeerRefused, BadFrame):
            found.strange += 1
            return
        valid = [receipt for receipt in said.receipts if said.epoch and receipt.epoch == said.epoch]
        ended = self._spool.settle_by_stick(said.epoch, valid) if valid else []
        if ended is None:
            found.stale += len(said.receipts)
            return
        found.stale += len(said.receipts) - len(valid)
        found.receipts += sum(ended)
        found.known += len(ended) - sum(ended)


class _Taking:
    """Envelopes being put together from pieces of one or more volumes."""

    def __init__(self, spool: Spool, vehicle: str, found: Brought) -> None:
        self._spool = spool
        self._vehicle = vehicle
        self._found = found
        self._parts: dict[str, tuple[Piece, int]] = {}  # carried ones under way: their first piece and bytes so far
        self._down: set[str] = set()
        self._seen: set[str] = set()

    def piece(self, piece: Piece, data: bytes) -> None:
        if piece.to == self._vehicle:
            self._to_us(piece, data)
        elif piece.to:
            self._once(piece, "strange")
        elif piece.origin == self._vehicle:
            self._once(piece, "known")
        else:
            self._to_carry(piece, data)

    def end(self) -> None:
        """What never became whole is left out: the next stick, or the network, brings it."""
        self._found.incomplete += len(self._parts) + len(self._down)
        for name in self._parts:
            self._temp(name).unlink(missing_ok=True)
        self._parts.clear()

    def _once(self, piece: Piece, count: str) -> None:
        if piece.wire_sha256 not in self._seen:
            self._seen.add(piece.wire_sha256)
            setattr(self._found, count, getattr(self._found, count) + 1)

    def _to_us(self, piece: Piece, data: bytes) -> None:
        name, down = piece.wire_sha256, self._spool.down
        if name not in self._down and down.receipt_for(name) is not None:
            self._once(piece, "known")
            return
        self._down.add(name)
        try:
            ranges = down.write(name, piece.size, piece.lane, piece.offset, data)
        except RefusedInput:
            self._once(piece, "strange")
            self._down.discard(name)
            return
        if ranges == ((0, piece.size),):
            receipt = down.accept(name)
            self._down.discard(name)
            self._once(piece, "strange" if receipt.verdict is Verdict.REFUSED else "down")

    def _to_carry(self, piece: Piece, data: bytes) -> None:
        name = piece.wire_sha256
        if name not in self._parts and (name in self._seen or self._spool.up.kept(wire_sha256=name)):
            self._once(piece, "known")
            return
        _, done = self._parts.get(name, (piece, 0))
        if piece.offset != done:  # a piece before it is missing
            return
        require_room(self._spool.up.wire_folder, len(data))
        self._parts[name] = (piece, done)  # so that `end` takes it away should the disk refuse
        with self._temp(name).open("r+b" if done else "wb") as stream:
            stream.seek(piece.offset)
            stream.write(data)
            stream.flush()
            if piece.offset + len(data) == piece.size:
                os.fsync(stream.fileno())
        self._parts[name] = (piece, done + len(data))
        if done + len(data) == piece.size:
            del self._parts[name]
            self._carry(piece)

    def _carry(self, piece: Piece) -> None:
        path = self._temp(piece.wire_sha256)
        try:
            outer = peek(path).outer
        except RefusedInput:
            outer = None
        if outer is None or wire_hash(path) != piece.wire_sha256 or outer.origin == self._vehicle:
            path.unlink()
            self._once(piece, "strange")
            return
        item = WireItem(piece.wire_sha256, piece.size, outer.lane, 0)
        is_new = self._spool.up.carry(outer.origin, outer.incarnation, outer.seq, item, path)
        self._once(piece, "carried" if is_new else "known")

    def _temp(self, name: str) -> Path:
        return self._spool.up.wire_folder / f"{name}{STICK_TEMP}"


def _reader(spool: Spool, wire_sha256: str) -> Callable[[int, int], bytes]:
    return lambda offset, size: spool.up.read(wire_sha256, offset, size)
