"""What one worker does with files of all vehicles: many small ones in one transaction, each by itself where in doubt.

A batch holds files that were never tried before. Their attempts are durable before any is opened (sync rule 13); after
a crash, or wherever a file is not plainly to be applied, each goes its own way through VehicleInbound, so the innocent
neighbours of a poisonous file are taken.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.exc import OperationalError

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import ClinicError
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.batch import Batch, FileKey
from cloud_hospital.intake.inbound import VehicleInbound, opener_of
from cloud_hospital.intake.opening import Taken
from cloud_hospital.store.engine import writing
from cloud_hospital.store.locks import insert_all_new
from cloud_hospital.store.tables import receipts, transfers
from sync.ports import Ranges, Receipt, WholeFile

OPENERS: Final = 4
"""Threads that open files of one batch: what they wait for is the disk, which commits several fsyncs at once."""

_logger = logging.getLogger(__name__)


def _key(file: WholeFile) -> FileKey:
    return file.vehicle, file.wire_sha256


class IntakeCounter:
    """sync.ports.IntakeStore of a hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital

    def take(self, files: Sequence[WholeFile]) -> Sequence[Receipt | None]:
        """Take whole files; None for one that cannot be taken now."""
        answers: dict[FileKey, Receipt | None] = {}
        try:
            fresh = self._begin(files)
            answers.update(self._apply(fresh))
        except (ClinicError, OSError, OperationalError) as error:
            _logger.warning("a batch of %d files is taken one by one: %s", len(files), error)
        for file in files:
            if _key(file) not in answers:
                answers[_key(file)] = self._take_one(file)
        return [answers[_key(file)] for file in files]

    def keep(
        self, vehicle: VehicleId, wire_sha256: str, size: int, lane: Lane, offset: int, data: bytes
    ) -> Ranges | Receipt:
        """Keep a part, durable on return; without data, what is here.

        Raises:
            RefusedInput: see Transfers.write.
            StoreError: the disk or the database refused.
        """
        inbound = VehicleInbound(self._hospital, vehicle)
        if data:
            return inbound.write(wire_sha256, size, lane, offset, data)
        return inbound.receipt_for(wire_sha256) or inbound.ranges(wire_sha256)

    def accept(self, vehicle: VehicleId, wire_sha256: str) -> Receipt:
        """Take a file whose parts are here.

        Raises:
            StoreError: the file is not whole here, or the disk or the database refused; nothing was answered.
        """
        return VehicleInbound(self._hospital, vehicle).accept(wire_sha256)

    def _take_one(self, file: WholeFile) -> Receipt | None:
        inbound = VehicleInbound(self._hospital, file.vehicle)
        try:
            inbound.write(file.wire_sha256, len(file.data), file.lane, 0, file.data)
            return inbound.accept(file.wire_sha256)
        except ClinicError as error:
            _logger.error("cannot take envelope %s: %s", file.wire_sha256, error)  # noqa: TRY400 - told, not traced
            return None

    def _begin(self, files: Sequence[WholeFile]) -> list[WholeFile]:
        """Those that nobody here ever saw; their first attempt is counted, durable on return."""
        now = to_ms(self._hospital.now())
        with writing(self._hospital.engine) as connection:
            answered = self._answered(connection, files)
            rows = [
                {
                    "vehicle": file.vehicle,
                    "wire_sha256": file.wire_sha256,
                    "size": len(file.data),
                    "lane": file.lane.value,
                    "ranges": "[]",
                    "attempts": 1,
                    "updated_at": now,
                }
                for file in sorted(files, key=_key)
                if _key(file) not in answered
            ]
            begun = set(insert_all_new(connection, transfers, rows, transfers.c.vehicle, transfers.c.wire_sha256))
        return [file for file in files if _key(file) in begun]

    def _answered(self, connection: Connection, files: Iterable[WholeFile]) -> set[FileKey]:
        columns = (receipts.c.vehicle, receipts.c.wire_sha256)
        query = select(*columns).where(tuple_(*columns).in_([_key(file) for file in files]))
        return {(row.vehicle, row.wire_sha256) for row in connection.execute(query)}

    def _apply(self, files: Sequence[WholeFile]) -> dict[FileKey, Receipt]:
        """The receipts of those that are plainly to be applied, all in one transaction."""
        if not files:
            return {}
        with self._opened(files) as opened:
            return self._commit(opened) if opened else {}

    @contextmanager
    def _opened(self, files: Sequence[WholeFile]) -> Iterator[dict[FileKey, Taken]]:
        """Each file verified and opened, the blobs among them durable under their hash."""
        opener = opener_of(self._hospital)
        folder = self._hospital.folder.transfers

        def open_one(file: WholeFile) -> Taken | None:
            path = folder / f"{file.vehicle}-{file.wire_sha256}.batch"
            try:
                path.write_bytes(file.data)  # not yet anybody's: nothing was answered
                opened = opener.open(path, file.wire_sha256, 1)
            finally:
                path.unlink(missing_ok=True)
            return opened if isinstance(opened, Taken) and opened.outer.origin == file.vehicle else None

        with ThreadPoolExecutor(OPENERS, "opener") as pool:
            taken = zip(files, pool.map(open_one, files), strict=True)
            yield {_key(file): each for file, each in taken if each is not None}

    def _commit(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        hospital = self._hospital
        with writing(hospital.engine) as connection:
            batch = Batch(connection, hospital.folder, hospital.log.current(), from_ms(to_ms(hospital.now())))
            return batch.take(opened)
