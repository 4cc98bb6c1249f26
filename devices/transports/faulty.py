"""A wire that misbehaves on purpose: single bytes, noise, lost bytes, stalls, a cut. Seeded, so it does it again."""

import random
from collections import deque

import msgspec

from clinic_records.errors import DeviceUnavailable
from devices.transports.base import Transport


class Faults(msgspec.Struct, frozen=True):
    """What goes wrong; shares are of the pieces read, 0 to 1.

    Attributes:
        is_bytewise: every read gives one byte.
        noise: random bytes before a piece.
        loss: one byte of a piece is lost.
        stall: a read gives nothing though something came.
        cut_after: bytes after which the wire is cut; None never.
    """

    is_bytewise: bool = False
    noise: float = 0.0
    loss: float = 0.0
    stall: float = 0.0
    cut_after: int | None = None


_LONGEST_NOISE = 40


class FaultyTransport:
    """`inner` with faults on what is read; what is written goes through unharmed."""

    def __init__(self, inner: Transport, faults: Faults, seed: int) -> None:
        self._inner = inner
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  faults to repeat, no secrets
        self._pieces: deque[bytes] = deque()
        self._read = 0

    def read(self, timeout_s: float) -> bytes:
        """See Transport; stalls return at once."""
        if not self._pieces:
            self._fetch(timeout_s)
        if not self._pieces or self._happens(self._faults.stall):
            return b""
        cut_after = self._faults.cut_after
        piece = self._pieces.popleft()
        if cut_after is not None:
            piece = piece[: cut_after - self._read]
            if not piece:
                raise DeviceUnavailable(f"cut after {self._read} bytes")
        self._read += len(piece)
        return piece

    def write(self, data: bytes) -> None:
        """See Transport."""
        self._inner.write(data)

    def close(self) -> None:
        """See Transport."""
        self._inner.close()

    def _fetch(self, timeout_s: float) -> None:
        data = self._inner.read(timeout_s)
        if data and self._happens(self._faults.loss):
            lost = self._random.randrange(len(data))
            data = data[:lost] + data[lost + 1 :]
        if data and self._happens(self._faults.noise):
            data = self._random.randbytes(self._random.randint(1, _LONGEST_NOISE)) + data
        size = 1 if self._faults.is_bytewise else max(1, len(data))
        self._pieces.extend(data[at : at + size] for at in range(0, len(data), size))

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share
