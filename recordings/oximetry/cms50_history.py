"""The stored recording of a first-generation Contec CMS50: the answer to F5 F5, one value pair a second.

Three times F2 80 00, then the length in three bytes (7 bits each, highest first, top bit set in the first two only; one
less than the bytes that follow), then points of three bytes: F0 with bit 7 of the pulse rate, 80 with its bits 6 to 0,
saturation. A pair of zeros is a second without a value. The device tells no time.

Source: atbrask/CMS50Dplus, cms50dplus.py (found with the device).
"""

from decimal import Decimal
from statistics import median_low
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.quantity import Quantity
from clinic_records.reading import Numeric
from recordings.oximetry.span import PULSE, SPO2
from recordings.signal import DecodedRecording, Signal

FORMAT: Final = "cms50-history"
MEDIA_TYPE: Final = "application/vnd.contec.cms50-history"
PREAMBLE: Final = b"\xf2\x80\x00" * 3
HEAD_SIZE: Final = len(PREAMBLE) + 3
POINT_SIZE: Final = 3
MAX_POINTS: Final = 100_000
"""The device holds 24 hours, 86,400 seconds."""
_AGAIN = Hint("血氧历史数据不完整，请重新读取。", "The stored oximetry is damaged; read it again.")


def history_size(head: bytes | bytearray) -> int:
    """Bytes of the whole answer that starts with `head`, of which at least HEAD_SIZE are there; 0 where it is none."""
    a, b, c = head[len(PREAMBLE) : HEAD_SIZE]
    length = ((a & 0x7F) << 14 | (b & 0x7F) << 7 | c) + 1
    is_head = head[: len(PREAMBLE)] == PREAMBLE and a & 0x80 and b & 0x80 and not c & 0x80
    if not is_head or length % POINT_SIZE or length > MAX_POINTS * POINT_SIZE:
        return 0
    return HEAD_SIZE + length


def looks_like_history(raw: bytes) -> bool:
    """Whether the bytes begin with the preamble."""
    return raw.startswith(PREAMBLE)


def decode_history(raw: bytes) -> DecodedRecording:
    """Signals `spo2` and `pulse` at 1 Hz, and the median of each; always from memory.

    Raises:
        BadFrame: a length or a point is wrong.
        RefusedInput: no second of it has a value.
    """
    size = history_size(raw) if len(raw) >= HEAD_SIZE else 0
    if not size or size != len(raw):
        raise BadFrame(f"CMS50 history: {len(raw)} bytes, its head asks for {size or HEAD_SIZE}", hint=_AGAIN)
    points = np.frombuffer(raw, np.uint8, offset=HEAD_SIZE).reshape(-1, POINT_SIZE)
    if ((points[:, 0] & 0xFE) != 0xF0).any() or (points[:, 1] < 0x80).any() or (points[:, 2] >= 0x80).any():
        raise BadFrame("CMS50 history: a point without its marks", hint=_AGAIN)
    pulse = (points[:, 0] & 1).astype(np.float64) * 128 + (points[:, 1] & 0x7F)
    spo2 = points[:, 2].astype(np.float64)
    has_value = (pulse > 0) & (spo2 > 0) & (spo2 <= 100)
    if not has_value.any():
        raise RefusedInput(f"CMS50 history: {len(points)} seconds, none with a value")
    pulse[~has_value] = spo2[~has_value] = np.nan
    context = {"statistic": "median", "seconds": str(int(has_value.sum()))}
    return DecodedRecording(
        format=FORMAT,
        modality="oximetry",
        device={"manufacturer": "Contec", "model": "CMS50"},
        signals=(Signal("spo2", "%", 1.0, spo2), Signal("pulse", "/min", 1.0, pulse)),
        numerics=tuple(
            Numeric(
                row.as_code(),
                Quantity(Decimal(median_low(values[has_value].astype(int).tolist())), row.unit),
                None,
                context,
            )
            for row, values in ((SPO2, spo2), (PULSE, pulse))
        ),
        notes=("a stored recording; the device does not tell when it was made",),
        from_memory=True,
    )


def encode_history(points: list[tuple[int, int]]) -> bytes:
    """The answer that holds `points` of (pulse rate, saturation), at least one; for the simulator and the tests."""
    length = len(points) * POINT_SIZE - 1
    head = bytes((0x80 | length >> 14, 0x80 | length >> 7 & 0x7F, length & 0x7F))
    return PREAMBLE + head + b"".join(bytes((0xF0 | rate >> 7, 0x80 | rate & 0x7F, spo2)) for rate, spo2 in points)
