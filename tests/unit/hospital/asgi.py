"""Calls an application in this process, without a socket."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


class Caller:
    """GET requests with a cookie jar that lasts."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.cookies = httpx.Cookies()

    def get(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._get(path, given))

    async def _get(self, path: str, given: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="https://h", cookies=self.cookies) as client:
            answer = await client.get(path, **given)
            self.cookies = client.cookies
            return answer
