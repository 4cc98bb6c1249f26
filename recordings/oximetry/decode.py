"""Spot measurements of each oximeter, decoded; the packets are in the module of each device.

Each takes the bytes of one span and raises BadFrame where no whole packet or line is in it, or too many bytes.
"""

from functools import partial
from typing import Final

from recordings.oximetry import cms50, cms50_9byte, masimo, nellcor, nonin
from recordings.oximetry.span import decode_span

_CMS50: Final = {"manufacturer": "Contec", "model": "CMS50"}

decode_nonin: Final = partial(
    decode_span,
    cut=nonin.cut,
    form=nonin.FORMAT,
    device={"manufacturer": "Nonin"},
    packet_size=nonin.PACKET_SIZE,
    pleth_hz=nonin.PLETH_HZ,
)
decode_cms50: Final = partial(
    decode_span,
    cut=cms50.cut,
    form=cms50.FORMAT,
    device=_CMS50,
    packet_size=cms50.PACKET_SIZE,
    pleth_hz=cms50.PLETH_HZ,
)
decode_cms50_9byte: Final = partial(
    decode_span,
    cut=cms50_9byte.cut,
    form=cms50_9byte.FORMAT,
    device=_CMS50,
    packet_size=cms50_9byte.PACKET_SIZE,
    pleth_hz=cms50_9byte.PLETH_HZ,
)
decode_nellcor: Final = partial(
    decode_span,
    cut=nellcor.cut,
    form=nellcor.FORMAT,
    device={"manufacturer": "Nellcor"},
    packet_size=len(nellcor.print_line()),
)
decode_masimo: Final = partial(
    decode_span,
    cut=masimo.cut,
    form=masimo.FORMAT,
    device={"manufacturer": "Masimo"},
    packet_size=len(masimo.print_line()),
)
