"""Sync rule 10 on the way files really come: two workers keep parts of the same files in batches, at one moment."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from cloud_hospital.api.proof import prove
from cloud_hospital.intake.counter import IntakeCounter
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import transfers
from sync.ports import FilePart, Ranges, Receipt
from sync.seal import Sealed
from tests.peer.test_postgresql import clinic, hospital
from tests.unit.hospital.conftest import Clinic

__all__ = ["clinic", "hospital"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

FILES = 40
AT_ONCE = 4
"""Files of one batch."""
BEGUN = 1000
"""Bytes of each file that came before."""


def a_part(file: Sealed, begin: int, end: int) -> FilePart:
    assert file.data is not None
    return FilePart(VehicleId("V01"), file.wire_sha256, file.size, Lane.P3, begin, file.data[begin:end])


def test_two_workers_with_a_half_each_finish_every_file(clinic: Clinic) -> None:
    files = [clinic.box.blob(os.urandom(20_000), clinic.recipient) for _ in range(FILES)]
    begun = [a_part(file, 0, BEGUN) for file in files]
    halves = (
        [a_part(file, BEGUN, file.size // 2) for file in files],
        [a_part(file, file.size // 2, file.size) for file in files],
    )
    counter = IntakeCounter(clinic.hospital)
    counter.keep(begun)  # a row that is there already is locked by nobody who only inserts it
    start = threading.Barrier(2)

    def work(parts: Sequence[FilePart]) -> list[Ranges | Receipt | None]:
        other = IntakeCounter(clinic.hospital)
        kept: list[Ranges | Receipt | None] = []
        for at in range(0, FILES, AT_ONCE):
            start.wait(30)
            kept += other.keep(parts[at : at + AT_ONCE])
        other.close()
        return kept

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, halves)
    whole = [((0, file.size),) for file in files]
    assert [one in (left, right) for one, left, right in zip(whole, first, second, strict=True)] == [True] * FILES
    given = counter.accept_some([("V01", file.wire_sha256) for file in files])
    counter.close()
    assert None not in given
    with reading(clinic.hospital.engine) as connection:
        assert connection.execute(select(transfers)).all() == []
    assert [each.is_intact for each in prove(clinic.hospital).blobs] == [True] * FILES
