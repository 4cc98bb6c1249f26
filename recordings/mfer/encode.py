"""Lead arrays -> one MFER file, as a recorder would export it; for the simulator and for round trips."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from clinic_records.errors import RefusedInput
from recordings.arrays import FloatArray
from recordings.mfer import tlv
from recordings.mfer.values import LONG_TERM_ECG, ByteOrder
from recordings.scp_ecg.leads import NUMBERS

_NULL: Final = -32768


@dataclass(frozen=True, slots=True, eq=False)
class EcgForMfer:
    """What to write: samples in microvolts by lead, all of one length, NaN where there are none; `step_nv` a step."""

    leads: Mapping[str, FloatArray]
    sampling_hz: int
    taken: datetime
    step_nv: int = 1000
    patient_id: str = ""
    name: str = ""
    sex: str = ""
    maker: str = ""
    block: int = 0
    order: ByteOrder = "big"


def encode_mfer(ecg: EcgForMfer) -> bytes:
    """The file; with `block` samples a block, 0 for all in one.

    Raises:
        RefusedInput: leads of unequal length, unknown, or samples beyond 16 bits.
    """
    lengths = {len(samples) for samples in ecg.leads.values()}
    unknown = [name for name in ecg.leads if name not in NUMBERS]
    if len(lengths) != 1 or lengths == {0} or unknown:
        raise RefusedInput(f"MFER: leads of lengths {sorted(lengths)}, unknown leads {unknown}")
    samples = lengths.pop()
    block = ecg.block or samples
    if samples % block:
        raise RefusedInput(f"MFER: {samples} samples are not blocks of {block}")
    steps = np.array([_steps(values, ecg.step_nv, name) for name, values in ecg.leads.items()])
    frame = steps.reshape(len(ecg.leads), -1, block).transpose(1, 0, 2)
    sign = "<" if ecg.order == "little" else ">"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, ecg.order, signed=value < 0)

    taken = ecg.taken
    when = number(taken.year, 2) + bytes((taken.month, taken.day, taken.hour, taken.minute, taken.second)) + bytes(4)
    parts = [
        _define(tlv.PRE, b"MFR Long-term ECG".ljust(32)),
        _define(tlv.BLE, b"\1" if ecg.order == "little" else b"\0"),
        _define(tlv.TXC, b"UTF-8"),
        _define(tlv.WFM, bytes((LONG_TERM_ECG,))),
        _define(tlv.MAN, ecg.maker.encode()),
        _define(tlv.PID, ecg.patient_id.encode()),
        _define(tlv.PNM, ecg.name.encode()),
        _define(tlv.SEX, bytes(({"M": 1, "F": 2, "O": 3}.get(ecg.sex, 0),))),
        _define(tlv.TIM, when),
        _define(tlv.IVL, b"\0\0" + number(ecg.sampling_hz, 4)),
        _define(tlv.SEN, b"\0" + struct.pack("b", -9) + number(ecg.step_nv, 4)),
        _define(tlv.NUL, number(_NULL, 2)),
        _define(tlv.BLK, number(block, 4)),
        _define(tlv.CHN, number(len(ecg.leads), 1)),
        _define(tlv.SEQ, number(samples // block, 2)),
    ]
    for channel, name in enumerate(ecg.leads):
        inner = _define(tlv.LDN, number(NUMBERS[name], 2))
        parts.append(bytes((tlv.ATT, channel, len(inner))) + inner)
    parts += [_define(tlv.WAV, frame.astype(f"{sign}i2").tobytes()), bytes((tlv.END,))]
    return b"".join(parts)


def _define(tag: int, value: bytes) -> bytes:
    size = len(value)
    return bytes((tag,)) + (bytes((size,)) if size < 0x80 else b"\x84" + size.to_bytes(4, "big")) + value


def _steps(values: FloatArray, step_nv: int, name: str) -> FloatArray:
    steps = np.rint(values * (1000.0 / step_nv))
    if np.nanmax(np.abs(steps), initial=0.0) >= -_NULL:
        raise RefusedInput(f"MFER: lead {name} has samples beyond 16 bits of {step_nv} nV")
    result: FloatArray = np.where(np.isnan(steps), _NULL, steps)
    return result
