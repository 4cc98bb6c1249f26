"""Limited children: their answers, their limits, their end; and what the agent's own process never loads."""

import asyncio
import io
import os
import signal
import subprocess
import sys

import msgspec
import pytest

from clinic_records.errors import RefusedInput, StoreError
from vehicle_agent.child import Answer, Request, answer_to, serve
from vehicle_agent.children import Children
from vehicle_agent.heap import ARENAS
from vehicle_agent.jobs import JOBS, Ping

HEAVY = ("numpy", "pydicom", "pynetdicom", "PIL", "openpyxl", "sqlalchemy", "amqtt")


def test_the_agent_loads_nothing_heavy() -> None:
    code = f"import sys, vehicle_agent.agent; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_child_that_seals_loads_no_database() -> None:
    code = "import sys, vehicle_agent.child, vehicle_agent.store.seal_job; print('sqlcipher3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_child_answers_and_is_used_again() -> None:
    async def go() -> tuple[bytes, list[int], list[int]]:
        children = Children(1)
        try:
            first = await children.run("ping", Ping(), timeout_s=30)
            pids = children.pids
            await children.run("ping", Ping(), timeout_s=30)
            return first, pids, children.pids
        finally:
            await children.close()

    answer, before, after = asyncio.run(go())
    assert answer == b"starts, at most 1536 MiB"
    assert before == after
    assert len(before) == 1


def test_an_idle_child_ends() -> None:
    async def go() -> None:
        children = Children(1, idle_s=0.05)
        await children.run("ping", Ping(), timeout_s=30)
        async with asyncio.timeout(20):
            while children.pids:  # noqa: ASYNC110  the pool tells nobody that a child has ended
                await asyncio.sleep(0.02)
        await children.close()

    asyncio.run(go())


@pytest.mark.kill
@pytest.mark.parametrize(("blow", "timeout_s"), [(signal.SIGKILL, 30.0), (signal.SIGSTOP, 0.3)])
def test_a_child_that_dies_or_hangs_is_replaced(blow: signal.Signals, timeout_s: float) -> None:
    async def go() -> tuple[int, int]:
        children = Children(1)
        try:
            await children.run("ping", Ping(), timeout_s=30)
            first = children.pids[0]
            os.kill(first, blow)
            if blow is signal.SIGKILL:
                await asyncio.sleep(0)  # the agent has not noticed yet
            with pytest.raises(StoreError):
                await children.run("ping", Ping(), timeout_s=timeout_s)
            await children.run("ping", Ping(), timeout_s=30)
            return first, children.pids[0]
        finally:
            await children.close()

    first, second = asyncio.run(go())
    assert first != second


def test_errors_cross_as_their_own_class() -> None:
    async def go() -> None:
        children = Children(1)
        try:
            await children.run("nothing we do", Ping(), timeout_s=30)
        finally:
            await children.close()

    with pytest.raises(RefusedInput, match="no job"):
        asyncio.run(go())


def test_a_slip_of_a_decoder_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(_: bytes) -> bytes:
        raise IndexError("list index out of range")

    def greedy(_: bytes) -> bytes:
        raise MemoryError

    monkeypatch.setitem(JOBS, "slip", slip)
    monkeypatch.setitem(JOBS, "greedy", greedy)
    for job in ("slip", "greedy"):
        answer = answer_to(Request(job, b""))
        assert answer.error == "RefusedInput"
        assert answer.message


def test_the_child_serves_until_its_input_ends() -> None:
    request = msgspec.msgpack.encode(Request("ping", msgspec.msgpack.encode(Ping())))
    sink = io.BytesIO()
    serve(io.BytesIO((len(request).to_bytes(4, "big") + request) * 2), sink)
    data = sink.getvalue()
    size = int.from_bytes(data[:4], "big")
    assert len(data) == 2 * (4 + size)
    assert msgspec.msgpack.decode(data[4 : 4 + size], type=Answer).error == ""


def test_the_threads_of_the_agent_share_two_arenas() -> None:
    code = """
import ctypes, sys, threading
from vehicle_agent.heap import keep_heap_small
keep_heap_small()
barrier = threading.Barrier(6)
def hold():
    held = [bytes(100_000) for _ in range(10)]
    barrier.wait(30)
threads = [threading.Thread(target=hold) for _ in range(6)]
[each.start() for each in threads]
[each.join() for each in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(stream := libc.fdopen(1, b"w")))
libc.fflush(ctypes.c_void_p(stream))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert 1 <= done.stdout.count("<heap nr=") <= ARENAS
