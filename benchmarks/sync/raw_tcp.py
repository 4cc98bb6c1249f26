"""One TCP stream that goes on where the receiver's disk ends: what the road itself allows, and the drift control."""

import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

from benchmarks.sync.result import Result
from benchmarks.sync.run import Day, Run

PIECE: Final = 64 * 1024
SILENT_S: Final = 20.0
"""Seconds without an answer before the sender connects anew."""
AGAIN_S: Final = 0.2


class Receiver(threading.Thread):
    """Tells its durable offset to whoever connects, and takes bytes from there."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._size = size
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_done = threading.Event()

    def run(self) -> None:
        """Until all is durable."""
        with self._listener, self._path.open("wb") as file:
            while not self.is_done.is_set():
                connection, _ = self._listener.accept()
                connection.settimeout(30)
                with connection:
                    try:
                        self._take(connection, file.fileno())
                    except OSError:
                        continue

    def _take(self, connection: socket.socket, file: int) -> None:
        offset = os.fstat(file).st_size
        connection.sendall(offset.to_bytes(8, "big"))
        while offset < self._size:
            data = connection.recv(4 * PIECE)
            if not data:
                return
            os.write(file, data)
            offset += len(data)
        os.fsync(file)
        connection.sendall(b"ok")
        self.is_done.set()


def send(port: int, path: Path) -> None:
    """From the offset the receiver names to the end, over as many connections as it takes."""
    size = path.stat().st_size
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection, path.open("rb") as file:
                connection.settimeout(SILENT_S)
                said = connection.recv(8, socket.MSG_WAITALL)
                file.seek(int.from_bytes(said, "big") if len(said) == 8 else size)
                while data := file.read(PIECE):
                    connection.sendall(data)
                if connection.recv(2) == b"ok":
                    return
        except OSError:
            time.sleep(AGAIN_S)


def run_day(profile: str, day: Day, folder: Path, *, name: str = "raw TCP with offset resume") -> Result:
    """All files as one string of bytes; the urgent one has no way to overtake, so it is not sent."""
    run = Run(name, profile, day, folder)
    whole = folder / "day.bin"
    with whole.open("wb") as target:
        for each in run.day.names:
            target.write((run.day.folder / each).read_bytes())
    receiver = Receiver(folder / "received.bin", run.day.size)
    receiver.start()
    try:
        port = run.lay_road(receiver.port)
        run.begin()
        run.spawn([sys.executable, "-m", "benchmarks.sync.raw_tcp", str(port), str(whole)], name="send", is_sender=True)
        is_done = receiver.is_done.wait(run.limit_s)
        total_s = run.seconds if is_done else None
        is_same = is_done and (folder / "received.bin").read_bytes() == whole.read_bytes()
        return run.result(total_s, None, wrong=() if is_same else ("not the same bytes",))
    finally:
        run.close()


if __name__ == "__main__":
    send(int(sys.argv[1]), Path(sys.argv[2]))
