"""What happened in a world, as one hash and as its last lines."""

import hashlib
from collections import deque
from typing import Final

TAIL: Final = 60
"""Lines kept for whoever looks at a violation."""


class Trace:
    """Every event goes into the hash; `lines` keeps the last ones, all of them where `keeps_all`."""

    def __init__(self, *, keeps_all: bool = False) -> None:
        self.lines: deque[str] = deque(maxlen=None if keeps_all else TAIL)
        self.events = 0
        self._hash = hashlib.sha256()

    def add(self, at_s: float, what: str, payload: bytes = b"") -> None:
        """One event."""
        self.events += 1
        self._hash.update(f"{at_s:.6f} {what} {len(payload)} ".encode())
        self._hash.update(payload)
        self.lines.append(f"{at_s:12.3f} {what}" + (f" {len(payload)} B" if payload else ""))

    @property
    def digest(self) -> str:
        """The hash of all so far, 16 hex digits."""
        return self._hash.copy().hexdigest()[:16]
