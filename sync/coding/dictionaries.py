"""zstd dictionaries for small records, shipped as data and named by their number, which every frame carries.

A dictionary is never changed once released: a better one gets the next number and both stay (sync rule 15). They are
trained on records made up by `benchmarks/coding/train.py`, never on anybody's.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import zstandard

from clinic_records.errors import BadFrame, RefusedInput
from sync.coding import plain
from sync.coding.sources import Resumed, read_all
from sync.stream import Source

IDS: Final = ("1",)
"""Numbers of the dictionaries of this version, as they are announced; the newest last."""
MAX_RECORD: Final = 64 * 1024
"""Bytes of payload up to which a dictionary helps: a longer one has taught zstd its own words by then."""
_LEVEL: Final = 9
"""A small record costs less than a millisecond."""
_HEAD: Final = 18
"""Bytes of the longest zstd frame header (RFC 8878, section 3.1.1.1)."""
_FOLDER: Final = Path(__file__).parent / "dictionaries"


@lru_cache(maxsize=4)
def dictionary(number: str) -> zstandard.ZstdCompressionDict:
    """The dictionary of this number, one of IDS."""
    return zstandard.ZstdCompressionDict((_FOLDER / f"{number}.zdict").read_bytes())


def encode(payload: bytes, dict_ids: Collection[str]) -> bytes | None:
    """`payload` by the newest dictionary that both ends have; None where there is none."""
    known = [number for number in IDS if number in dict_ids]
    if not known or len(payload) > MAX_RECORD:
        return None
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary(known[-1])).compress(payload)


def decode(src: Source) -> Iterator[bytes]:
    """The payload of a frame made by any of our dictionaries.

    Raises:
        RefusedInput: made by a dictionary of a later version; to be held.
        BadFrame: damaged.
    """
    head = read_all(src, _HEAD)
    try:
        number = str(zstandard.get_frame_parameters(head).dict_id)
    except zstandard.ZstdError as error:
        raise BadFrame(f"payload does not decompress: {error}", raw=head) from error
    if number not in IDS:
        raise RefusedInput(f"packed by dictionary {number}, which this version does not have; hold it until an upgrade")
    return plain.decode(Resumed(head, src), dictionary(number))
