"""The heap of a process of many threads: what is freed goes back to the system, not into each thread's arena."""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
_MMAP_THRESHOLD: Final = -3
"""Options of mallopt(3), as malloc.h numbers them."""
ARENAS: Final = 2
"""Left alone, glibc makes 8 a core, and what one thread frees no other one uses."""
OWN_PAGES_FROM: Final = 1024 * 1024
"""Bytes of a block that gets pages of its own; left alone, glibc raises it up to 32 MiB."""


def keep_heap_small() -> None:
    """For this process from now on; nothing where the C library has no mallopt(3)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, ARENAS)
        mallopt(_MMAP_THRESHOLD, OWN_PAGES_FROM)
