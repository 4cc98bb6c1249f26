"""The hospital's InboundStore of one vehicle: parts in, whole envelopes applied once, receipts out."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.exc import OperationalError

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import ClinicError, StoreError
from clinic_records.ids import blob_hash
from clinic_records.record import Lane
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.apply import Applying
from cloud_hospital.intake.attempts import forgive, forgive_owed
from cloud_hospital.intake.opening import NotTaken, Opener, Taken
from cloud_hospital.intake.projections import sharers
from cloud_hospital.intake.receipts import last_receipt, lock_vehicle, still_stands, write_receipt
from cloud_hospital.intake.transfers import Transfers
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.locks import exclusive, lock_all
from cloud_hospital.vehicle_keys import origins
from sync.durable import fsync_folder
from sync.ports import Ranges, Receipt, Verdict

_OPEN: Final = frozenset({Verdict.HELD, Verdict.REFUSED})
"""Verdicts that another one may still follow."""

_logger = logging.getLogger(__name__)


def opener_of(hospital: Hospital) -> Opener:
    """What opens files for `hospital`, as its keys, vehicles and revocations are now."""
    keys, folder = hospital.keys, hospital.folder
    return Opener(keys.keyring, origins(hospital.engine), hospital.log.revoked(), folder.blobs, keys.signers)


class VehicleInbound:
    """sync.ports.InboundStore of what `vehicle` sends to this hospital."""

    def __init__(self, hospital: Hospital, vehicle: str, *, is_in_session: bool = True) -> None:
        """`is_in_session`: the bytes come from the vehicle itself, not from a stick that only names it."""
        self._hospital = hospital
        self._vehicle = vehicle
        self.transfers = Transfers(
            hospital.engine, hospital.folder, vehicle, hospital.clock, is_in_session=is_in_session
        )

    def ranges(self, wire_sha256: str) -> Ranges:
        """Which bytes of this wire file are durable here."""
        return self.transfers.ranges(wire_sha256)

    def write(self, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes) -> Ranges:
        """Keep a part, durable on return.

        Raises:
            RefusedInput: see Transfers.write.
            StoreError: the disk or the database refused.
        """
        with _named_trouble(wire_sha256):
            return self.transfers.write(wire_sha256, size, lane, offset, data)

    def receipt_for(self, wire_sha256: str) -> Receipt | None:
        """The receipt that stands for this file, under the current epoch."""
        with reading(self._hospital.engine) as connection:
            receipt = last_receipt(connection, self._vehicle, blob_hash(wire_sha256))
        if receipt is None or not still_stands(receipt, self._hospital.now()):
            return None
        return receipt if receipt.epoch == self._epoch else self._repeat(receipt)

    def accept(self, wire_sha256: str) -> Receipt:
        """Take the whole file: verify, open, apply once, answer.

        Raises:
            StoreError: the file is not whole here, or the disk or the database refused; nothing was answered.
        """
        name = f"wire {self._vehicle} {blob_hash(wire_sha256)}"
        with _named_trouble(wire_sha256), exclusive(self._hospital.engine, name, self._hospital.folder.run):
            path = self.transfers.path(wire_sha256)
            given = self.receipt_for(wire_sha256)
            if given is not None:
                with writing(self._hospital.engine) as connection:
                    self.transfers.forget(connection, wire_sha256)
                path.unlink(missing_ok=True)
                return given
            forgive_owed(self._hospital)
            attempts = self.transfers.count_attempt(wire_sha256)
            if attempts == 0:
                raise StoreError(f"wire file {wire_sha256} of {self._vehicle} is not whole")
            try:
                opened = opener_of(self._hospital).open(path, wire_sha256, attempts)
                receipt = self._answer(wire_sha256, path, opened)
                if opened.outer is not None and opened.outer.origin != self._vehicle:
                    self.tell_origin(receipt, opened.outer.origin)
            except (OSError, OperationalError):
                forgive(self._hospital, [(self._vehicle, wire_sha256)])  # a full disk is no fault of the envelope
                raise
            path.unlink(missing_ok=True)
            return receipt

    def tell_origin(self, receipt: Receipt, origin: str) -> None:
        """Keep the receipt for the vehicle that made the envelope too, where another one carried it (sync rule 24).

        A crash before it costs the origin one more sending, and it is a duplicate then.
        """
        with writing(self._hospital.engine) as connection:
            last = lock_vehicle(connection, origin)
            there = last_receipt(connection, origin, receipt.wire_sha256)
            if there is None or (there.verdict in _OPEN and receipt.verdict not in _OPEN):
                given = {name: getattr(receipt, name) for name in ("id", "revision", "sha256", "reason")}
                write_receipt(
                    connection,
                    origin,
                    receipt.wire_sha256,
                    receipt.verdict,
                    epoch=receipt.epoch,
                    at=receipt.at,
                    last=last,
                    **given,
                )

    def take_held(self, wire_sha256: str, path: Path) -> Receipt | NotTaken:
        """Take a file that was held before; NotTaken where nothing has changed, and then nothing does.

        Raises:
            OSError, OperationalError: the disk or the database refused.
        """
        opened = opener_of(self._hospital).open(path, wire_sha256, 1)
        if isinstance(opened, NotTaken):
            return opened
        with self._applying(wire_sha256, opened) as applying:
            outcome = applying.take(opened)
        return self._told(outcome, opened)

    def take_decided(self, wire_sha256: str, path: Path) -> Receipt | NotTaken:
        """Take a held file by a named person's word: a revoked origin's, another owner's, or one that was poison.

        Raises:
            OSError, OperationalError: the disk or the database refused.
        """
        opened = replace(opener_of(self._hospital), revoked=frozenset()).open(path, wire_sha256, 1)
        if isinstance(opened, NotTaken):
            return opened
        with self._applying(wire_sha256, opened) as applying:
            outcome = replace(applying, is_decided=True).take(opened)
        return self._told(outcome, opened)

    def _told(self, outcome: Receipt | NotTaken, taken: Taken) -> Receipt | NotTaken:
        """The outcome of what was held, told to its origin too where another vehicle had carried it."""
        if isinstance(outcome, Receipt) and taken.outer.origin != self._vehicle:
            self.tell_origin(outcome, taken.outer.origin)
        return outcome

    def sweep(self) -> int:
        """Answer files that were whole when a worker died; how many (sync rule 10).

        One that cannot be taken now waits for the vehicle's question; the rest, and the worker's start, do not.
        """
        answered = 0
        for wire_sha256 in self.transfers.whole():
            try:
                self.accept(wire_sha256)
            except ClinicError as error:
                _logger.error("cannot take envelope %s of %s: %s", wire_sha256, self._vehicle, error)  # noqa: TRY400 - told, not traced
                continue
            answered += 1
        return answered

    @property
    def _epoch(self) -> str:
        return self._hospital.log.current()

    def _answer(self, wire_sha256: str, path: Path, opened: Taken | NotTaken) -> Receipt:
        if isinstance(opened, Taken):
            with self._applying(wire_sha256, opened) as applying:
                outcome = applying.take(opened)
                if isinstance(outcome, Receipt):
                    self.transfers.forget(applying.connection, wire_sha256)
                    return outcome
            opened = outcome
        kept_at = self._keep_raw(path, wire_sha256)
        with self._applying(wire_sha256) as applying:
            self.transfers.forget(applying.connection, wire_sha256)
            return applying.set_aside(opened, kept_at)

    @contextmanager
    def _applying(self, wire_sha256: str, taken: Taken | None = None) -> Iterator[Applying]:
        """The transaction that answers; the vehicle's row is locked in it, and what `taken` shares with others."""
        hospital = self._hospital
        with writing(hospital.engine) as connection:
            if taken is not None and taken.thing is not None:
                lock_all(connection, sharers(taken.header, taken.thing))
            last = lock_vehicle(connection, self._vehicle)
            yield Applying(connection, hospital.folder, self._vehicle, wire_sha256, self._epoch, self._at(), last)

    def _keep_raw(self, path: Path, wire_sha256: str) -> str:
        """The raw bytes under quarantine/, durable before anything is answered."""
        folder = self._hospital.folder.quarantine
        target = folder / f"{self._vehicle}-{wire_sha256}.wire"
        if not target.exists():
            os.link(path, target)
        fsync_folder(folder)
        return str(target.relative_to(self._hospital.folder.root))

    def _repeat(self, receipt: Receipt) -> Receipt:
        """An old epoch's receipt given anew: a receipt counts only in its session's epoch (sync rule 3)."""
        with writing(self._hospital.engine) as connection:
            return write_receipt(
                connection,
                self._vehicle,
                receipt.wire_sha256,
                receipt.verdict,
                epoch=self._epoch,
                at=self._at(),
                last=lock_vehicle(connection, self._vehicle),
                id=receipt.id,
                revision=receipt.revision,
                sha256=receipt.sha256,
                reason=receipt.reason,
            )

    def _at(self) -> datetime:
        return from_ms(to_ms(self._hospital.now()))


@contextmanager
def _named_trouble(wire_sha256: str) -> Iterator[None]:
    """Tell a disk's or a database's refusal as ours, so that it ends this one call and not the worker."""
    try:
        yield
    except (OSError, OperationalError) as error:
        raise StoreError(f"wire file {wire_sha256}: the hospital's disk or database refused: {error}") from error
