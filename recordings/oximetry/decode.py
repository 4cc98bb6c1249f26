"""Spot measurements of each oximeter, decoded; the packets are in the module of each device."""

from recordings.oximetry import cms50, cms50_9byte, masimo, nellcor, nonin
from recordings.oximetry.span import decode_span
from recordings.signal import DecodedRecording


def decode_nonin(raw: bytes) -> DecodedRecording:
    """The measurement in a span of packets.

    Raises:
        BadFrame: no whole packet in it, or too many bytes.
    """
    return decode_span(
        raw,
        nonin.cut,
        form=nonin.FORMAT,
        device={"manufacturer": "Nonin"},
        packet_size=nonin.PACKET_SIZE,
        pleth_hz=nonin.PLETH_HZ,
    )


def decode_cms50(raw: bytes) -> DecodedRecording:
    """The measurement in a span of packets.

    Raises:
        BadFrame: no whole packet in it, or too many bytes.
    """
    return decode_span(
        raw,
        cms50.cut,
        form=cms50.FORMAT,
        device={"manufacturer": "Contec", "model": "CMS50"},
        packet_size=cms50.PACKET_SIZE,
        pleth_hz=cms50.PLETH_HZ,
    )


def decode_cms50_9byte(raw: bytes) -> DecodedRecording:
    """The measurement in a span of packets.

    Raises:
        BadFrame: no whole packet in it, or too many bytes.
    """
    return decode_span(
        raw,
        cms50_9byte.cut,
        form=cms50_9byte.FORMAT,
        device={"manufacturer": "Contec", "model": "CMS50"},
        packet_size=cms50_9byte.PACKET_SIZE,
        pleth_hz=cms50_9byte.PLETH_HZ,
    )


def decode_nellcor(raw: bytes) -> DecodedRecording:
    """The measurement in a span of lines.

    Raises:
        BadFrame: no line of values in it, or too many bytes.
    """
    return decode_span(
        raw, nellcor.cut, form=nellcor.FORMAT, device={"manufacturer": "Nellcor"}, packet_size=len(nellcor.print_line())
    )


def decode_masimo(raw: bytes) -> DecodedRecording:
    """The measurement in a span of lines.

    Raises:
        BadFrame: no line of values in it, or too many bytes.
    """
    return decode_span(
        raw, masimo.cut, form=masimo.FORMAT, device={"manufacturer": "Masimo"}, packet_size=len(masimo.print_line())
    )
