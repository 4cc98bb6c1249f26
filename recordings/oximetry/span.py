"""One spot measurement of a pulse oximeter: the device's packets in order, and what they say together.

Each device has a `cut`, which finds its packets in a stream; the line's framing and the decoder use the same one, so a
damaged packet gives a value to neither. Numbers are the lower median of what the device itself showed while its
signal was good: a value it really showed, never an average of ours. Quality travels with each number (hazard H07).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median_low
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.oximetry.packet import Cut, Packet, walk
from recordings.signal import DecodedRecording, Signal

SPO2: Final = BY_KEY["loinc:59408-5"]
PULSE: Final = BY_KEY["loinc:8889-8"]
PERFUSION_INDEX: Final = BY_KEY["loinc:61006-3"]
_NOTED_SHARE: Final = Decimal("0.1")
"""A fault seen for a tenth of the measurement is said in words, not only as a figure."""
_LOWEST_INDEX: Final = Decimal("0.5")
"""%; below it Masimo's own display turns red (Rad-8 operator's manual, perfusion index)."""
MAX_BYTES: Final = 1 << 17
"""A minute of the fastest device is 33 kB; the rest is room for noise."""

_AGAIN = Hint("血氧数据不完整，请重新测量。", "The oximeter's data is damaged; measure again.")


@dataclass(slots=True)
class _Span:
    packets: list[Packet] = field(default_factory=list)
    pleth: list[float] = field(default_factory=list)
    strange: int = 0


def decode_span(
    raw: bytes, cut: Cut, *, form: str, device: Mapping[str, str], packet_size: int, pleth_hz: float = 0.0
) -> DecodedRecording:
    """The measurement in the bytes of one span.

    Args:
        raw: from the finger's coming to its going, as it came.
        cut: of the device.
        form: the recording's format.
        device: manufacturer and model.
        packet_size: bytes of one packet, to know how many were lost where bytes are none.
        pleth_hz: samples a second of the curve; 0 where the device sends none.

    Raises:
        BadFrame: more bytes than a measurement has, or no packet in them.
    """
    if len(raw) > MAX_BYTES:
        raise BadFrame(f"{form}: {len(raw)} bytes; a measurement has at most {MAX_BYTES}", hint=_AGAIN)
    span = _Span()
    waiting = 0
    for piece, packet in walk(raw, cut):
        if packet is None:
            span.strange += len(piece)
            waiting += len(piece)
            continue
        lost, waiting = waiting // packet_size, waiting % packet_size
        span.pleth += [float("nan")] * (lost * len(packet.pleth))
        span.pleth += packet.pleth
        span.packets.append(packet)
    if not span.packets:
        raise BadFrame(f"{form}: no packet in {len(raw)} bytes", hint=_AGAIN)
    return _recording(span, form, dict(device), pleth_hz)


def _recording(span: _Span, form: str, device: dict[str, str], pleth_hz: float) -> DecodedRecording:
    inside = [one for one in span.packets if one.is_finger_in]
    good = [one for one in inside if one.is_good]
    start = next((one.time for one in span.packets if one.time is not None), None)
    shares = _shares(inside)
    context = {"good_s": f"{sum(one.seconds for one in good):.0f}"}
    context |= {mark: f"{share * 100:.0f} %" for mark, share in shares.items()}
    indices = [one.perfusion_index for one in good if one.perfusion_index is not None]
    numerics = [
        _numeric(SPO2.key, [Decimal(one.spo2) for one in good if one.spo2 is not None], context),
        _numeric(PULSE.key, [Decimal(one.pulse) for one in good if one.pulse is not None], context),
    ]
    if any(one.perfusion_index is not None for one in span.packets):
        numerics.append(_numeric(PERFUSION_INDEX.key, indices, context))
    pleth = np.array(span.pleth, dtype=np.float64)
    return DecodedRecording(
        format=form,
        modality="oximetry",
        device=device | ({"time_zone": "assumed"} if start else {}),
        start=start,
        signals=(Signal("pleth", "1", pleth_hz, pleth),) if pleth_hz and len(pleth) else (),
        numerics=tuple(numerics),
        notes=tuple(_notes(span, shares, indices, has_value=bool(good))),
    )


def _numeric(key: str, values: list[Decimal], context: dict[str, str]) -> Numeric:
    row = BY_KEY[key]
    if not values:
        return Numeric(row.as_code(), absent=AbsentReason.ERROR, context=context)
    told = context | {"statistic": "median", "lowest": str(min(values)), "highest": str(max(values))}
    return Numeric(row.as_code(), Quantity(median_low(values), row.unit), context=told)


def _shares(packets: list[Packet]) -> dict[str, Decimal]:
    counts = Counter(mark for one in packets for mark in one.marks)
    return {mark: Decimal(count) / len(packets) for mark, count in sorted(counts.items())}


def _notes(span: _Span, shares: dict[str, Decimal], indices: list[Decimal], *, has_value: bool) -> Iterator[str]:
    if not has_value:
        yield "the oximeter never had a good signal: no value"
    for mark, share in shares.items():
        if share >= _NOTED_SHARE:
            yield f"{mark} during {share * 100:.0f} % of the measurement"
    if indices and median_low(indices) < _LOWEST_INDEX:
        yield f"perfusion index below {_LOWEST_INDEX} %: the saturation may be wrong, warm the hand and measure again"
    if span.strange:
        yield f"{span.strange} bytes on the line were no packet and gave no value"
