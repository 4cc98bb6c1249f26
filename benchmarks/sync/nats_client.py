"""Loads the vehicle's stream, watches the hub's: runs in the rivals' environment. `python nats_client.py ASKED.json`.

Prints `loaded` when the day is in the vehicle's stream, then one JSON line when it is in the hub's.
"""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

CHUNK = 256 * 1024
LOOK_S = 0.05


async def put(stream: Any, name: str, data: bytes) -> int:
    """Publish one file in messages of CHUNK; how many."""
    count = max(1, -(-len(data) // CHUNK))
    subject = "day." + name.replace(".", "_").replace("/", ".")
    for index in range(count):
        head = json.dumps([name, index]).encode() + b"\n"
        piece = data[index * CHUNK : (index + 1) * CHUNK]
        await stream.publish(subject, head + piece, headers={"Nats-Msg-Id": f"{name}#{index}"})
    return count


async def connected(nats: Any, port: int) -> Any:
    """A client that never gives up."""
    return await nats.connect(f"nats://127.0.0.1:{port}", max_reconnect_attempts=-1, reconnect_time_wait=0.3)


async def main(asked: Mapping[str, Any]) -> None:
    """Load, say so, mirror, watch, verify."""
    nats, api = import_module("nats"), import_module("nats.js.api")
    errors = (import_module("nats.errors").Error, asyncio.TimeoutError)
    folder, urgent = Path(asked["folder"]), Path(asked["urgent"])
    await asyncio.sleep(1)
    near = (await connected(nats, asked["near"])).jetstream(timeout=20)
    hub = (await connected(nats, asked["hub"])).jetstream(timeout=20)
    await near.add_stream(api.StreamConfig(name="DAY", subjects=["day.>"], storage=api.StorageType.FILE))
    count = 0
    for name, _ in asked["files"]:
        data = await asyncio.to_thread((folder / name).read_bytes)
        count += await put(near, name, data)
    print("loaded", flush=True)
    started = time.monotonic()
    source = api.StreamSource(name="DAY", external=api.ExternalStream(api="$JS.vehicle.API", deliver=""))
    mirror = api.StreamConfig(name="DAY", storage=api.StorageType.FILE, mirror=source)
    is_mirrored = False
    made_at = total_s = urgent_s = None
    while time.monotonic() - started < asked["limit_s"] and (total_s is None or urgent_s is None):
        await asyncio.sleep(LOOK_S)
        now = time.monotonic() - started
        if made_at is None and now >= asked["urgent_at_s"]:
            made_at = time.monotonic() - started
            await put(near, "urgent.bin", await asyncio.to_thread(urgent.read_bytes))
        try:
            if not is_mirrored:
                await hub.add_stream(mirror)
                is_mirrored = True
            messages = (await hub.stream_info("DAY")).state.messages
            if total_s is None and messages >= count:
                total_s = time.monotonic() - started
            if made_at is not None and urgent_s is None and messages > count:
                urgent_s = time.monotonic() - started - made_at
        except errors:
            continue
    wrong = await verify(hub, asked["files"]) if total_s is not None else ["not all arrived"]
    print(json.dumps({"total_s": total_s, "urgent_s": urgent_s, "wrong": wrong}), flush=True)


async def verify(hub: Any, files: list[tuple[str, str]]) -> list[str]:
    """Read everything from the hub again; what is altered or doubled, by name."""
    state = (await hub.stream_info("DAY")).state
    seen: set[tuple[str, int]] = set()
    hashes: dict[str, Any] = {}
    wrong = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        message = await hub.get_msg("DAY", sequence)
        head, _, data = message.data.partition(b"\n")
        name, index = json.loads(head)
        wrong += [f"doubled {name} {index}"] if (name, index) in seen else []
        seen.add((name, index))
        hashes.setdefault(name, hashlib.sha256()).update(data)
    return wrong + [
        f"altered {name}" for name, sha256 in files if name in hashes and hashes[name].hexdigest() != sha256
    ]


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
