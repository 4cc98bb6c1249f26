"""A service of the agent that fails is started again; it takes nothing else with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0

_log = structlog.get_logger(__name__)


async def keep_going(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a service until it ends by itself or is cancelled; after a failure again, with back-off."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001  whatever it was, the other services and the nurse go on
            _log.error("service.failed", service=name, error=f"{type(error).__name__}: {error}", again_in_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            return
