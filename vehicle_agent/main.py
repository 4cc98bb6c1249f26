"""Runs the agent in this process: logs, signals, the ready line."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from vehicle_agent.agent import Agent
from vehicle_agent.logs import log_to_stderr


def run_agent(root: Path, staff: str, pin: str) -> None:
    """Run until SIGTERM or SIGINT; logs `staff` in at once where one is given.

    Raises:
        ClinicError: it cannot start.
    """
    log_to_stderr()
    agent = Agent(root)

    async def ready(agent: Agent) -> None:
        if staff:
            await agent.desk.login(staff, pin)
        status = await agent.status()
        line = {"ready": status.web_url, "dicom_port": status.dicom_port, "pid": status.pid, "open": status.is_open}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, agent.stop)
        await agent.run(ready)

    asyncio.run(serve())
