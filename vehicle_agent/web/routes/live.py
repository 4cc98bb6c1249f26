"""One stream of events a tab: whole leaves of the page it shows, a beat every three seconds.

On connecting, and again whenever something changed, all leaves of the page are drawn and those that differ from what
this tab last got are sent. A lost message therefore loses nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from clinic_records.errors import NotFound, StoreError
from clinic_web.pages import lang_of
from vehicle_agent.web.leaves import Leaf, leaves_of
from vehicle_agent.web.site import Site, site_of

BEAT_S: Final = 3.0
SETTLE_S: Final = 0.1
"""Changes within this time are drawn once: one arrival raises several events."""
MAX_STREAMS: Final = 64
log = structlog.get_logger(__name__)
router = APIRouter()


def message(event: str, data: str) -> str:
    """One server-sent event, as the HTML standard writes it (section 9.2.6)."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {event}\n{lines}\n"


@router.get("/live")
async def live(request: Request, page: str = "") -> StreamingResponse:
    """The stream of one tab."""
    site = site_of(request)
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(_stream(site, request, page), media_type="text/event-stream", headers=headers)


async def _stream(site: Site, request: Request, page: str) -> AsyncIterator[str]:
    if site.streams >= MAX_STREAMS:
        yield message("full", "")
        return
    site.streams += 1
    changed = asyncio.Event()

    async def listen() -> None:
        async for _event in site.desk.events.subscribe():
            changed.set()

    listener = asyncio.create_task(listen())
    sent: dict[str, str] = {}
    changed.set()
    try:
        yield "retry: 2000\n\n"
        while not site.is_closing:
            session = site.sessions.find(request, is_act=False)
            if session is None or not site.desk.is_open:
                yield message("locked", "")
                return
            if changed.is_set():
                changed.clear()
                await asyncio.sleep(SETTLE_S)
                for leaf in await _leaves(site, page, lang_of(request), sent):
                    yield message(leaf.event, leaf.html)
            yield message("beat", str(round(site.now.timestamp() * 1000)))
            try:
                await asyncio.wait_for(changed.wait(), BEAT_S)
            except TimeoutError:
                changed.set()  # a beat also draws anew, for what changes without an event
    finally:
        site.streams -= 1
        listener.cancel()


async def _leaves(site: Site, page: str, lang: str, sent: dict[str, str]) -> list[Leaf]:
    """The leaves that differ from `sent`, which is brought up to date."""
    try:
        drawn = await leaves_of(site, page, lang, is_first=not sent, known=set(sent))
    except NotFound:
        return []
    except StoreError as error:
        log.warning("live leaves", page=page.partition(":")[0], error=str(error))
        return []
    news = [leaf for leaf in drawn if leaf.key not in sent or (not leaf.is_row and sent[leaf.key] != leaf.html)]
    sent.update({leaf.key: leaf.html for leaf in news})
    return news
