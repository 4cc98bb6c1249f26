"""A stick's import killed with signal 9 in the midst of it, again and again: in the end everything is there once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cloud_hospital.bundle import import_volumes
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import arrivals, blobs, entries, transfers
from sync.bundle import PIECE, volumes_in
from tests.unit.hospital.conftest import hospital
from tests.unit.hospital.test_bundle import NOW, Car, a_car

__all__ = ["hospital"]  # a fixture
KILLS = 2
BOUND_S = 60.0


@pytest.fixture
def car(hospital: Hospital, tmp_path: Path) -> Car:
    return a_car(hospital, tmp_path / "V01", "V01")


def progress(hospital: Hospital) -> tuple[int, str]:
    """What the hospital has by now: answered numbers, and the ranges of what is under way."""
    with reading(hospital.engine) as connection:
        count = int(connection.execute(select(func.count()).select_from(arrivals)).scalar_one())
        return count, "".join(sorted(connection.execute(select(transfers.c.ranges)).scalars()))


@pytest.mark.kill
def test_an_import_killed_again_and_again_takes_everything_once(car: Car, hospital: Hospital, tmp_path: Path) -> None:
    count = sum(car.work(big=8 * PIECE + number) for number in range(3))
    car.stick.write(tmp_path / "stick", now=NOW, name="one")
    command = [
        *(sys.executable, "-c", "from cli import main; main()"),
        *("hospital", "import", str(hospital.folder.root), str(tmp_path / "stick")),
    ]
    for _ in range(KILLS):
        before = progress(hospital)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + BOUND_S
        while progress(hospital) == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait(BOUND_S)
    found = import_volumes(hospital, volumes_in([tmp_path / "stick"]))
    assert found.is_whole
    assert found.known + sum(found.verdicts.values()) == count
    with reading(hospital.engine) as connection:
        seqs = connection.execute(select(arrivals.c.seq).order_by(arrivals.c.seq)).scalars().all()
        assert seqs == list(range(1, count + 1))
        assert connection.execute(select(func.count()).select_from(entries)).scalar_one() == count - 3
        assert connection.execute(select(func.count()).select_from(blobs)).scalar_one() == 3
        assert connection.execute(select(transfers)).all() == []
    assert import_volumes(hospital, volumes_in([tmp_path / "stick"])).known == count
