"""Coders of the wire as they meet strangers: coded bytes at the hospital, a device's file in the vehicle's child."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pydicom.data

from sync.coding import samples
from sync.coding.choose import Terms, code
from sync.coding.dictionaries import IDS
from sync.coding.image.decoder import decode
from sync.coding.image.encoder import Encoder
from sync.coding.table import CODECS, decoded
from sync.envelope import Codec

MAX_PAYLOAD: Final = 4 * 1024 * 1024
"""Bytes of payload a header may declare here."""
_PYDICOM: Final = Path(pydicom.data.__file__).parent / "test_files"
_FILES: Final = ("CT_small.dcm", "ExplVR_BigEnd.dcm", "MR_small_implicit.dcm", "SC_rgb_small_odd.dcm")
_SMALL: Final = 4096
_Wire = tuple[Callable[[bytes, int], None], Callable[[], tuple[bytes, ...]]]


def _open(codec: Codec, raw: bytes, seed: int) -> None:
    """As the hospital: never more than the header, which the stranger wrote too, declares."""
    size = (100, 4_000, _SMALL, MAX_PAYLOAD)[seed % 4]
    for piece in decoded(codec, BytesIO(raw), size):
        size -= len(piece)
        if size < 0:
            return


def _code(raw: bytes, _: int) -> None:
    """As the vehicle: whatever a device's file is, it comes back."""
    coded = b"".join(block.data for block in Encoder(rate=0.0).blocks(BytesIO(raw)))
    if coded and b"".join(decode(BytesIO(coded))) != raw:
        raise AssertionError("the image coder gave other bytes back")
    if b"".join(samples.decode(BytesIO(samples.encode(raw)), len(raw))) != raw:
        raise AssertionError("the curve coder gave other bytes back")


@cache
def _files() -> tuple[bytes, ...]:
    return tuple((_PYDICOM / name).read_bytes() for name in _FILES)


@cache
def _coded(codec: Codec) -> tuple[bytes, ...]:
    plain = (b'{"id":"0195-1","status":"declared"}' * 3, np.arange(2000, dtype="<i2").tobytes(), *_files())
    terms = Terms((codec,), IDS)
    made = (code(each[: None if codec is Codec.IMAGE else _SMALL], terms) for each in plain)
    found = tuple(b"".join(each.pieces()) for each in made if each.codec is codec)
    return found or (samples.encode(plain[1]),)


WIRE: Final[Mapping[str, _Wire]] = {
    **{f"codec:{codec}": (partial(_open, codec), partial(_coded, codec)) for codec in CODECS if codec is not Codec.RAW},
    "coder:image": (_code, _files),
}
"""Name -> feed and corpus of a Target."""
