"""Codec -> how its bytes become the payload again. A new codec, or a new version of one, is one line."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Final

from clinic_records.errors import RefusedInput
from sync.coding import dictionaries, plain, samples
from sync.coding.sources import PIECE, pieces_of
from sync.envelope import Codec
from sync.stream import Source

HEAVY: Final = frozenset({Codec.IMAGE})
"""Codecs whose libraries and memory belong into a limited child process (sync rule 13)."""

CODECS: Final = tuple(Codec)
"""What this version decodes, as it is announced."""


def _zstd(src: Source, _: int) -> Iterator[bytes]:
    return plain.decode(src)


def _raw(src: Source, _: int) -> Iterator[bytes]:
    return pieces_of(src, PIECE)


def _dictionary(src: Source, _: int) -> Iterator[bytes]:
    return dictionaries.decode(src)


def _image(src: Source, _: int) -> Iterator[bytes]:
    decoded: Iterator[bytes] = import_module("sync.coding.image.decoder").decode(src)
    return decoded


_DECODERS: Final[Mapping[Codec, Callable[[Source, int], Iterator[bytes]]]] = {
    Codec.RAW: _raw,
    Codec.ZSTD: _zstd,
    Codec.DICTIONARY: _dictionary,
    Codec.SAMPLES: samples.decode,
    Codec.IMAGE: _image,
}


def codec_of(name: str) -> Codec:
    """The codec of this name.

    Raises:
        RefusedInput: of a later version; the envelope is to be held.
    """
    try:
        return Codec(name)
    except ValueError:
        raise RefusedInput(f"codec {name!r} is not known to this version; hold it until an upgrade") from None


def decoded(codec: Codec, src: Source, size: int) -> Iterator[bytes]:
    """The payload of `size` bytes that lies in `src` in `codec`. The caller counts and hashes what comes.

    Raises:
        BadFrame: damaged.
        RefusedInput: it needs something this version does not have; to be held.
    """
    return _DECODERS[codec](src, size)
