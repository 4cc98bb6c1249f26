"""The two programs of an MQTT user: `say` publishes a day's files in messages of 256 KiB, `hear` puts them together.

`python -m benchmarks.sync.mqtt_sides say PORT FOLDER MANIFEST URGENT STATEMENT URGENT_AT_S`
`python -m benchmarks.sync.mqtt_sides hear PORT FOLDER MANIFEST STATEMENT`
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

CHUNK: Final = 256 * 1024
WINDOW: Final = 20


def _client(name: str, port: int, window: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.max_inflight_messages_set(window)
    client.max_queued_messages_set(0)
    client.reconnect_delay_set(1, 2)
    while True:
        try:
            client.connect("127.0.0.1", port, 15)
        except OSError:
            time.sleep(0.2)
        else:
            return client


def say(port: int, folder: Path, manifest: Path, urgent: Path, statement: Path, urgent_at_s: float) -> None:
    """All files in one go, the urgent one in its time; MQTT has no priority to give it."""
    started = time.monotonic()
    client = _client("vehicle", port, WINDOW)
    client.loop_start()
    for name in json.loads(manifest.read_text("utf-8")):
        _publish(client, name, (folder / name).read_bytes())
    time.sleep(max(0.0, urgent_at_s - (time.monotonic() - started)))
    statement.write_text(json.dumps({"urgent_made_at": time.monotonic()}), "utf-8")
    _publish(client, "urgent.bin", urgent.read_bytes())
    while True:
        time.sleep(1)


def _publish(client: paho.Client, name: str, data: bytes) -> None:
    for offset in range(0, len(data), CHUNK):
        piece = data[offset : offset + CHUNK]
        client.publish(f"day/{name}", json.dumps([name, offset]).encode() + b"\n" + piece, qos=1)


class Hearer:
    """Writes each piece where it belongs, fsynced, and states what is whole."""

    def __init__(self, folder: Path, manifest: Path, statement: Path) -> None:
        self._folder = folder
        self._wanted: dict[str, tuple[int, str]] = json.loads(manifest.read_text("utf-8"))
        self._statement = statement
        self._left = {name: size for name, (size, _) in self._wanted.items()}
        self._urgent_left = 120_000
        self._seen: set[tuple[str, int]] = set()
        self._doubled = 0
        self._found: dict[str, Any] = {"all_at": None, "urgent_at": None, "wrong": []}
        self._state()

    def on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        """One piece."""
        head, _, piece = message.payload.partition(b"\n")
        name, offset = json.loads(head)
        self._write(self._folder / name, offset, bytes(piece))
        if (name, offset) in self._seen:
            self._doubled += 1
            return
        self._seen.add((name, offset))
        if name in self._left:
            self._left[name] -= len(piece)
            if not self._left[name]:
                del self._left[name]
        else:
            self._urgent_left -= len(piece)
        if self._found["all_at"] is None and not self._left:
            self._found["all_at"] = time.monotonic()
            self._found["wrong"] = [name for name in self._wanted if not self._is_right(name)]
        if self._found["urgent_at"] is None and not self._urgent_left:
            self._found["urgent_at"] = time.monotonic()
        self._state()

    def _is_right(self, name: str) -> bool:
        return hashlib.sha256((self._folder / name).read_bytes()).hexdigest() == self._wanted[name][1]

    @staticmethod
    def _write(path: Path, offset: int, piece: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        os.pwrite(handle, piece, offset)
        os.fsync(handle)
        os.close(handle)

    def _state(self) -> None:
        temp = self._statement.with_suffix(".new")
        doubled = [f"{self._doubled} messages twice"] if self._doubled else []
        temp.write_text(json.dumps({**self._found, "wrong": [*self._found["wrong"], *doubled]}), "utf-8")
        temp.replace(self._statement)


def hear(port: int, folder: Path, manifest: Path, statement: Path) -> None:
    """For ever."""
    client = _client("hospital", port, 1000)
    hearer = Hearer(folder, manifest, statement)
    client.on_message = hearer.on_message

    def on_connect(*_: object) -> None:
        client.subscribe("day/#", 1)

    client.on_connect = on_connect
    client.loop_forever(retry_first_connection=True)


if __name__ == "__main__":
    paths = [Path(each) for each in sys.argv[3:7]]
    if sys.argv[1] == "say":
        say(int(sys.argv[2]), paths[0], paths[1], paths[2], paths[3], float(sys.argv[7]))
    else:
        hear(int(sys.argv[2]), paths[0], paths[1], paths[2])
