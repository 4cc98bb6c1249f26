"""As many bulk workers of a machine are at work as it has seats; who stands by takes over from whoever is gone."""

import asyncio
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import pytest

from cloud_hospital.intake.seats import free_seat, seated, seats_here

HOLD = "import sys, pathlib, cloud_hospital.intake.seats as s; x = s.free_seat(pathlib.Path(sys.argv[1]), 1); print(bool(x), flush=True); sys.stdin.read()"  # noqa: E501 - a program


@pytest.mark.parametrize(("cores", "seats"), [(1, 1), (2, 1), (3, 2), (8, 7)])
def test_one_core_is_left_to_the_others(monkeypatch: pytest.MonkeyPatch, cores: int, seats: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(cores)))
    assert seats_here() == seats


def test_there_are_as_many_seats_as_were_asked_for(tmp_path: Path) -> None:
    first, second = free_seat(tmp_path, 2), free_seat(tmp_path, 2)
    assert first is not None
    assert second is not None
    assert free_seat(tmp_path, 2) is None
    first.close()
    third = free_seat(tmp_path, 2)
    assert third is not None
    for each in (second, third):
        each.close()


def test_a_killed_worker_leaves_its_seat_to_the_one_that_stands_by(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    told: list[str] = []

    async def stand_by() -> IO[bytes] | None:
        def tell() -> None:
            told.append("stands by")
            holder.kill()

        return await seated(tmp_path, 1, asyncio.Event(), tell)

    with holder:
        seat = asyncio.run(asyncio.wait_for(stand_by(), 60))
    assert seat is not None
    seat.close()
    assert told == ["stands by"]


def test_who_stands_by_can_be_stopped(tmp_path: Path) -> None:
    held = free_seat(tmp_path, 1)
    assert held is not None

    async def stand_by() -> IO[bytes] | None:
        stop = asyncio.Event()
        return await seated(tmp_path, 1, stop, stop.set)

    with held:
        assert asyncio.run(asyncio.wait_for(stand_by(), 60)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_a_seat_that_root_made_is_the_folders_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with free_seat(tmp_path, 1) or nullcontext() as seat:
        assert seat is not None
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {65534}
