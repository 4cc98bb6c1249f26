"""Pictures of recordings, each drawn once in a limited child and kept in memory for a while."""

import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_web.draw.picture import Picture

DRAW_S: Final = 60.0
"""Longest time for one picture, waiting for the processor included."""
AT_ONCE: Final = 2
"""Children drawing at the same time."""
MAX_PICTURE: Final = 64 * 1024 * 1024

_places = threading.BoundedSemaphore(AT_ONCE)


@lru_cache(maxsize=64)
def picture_of(path: Path, modality: str, lang: str, part: int = 0) -> Picture:
    """The picture of the blob at `path`; a blob never changes, so neither does its picture.

    Raises:
        RefusedInput: nothing can be drawn of it within the limits.
    """
    command = [sys.executable, "-m", "cloud_hospital.web.picture", str(path), modality, lang, str(part)]
    try:
        with _places:
            done = subprocess.run(command, capture_output=True, timeout=DRAW_S, check=False)  # noqa: S603  # our own
    except subprocess.TimeoutExpired:
        raise RefusedInput(f"drawing took longer than {DRAW_S:g} s; the raw bytes are kept") from None
    media_type, _, picture = done.stdout.partition(b"\n")
    if done.returncode != 0 or len(picture) > MAX_PICTURE:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RefusedInput(f"cannot be drawn: {said[-1] if said else f'the child ended with {done.returncode}'}")
    return Picture(media_type.decode(), picture)
