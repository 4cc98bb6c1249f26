"""Every page hears what changed, and a slow page slows nobody."""

import asyncio

from vehicle_agent.visits.events import QUEUE_LIMIT, EventHub


def test_every_subscriber_hears_in_order() -> None:
    async def go() -> list[list[tuple[str, int]]]:
        hub = EventHub()
        streams = [hub.subscribe(), hub.subscribe()]
        firsts = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0)
        hub.publish("stop", "sync")
        heard = []
        for first, stream in zip(firsts, streams, strict=True):
            events = [await first, await anext(stream)]
            heard.append([(event.topic, event.seq) for event in events])
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator
        hub.publish("stop")
        return heard

    assert asyncio.run(go()) == [[("stop", 1), ("sync", 2)]] * 2


def test_a_slow_page_loses_the_oldest_only() -> None:
    async def go() -> int:
        hub = EventHub()
        stream = hub.subscribe()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for _ in range(QUEUE_LIMIT + 10):
            hub.publish("sync")
        await first
        last = (await first).seq
        for _ in range(QUEUE_LIMIT - 1):
            last = (await anext(stream)).seq
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator
        return last

    assert asyncio.run(go()) == QUEUE_LIMIT + 10
