"""Calls an application in this process, without a socket."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


class Caller:
    """Requests of one browser: a cookie jar that lasts, forms sent from our own page."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.cookies = httpx.Cookies()

    def get(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._send("GET", path, given))

    def post(self, path: str, **given: Any) -> httpx.Response:
        return asyncio.run(self._send("POST", path, {"headers": {"Origin": "https://h"}, **given}))

    async def _send(self, method: str, path: str, given: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="https://h", cookies=self.cookies) as client:
            answer = await client.request(method, path, **given)
            self.cookies = client.cookies
            return answer
