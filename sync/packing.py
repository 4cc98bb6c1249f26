"""msgpack from a stranger: decoded into a declared type, or refused."""

from typing import TypeVar

import msgspec

from clinic_records.errors import BadFrame

T = TypeVar("T")


def unpack(data: bytes, wanted: type[T], what: str) -> T:
    """`data` as `wanted`; unknown fields of maps are ignored.

    Raises:
        BadFrame: it is not that. (msgspec lets UnicodeDecodeError and RecursionError through beside its own.)
    """
    try:
        return msgspec.msgpack.decode(data, type=wanted)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadFrame(f"{what} does not decode: {error}", raw=data) from error
