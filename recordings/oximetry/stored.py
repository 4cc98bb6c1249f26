"""The stored recording of a first-generation Contec CMS50, decoded; its layout is in `cms50_history`."""

from decimal import Decimal
from statistics import median_low
from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.quantity import Quantity
from clinic_records.reading import Numeric
from recordings.oximetry.cms50_history import FORMAT, HEAD_SIZE, POINT_SIZE, history_size
from recordings.oximetry.span import PULSE, SPO2
from recordings.signal import DecodedRecording, Signal

_AGAIN: Final = Hint("血氧历史数据不完整，请重新读取。", "The stored oximetry is damaged; read it again.")


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
