"""What one worker does with files of all vehicles: many small ones in one transaction, each by itself where in doubt.

A batch holds files that were never tried before. Their attempts are durable before any is opened (sync rule 13); after
a crash, or wherever a file is not plainly to be applied, each goes its own way through VehicleInbound, so the innocent
neighbours of a poisonous file are taken.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select, tuple_, update
from sqlalchemy.exc import OperationalError

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import ClinicError
from clinic_records.ids import VehicleId
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.batch import Batch, FileKey
from cloud_hospital.intake.inbound import VehicleInbound, opener_of
from cloud_hospital.intake.opening import Taken
from cloud_hospital.intake.parts import keep_parts
from cloud_hospital.store.engine import writing
from cloud_hospital.store.locks import insert_all_new
from cloud_hospital.store.tables import receipts, transfers
from sync.ports import FilePart, Ranges, Receipt, WholeFile

OPENERS: Final = 4
"""Threads that open files of one batch: what they wait for is the disk, which commits several fsyncs at once."""

_logger = logging.getLogger(__name__)


def _key(file: WholeFile | FilePart) -> FileKey:
    return file.vehicle, file.wire_sha256


class IntakeCounter:
    """sync.ports.IntakeStore of a hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital

    def take(self, files: Sequence[WholeFile]) -> Sequence[Receipt | None]:
        """Take whole files; None for one that cannot be taken now."""
        answers = self._in_one_go(lambda: self._take_fresh(files), len(files))
        return [answers[_key(each)] if _key(each) in answers else self._take_one(each) for each in files]

    def accept_some(self, files: Sequence[FileKey]) -> Sequence[Receipt | None]:
        """Take small files whose parts are here; None for one that cannot be taken now."""
        answers = self._in_one_go(lambda: self._take_whole(files), len(files))
        return [answers[each] if each in answers else self._accept_one(each) for each in files]

    def keep(self, parts: Sequence[FilePart]) -> Sequence[Ranges | Receipt | None]:
        """Keep parts, durable on return; for those without data, what is here. None where one is refused."""
        brought = [each for each in parts if each.data]
        try:
            held = keep_parts(self._hospital, brought)
        except (ClinicError, OSError, OperationalError) as error:
            _logger.warning("%d parts are kept one by one: %s", len(brought), error)
            held = {}
        return [held.get(_key(each)) if each.data and _key(each) in held else self._keep_one(each) for each in parts]

    def accept(self, vehicle: VehicleId, wire_sha256: str) -> Receipt:
        """Take a file whose parts are here.

        Raises:
            StoreError: the file is not whole here, or the disk or the database refused; nothing was answered.
        """
        return VehicleInbound(self._hospital, vehicle).accept(wire_sha256)

    def _in_one_go(self, act: Callable[[], dict[FileKey, Receipt]], count: int) -> dict[FileKey, Receipt]:
        """What a batch gave; nothing where it was ended: then each goes by itself."""
        try:
            return act()
        except (ClinicError, OSError, OperationalError) as error:
            _logger.warning("a batch of %d files is taken one by one: %s", count, error)
            return {}

    def _take_fresh(self, files: Sequence[WholeFile]) -> dict[FileKey, Receipt]:
        folder = self._hospital.folder.transfers
        paths = {_key(each): folder / f"{each.vehicle}-{each.wire_sha256}.batch" for each in self._begin(files)}
        data = {_key(each): each.data for each in files}
        try:
            for key, path in paths.items():
                path.write_bytes(data[key])  # not yet anybody's: nothing was answered
            return self._apply(paths)
        finally:
            for path in paths.values():
                path.unlink(missing_ok=True)

    def _take_whole(self, files: Sequence[FileKey]) -> dict[FileKey, Receipt]:
        paths: dict[FileKey, Path] = {}
        with writing(self._hospital.engine) as connection:
            for vehicle in sorted({each[0] for each in files}):
                transfers_of = VehicleInbound(self._hospital, vehicle).transfers
                wires = [wire for of, wire in files if of == vehicle]
                paths |= {
                    (vehicle, wire): transfers_of.path(wire) for wire in transfers_of.begin_whole(connection, wires)
                }
        given = self._apply(paths)
        for key in given:
            paths[key].unlink(missing_ok=True)
        return given

    def _keep_one(self, part: FilePart) -> Ranges | Receipt | None:
        inbound, wire = VehicleInbound(self._hospital, part.vehicle), part.wire_sha256
        try:
            if part.data:
                return inbound.write(wire, part.size, part.lane, part.offset, part.data)
            return inbound.receipt_for(wire) or inbound.ranges(wire)
        except ClinicError as error:
            _logger.error("cannot keep bytes of envelope %s: %s", wire, error)  # noqa: TRY400 - told, not traced
            return None

    def _accept_one(self, file: FileKey) -> Receipt | None:
        try:
            return self.accept(VehicleId(file[0]), file[1])
        except ClinicError as error:
            _logger.error("cannot take envelope %s: %s", file[1], error)  # noqa: TRY400 - told, not traced
            return None

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

    def _apply(self, paths: Mapping[FileKey, Path]) -> dict[FileKey, Receipt]:
        """The receipts of those that are plainly to be applied, in one transaction; the others have a fresh start."""
        given: dict[FileKey, Receipt] = {}
        try:
            opened = self._opened(paths) if paths else {}
            given = self._commit(opened) if opened else {}
        except (ClinicError, OSError, OperationalError):
            self._forgive(list(paths))
            raise
        self._forgive([key for key in paths if key not in given])
        return given

    def _forgive(self, keys: Sequence[FileKey]) -> None:
        """Opening these ended: one power cut later must not make poison of them."""
        if not keys:
            return
        which = (tuple_(transfers.c.vehicle, transfers.c.wire_sha256).in_(keys), transfers.c.attempts == 1)
        with suppress(OperationalError), writing(self._hospital.engine) as connection:
            connection.execute(update(transfers).where(*which).values(attempts=0))

    def _opened(self, paths: Mapping[FileKey, Path]) -> dict[FileKey, Taken]:
        """Each file verified and opened, the blobs among them durable under their hash."""
        opener = opener_of(self._hospital)

        def open_one(item: tuple[FileKey, Path]) -> Taken | None:
            (vehicle, wire), path = item
            opened = opener.open(path, wire, 1)
            return opened if isinstance(opened, Taken) and opened.outer.origin == vehicle else None

        with ThreadPoolExecutor(OPENERS, "opener") as pool:
            taken = zip(paths, pool.map(open_one, paths.items()), strict=True)
            return {key: each for key, each in taken if each is not None}

    def _commit(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        hospital = self._hospital
        with writing(hospital.engine) as connection:
            batch = Batch(connection, hospital.folder, hospital.log.current(), from_ms(to_ms(hospital.now())))
            return batch.take(opened)
