"""A framing fed in pieces, as a line brings them."""

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, Framing

Item = Frame | BadFrame


def fed_in(framing: Framing, data: bytes, *sizes: int) -> list[Item]:
    """Everything that comes out of `data`, fed in pieces of these sizes in turn, or at once."""
    items: list[Item] = []
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        items += framing.feed(data[at : at + size])
        at += size
        turn += 1
    return items + framing.idle()


def delivered(items: list[Item]) -> list[bytes]:
    """What is kept of them."""
    return [item.raw for item in items if isinstance(item, Frame) and item.deliver]
