"""The benchmark's own parts: the frozen day, the road between real processes, the table of aims."""

import asyncio
import hashlib
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.sync import raw_tcp
from benchmarks.sync.day import File, write_day
from benchmarks.sync.profiles import Profile
from benchmarks.sync.real_frames import LOOPS, SHA256, SOURCES, picture_of, real_loop, windows
from benchmarks.sync.result import Result
from benchmarks.sync.road import Road
from benchmarks.sync.run import Day
from benchmarks.sync.table import EMBEDDED, RAW, section


def test_the_real_frames_are_the_frozen_ones_and_no_two_are_equal() -> None:
    rng = np.random.default_rng(0)
    assert hashlib.sha256(b"".join(real_loop(rng, loop) for loop in range(len(LOOPS)))).hexdigest() == SHA256
    seen = [
        hashlib.sha256(frame.tobytes()).digest()
        for loop, source in enumerate(LOOPS)
        for frame in windows(SOURCES[source], picture_of(SOURCES[source]), loop)
    ]
    assert len(set(seen)) == len(seen)


def small_day(folder: Path) -> Day:
    rng = np.random.default_rng(1)
    files = [File(f"us/{number:03d}.dcm", rng.bytes(300_000)) for number in range(3)]
    manifest = write_day(folder, iter([*files, File("urgent.bin", rng.bytes(1000))]))
    return Day("small", folder, manifest, folder / "urgent.bin")


@pytest.mark.parametrize("profile", ["local", "clean"])
def test_a_day_passes_the_road_whole_and_is_counted(tmp_path: Path, profile: str) -> None:
    day = small_day(tmp_path / "day")
    result = raw_tcp.run_day(profile, day, tmp_path)
    assert not result.wrong
    assert result.total_s is not None
    assert result.carried_up == day.size
    assert result.connections == 1


def test_a_cut_resets_what_is_open_and_refuses_what_comes() -> None:
    profile = Profile(bits_up=8e6, bits_down=8e6, delay_s=0.001, up_s=0.3, down_s=30)

    async def drive() -> dict[str, int]:
        far = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        road = Road(profile, far.sockets[0].getsockname()[1], random.Random(1), 0.0)
        async with far, await road.listen() as server:
            port = server.sockets[0].getsockname()[1]
            open_reader, open_writer = await asyncio.open_connection("127.0.0.1", port)
            plan = asyncio.create_task(road.plan())
            with pytest.raises(ConnectionResetError):
                await open_reader.read(1)
            late_reader, late_writer = await asyncio.open_connection("127.0.0.1", port)
            with pytest.raises(ConnectionResetError):
                await late_reader.read(1)
            plan.cancel()
            for writer in (open_writer, late_writer):
                writer.close()
        return road.counts

    assert asyncio.run(drive()) == {"connections": 1, "refused": 1, "outages": 1}


def result(rival: str, total_s: float | None, **more: object) -> Result:
    return Result(rival, "clean", "generated", "2026-11-23T00:00:00Z", 100, total_s, **more)  # type: ignore[arg-type]  # a test's own


def test_aims_are_met_missed_or_not_run() -> None:
    old, new = result(EMBEDDED, 300.0), result(EMBEDDED, 90.0, rss_mib=250.0)
    text = section([result(RAW, 220.0), old, new, result("NATS leaf + mirror", 100.0), result("bridge", None)])
    assert "| clean, generated day: 0.43 x raw TCP, s | 94.600 | 90.000 | met |" in text
    assert "| clean, generated day: faster than every rival, s | 100.000 | 90.000 | met |" in text
    assert "| agent and its children, MiB | 200.000 | 250.000 | MISSED |" in text
    assert "| outages: 145 s | 145.000 | - | not run |" in text
    assert "| mobile-clinic, embedded | 90.0 | 0.41 |" in text
    assert "| bridge | - | - |" in text
