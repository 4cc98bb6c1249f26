"""Helper processes come back, and services that fail are started again."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from vehicle_agent.services.helper import Helper
from vehicle_agent.services.keep_going import keep_going


def test_a_failing_service_is_started_again() -> None:
    runs: list[int] = []

    async def service() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("a slip")

    asyncio.run(keep_going("test", service))
    assert len(runs) == 2


@pytest.mark.kill
def test_a_killed_helper_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "helper_of_a_test.py"
    module.write_text("import sys, time\nprint(4711, flush=True)\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    heard: list[int] = []

    async def go() -> tuple[int, int]:
        ready = asyncio.Event()

        def on_ready() -> None:
            heard.append(helper.port)
            ready.set()

        helper = Helper("helper_of_a_test", on_ready=on_ready)
        running = asyncio.create_task(helper.run())
        async with asyncio.timeout(30):
            await ready.wait()
            first = helper.pid
            ready.clear()
            os.kill(first, signal.SIGKILL)
            await ready.wait()
        second = helper.pid
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert helper.pid == 0
        return first, second

    first, second = asyncio.run(go())
    assert first != second
    assert heard == [4711, 4711]
