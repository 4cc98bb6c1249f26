"""Pictures of recordings, drawn in a child process."""

import asyncio
from typing import Final

import msgspec

from clinic_records.care import Recording
from clinic_web.draw.picture import Picture, View
from vehicle_agent.children import Children
from vehicle_agent.jobs import Draw
from vehicle_agent.store.store import Store

DRAW_S: Final = 60.0
"""Longest time for one picture."""


class ChildArtist:
    """The desk's Artist."""

    def __init__(self, children: Children) -> None:
        self._children = children

    async def draw(self, store: Store, recording: Recording, lang: str, view: View) -> Picture:
        """The picture of a recording.

        Raises:
            RefusedInput: nothing can be drawn of it.
            StoreError: the child died of it.
        """
        blob = await asyncio.to_thread(store.blobs.locate, recording.reading.raw.sha256)
        request = Draw(blob, recording.reading.modality, lang, recording.reading.part, view)
        return msgspec.msgpack.decode(await self._children.run("draw", request, timeout_s=DRAW_S), type=Picture)
