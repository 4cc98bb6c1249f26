"""What the limited child processes do: one table; the heavy libraries are imported inside each job, only there."""

import resource
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.record import encode_payload
from clinic_web.draw.picture import USUAL, Picture, View
from devices.delivery import Delivery
from sync.stream import SEGMENT
from vehicle_agent.store.blob_file import BlobFile


class Interpret(msgspec.Struct, frozen=True):
    """Read one delivery: its Delivery and the file with the raw bytes. The answer is its Readings as JSON."""

    delivery: Delivery
    raw: str


class Draw(msgspec.Struct, frozen=True):
    """Draw a kept blob; `lang` is `zh` or `en`. The answer is a Picture. It holds a key: never write it to a disk."""

    blob: BlobFile
    modality: str
    lang: str
    part: int = 0
    view: View = USUAL


class Ping(msgspec.Struct, frozen=True):
    """Does a child start inside its limits? The answer says so."""


def _ping(request: bytes) -> bytes:
    msgspec.msgpack.decode(request, type=Ping)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return f"starts, at most {limit // 2**20} MiB".encode()


def _interpret(request: bytes) -> bytes:
    asked = msgspec.msgpack.decode(request, type=Interpret)
    readings = import_module("devices.interpret").interpret(asked.delivery, Path(asked.raw))
    return encode_payload(readings)


def _draw(request: bytes) -> bytes:
    asked = msgspec.msgpack.decode(request, type=Draw)
    with asked.blob.plain() as source:
        raw = b"".join(iter(lambda: source.read(SEGMENT), b""))
    drawing = import_module("clinic_web.draw.recording")
    picture: Picture = drawing.draw(raw, asked.modality, asked.lang, part=asked.part, view=asked.view)
    return msgspec.msgpack.encode(picture)


def _seal_blob(request: bytes) -> bytes:
    sealing = import_module("vehicle_agent.store.seal_job")
    return msgspec.msgpack.encode(sealing.seal_blob(msgspec.msgpack.decode(request, type=sealing.SealJob)))


JOBS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "ping": _ping,
    "interpret": _interpret,
    "draw": _draw,
    "seal": _seal_blob,
}
"""Name in the request -> what is done."""


def do(name: str, request: bytes) -> bytes:
    """Run one job of the table.

    Raises:
        RefusedInput: no such job; and whatever the job raises.
    """
    if name not in JOBS:
        raise RefusedInput(f"no job {name!r}")
    return JOBS[name](request)
