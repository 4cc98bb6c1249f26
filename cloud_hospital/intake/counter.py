"""What one worker does with files of all vehicles: many small ones in one transaction, each by itself where in doubt.

A batch holds files that were never tried before. Their attempts are durable before any is opened (sync rule 13); after
a crash, or wherever a file is not plainly to be applied, each goes its own way through VehicleInbound, so the innocent
neighbours of a poisonous file are taken.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError

from clinic_records.clock import from_ms, to_ms
from clinic_records.errors import ClinicError
from clinic_records.ids import VehicleId
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.attempts import begin_fresh, begin_whole, forgive
from cloud_hospital.intake.batch import Batch, FileKey
from cloud_hospital.intake.inbound import VehicleInbound, opener_of
from cloud_hospital.intake.opening import IN_MEMORY, Taken
from cloud_hospital.intake.parts import keep_parts, what_is_here
from cloud_hospital.store.engine import writing
from sync.ports import FilePart, Ranges, Receipt, WholeFile

DISKS: Final = 4
"""Threads that wait for the disk, which commits several fsyncs at once."""

_logger = logging.getLogger(__name__)
_Given = TypeVar("_Given", Receipt, Ranges, Ranges | Receipt)


def _key(file: WholeFile | FilePart) -> FileKey:
    return file.vehicle, file.wire_sha256


class IntakeCounter:
    """sync.ports.IntakeStore of a hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._disk = ThreadPoolExecutor(DISKS, "disk")

    def close(self) -> None:
        """Wait for what the disk still has to do; nothing is taken afterwards."""
        self._disk.shutdown()

    def take(self, files: Sequence[WholeFile]) -> Sequence[Receipt | None]:
        """Take whole files; None for one that cannot be taken now."""
        answers = self._in_one_go("take", lambda: self._apply(begin_fresh(self._hospital, files)), len(files))
        return [answers[_key(each)] if _key(each) in answers else self._take_one(each) for each in files]

    def accept_some(self, files: Sequence[FileKey]) -> Sequence[Receipt | None]:
        """Take small files whose parts are here; None for one that cannot be taken now."""
        answers = self._in_one_go("take", lambda: self._take_whole(files), len(files))
        return [answers[each] if each in answers else self._accept_one(each) for each in files]

    def keep(self, parts: Sequence[FilePart]) -> Sequence[Ranges | Receipt | None]:
        """Keep parts, durable on return; for those without data, what is here. None where one is refused."""
        brought = [each for each in parts if each.data]
        asked = [each for each in parts if not each.data]
        held = self._in_one_go("keep", lambda: keep_parts(self._hospital, brought, self._disk), len(brought))
        here = self._in_one_go("look for", lambda: what_is_here(self._hospital, asked), len(asked))
        return [
            found[_key(each)] if _key(each) in (found := held if each.data else here) else self._keep_one(each)
            for each in parts
        ]

    def accept(self, vehicle: VehicleId, wire_sha256: str) -> Receipt:
        """Take a file whose parts are here.

        Raises:
            StoreError: the file is not whole here, or the disk or the database refused; nothing was answered.
        """
        return VehicleInbound(self._hospital, vehicle).accept(wire_sha256)

    def _in_one_go(self, verb: str, act: Callable[[], dict[FileKey, _Given]], count: int) -> dict[FileKey, _Given]:
        """What a batch gave; nothing where it was ended: then each goes by itself."""
        try:
            return act() if count else {}
        except (ClinicError, OSError, OperationalError) as error:
            _logger.warning("cannot %s a batch of %d, so one by one: %s", verb, count, error)
            return {}

    def _take_whole(self, files: Sequence[FileKey]) -> dict[FileKey, Receipt]:
        paths = begin_whole(self._hospital, files)
        given = self._apply(paths)
        for key in given:
            # Nobody waits for it: a file system in the middle of its commit would let us wait for all of that.
            self._disk.submit(paths[key].unlink, missing_ok=True)
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

    def _apply(self, sources: Mapping[FileKey, Path | bytes]) -> dict[FileKey, Receipt]:
        """The receipts of those that are plainly to be applied, in one transaction; the others have a fresh start."""
        given: dict[FileKey, Receipt] = {}
        try:
            opened = self._opened(sources) if sources else {}
            given = self._commit(opened) if opened else {}
        except (ClinicError, OSError, OperationalError):
            forgive(self._hospital, sources.keys())
            raise
        forgive(self._hospital, [key for key in sources if key not in given])
        return given

    def _opened(self, sources: Mapping[FileKey, Path | bytes]) -> dict[FileKey, Taken]:
        """Each file verified and opened, the blobs among them durable under their hash."""
        opener = opener_of(self._hospital)

        def open_one(item: tuple[FileKey, Path | bytes]) -> Taken | None:
            (vehicle, wire), source = item
            if isinstance(source, Path) and source.stat().st_size <= IN_MEMORY:
                source = source.read_bytes()
            opened = opener.open(source, wire, 1)
            return opened if isinstance(opened, Taken) and opened.outer.origin == vehicle else None

        taken = zip(sources, self._disk.map(open_one, sources.items()), strict=True)
        return {key: each for key, each in taken if each is not None}

    def _commit(self, opened: Mapping[FileKey, Taken]) -> dict[FileKey, Receipt]:
        hospital = self._hospital
        with writing(hospital.engine) as connection:
            batch = Batch(connection, hospital.folder, hospital.log.current(), from_ms(to_ms(hospital.now())))
            return batch.take(opened)
