"""One Contec SP80B session record, bytes to numbers and back; the layout is written in `sp80b_layout`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.reading import Code, Numeric
from recordings.arrays import FloatArray
from recordings.signal import DecodedRecording, Signal
from recordings.spirometry import values
from recordings.spirometry.sp80b_layout import (
    MAX_FRAMES,
    NOTHING_MORE,
    RESULT_SIZE,
    RESULT_TYPE,
    SESSION_HEAD_SIZE,
    WAVE_FRAME_SIZE,
    WAVE_TYPE,
    checksum7,
    get_u14,
    put_u14,
    session_size,
)

FORMAT: Final = "sp80b"
TIME_STEPS_HZ: Final = 10_000
"""Wave times count ten-thousandths of a second."""
_MEASUREMENTS: Final = {0: "all", 1: "FVC", 2: "VC", 3: "MVV", 4: "MV"}
_STANDARDS: Final = {1: "ECCS", 2: "KNUDSON", 3: "USA"}
_CURVE_TOLERANCE_L: Final = 0.05
"""A result's FVC may differ so much from its curve's highest volume before we say so (ISO 26782: 0.05 L)."""

_AGAIN = Hint(
    "肺功能数据不完整，请在仪器上重新上传。", "The spirometry data is damaged; upload it again on the device."
)


@dataclass(frozen=True, slots=True)
class Sp80bResult:
    """The numbers of one manoeuvre as the device words them; volumes L, flows L/s, ratio %, height cm.

    `taken` is aware; its wall time in `taken.tzinfo` is written as the device's clock.
    """

    taken: datetime
    sex: str
    age: int
    height_cm: int
    fvc: Decimal
    fev1: Decimal
    fev1_fvc: Decimal
    pef: Decimal
    fef2575: Decimal
    fev05: Decimal = Decimal(0)
    fev3: Decimal = Decimal(0)
    fev6: Decimal = Decimal(0)
    fef25: Decimal = Decimal(0)
    fef50: Decimal = Decimal(0)
    fef75: Decimal = Decimal(0)
    number: int = 1
    measurement: int = 1
    standard: int = 1
    is_after_bronchodilator: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The wave: seconds, L/s (expiration positive) and L, 1-D and of one length."""

    time_s: FloatArray
    flow_l_s: FloatArray
    volume_l: FloatArray


_Get = Callable[[Sp80bResult], Decimal]
_FIELDS: Final[tuple[tuple[int, int, Code, str, _Get], ...]] = (
    (17, 2, values.FVC, "L", lambda r: r.fvc),
    (19, 2, values.FEV05, "L", lambda r: r.fev05),
    (21, 2, values.FEV1, "L", lambda r: r.fev1),
    (23, 1, values.FEV1_FVC, "%", lambda r: r.fev1_fvc),
    (25, 2, values.FEV3, "L", lambda r: r.fev3),
    (27, 2, values.FEV6, "L", lambda r: r.fev6),
    (29, 2, values.PEF, "L/s", lambda r: r.pef),
    (31, 2, values.FEF25, "L/s", lambda r: r.fef25),
    (33, 2, values.FEF50, "L/s", lambda r: r.fef50),
    (35, 2, values.FEF75, "L/s", lambda r: r.fef75),
    (37, 2, values.FEF2575, "L/s", lambda r: r.fef2575),
)
"""(byte, decimals, code, unit, the result's field) of every number of the result message."""


def _damaged(message: str) -> BadFrame:
    return BadFrame(f"SP80B session: {message}", hint=_AGAIN)


def decode_session(raw: bytes) -> DecodedRecording:
    """The recording in one session record: signals `time`, `flow`, `volume` and the device's numbers.

    Raises:
        BadFrame: a length, type, checksum or date is wrong; the message names the field.
    """
    _check_shape(raw)
    result = raw[:RESULT_SIZE]
    context = {"measurement": _MEASUREMENTS[result[2]], "attempt": str(get_u14(result, 3))}
    if result[16]:
        context["bronchodilator"] = "after"
    numerics = tuple(
        Numeric(code, values.numeric(code, Decimal(get_u14(result, at)).scaleb(-places), unit).quantity, None, context)
        for at, places, code, unit, _ in _FIELDS
        if get_u14(result, at)
    )
    curve = _read_curve(raw[SESSION_HEAD_SIZE:])
    return DecodedRecording(
        format=FORMAT,
        patient={
            "sex": "F" if result[11] else "M",
            "age": f"{result[12]} a",
            "height": f"{get_u14(result, 13)} cm",
        },
        device={
            "manufacturer": "Contec",
            "model": "SP80B",
            "predicted_standard": _STANDARDS.get(result[15], f"code {result[15]}"),
            "time_zone": "assumed",
        },
        start=_taken(result),
        signals=_signals(curve),
        numerics=numerics,
        notes=_notes(curve, get_u14(result, 17) / 100, result[2]),
    )


def _check_shape(raw: bytes) -> None:
    expected = session_size(raw)
    if expected is None or len(raw) != expected:
        raise _damaged(f"{len(raw)} bytes, its headers ask for {expected or SESSION_HEAD_SIZE}")
    result, wave = raw[:RESULT_SIZE], raw[RESULT_SIZE:]
    if result[0] != RESULT_TYPE or wave[0] != WAVE_TYPE:
        raise _damaged(f"types {result[0]:02X} and {wave[0]:02X} instead of E1 and E2")
    if any(byte & 0x80 for byte in result[1:]) or any(byte & 0x80 for byte in wave[1:]):
        raise _damaged("a byte after the type has its top bit set")
    if result[1] in NOTHING_MORE:
        raise _damaged(f"byte 1 is {result[1]:02X}, which means that there is no record")
    if checksum7(result[:-1]) != result[-1]:
        raise _damaged(f"result checksum: written {result[-1]:02X}, computed {checksum7(result[:-1]):02X}")
    if result[2] not in _MEASUREMENTS:
        raise _damaged(f"measurement code {result[2]} is not known")
    if result[11] not in {0, 1}:
        raise _damaged(f"sex code {result[11]} is not known")


def _taken(result: bytes) -> datetime:
    year, month, day, hour, minute, second = result[5:11]
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=CHINA).astimezone(UTC)
    except ValueError as error:
        raise _damaged(f"date and time {result[5:11].hex(' ')}: {error}") from None


def _read_curve(frames: bytes) -> Curve:
    if not frames:
        empty = np.zeros(0)
        return Curve(empty, empty, empty)
    table = np.frombuffer(frames, np.uint8).reshape(-1, WAVE_FRAME_SIZE)
    top = (table[:, :1] >> np.arange(7, dtype=np.uint8) & 1) << 7
    payload = table[:, 1:] | top
    time = payload[:, :3].astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])
    pairs = np.ascontiguousarray(payload[:, 3:]).view("<i2").astype(np.float64) / 1000
    if (np.diff(time) < 0).any():
        raise _damaged("wave: time runs backwards")
    return Curve(time / TIME_STEPS_HZ, pairs[:, 0].copy(), pairs[:, 1].copy())


def _signals(curve: Curve) -> tuple[Signal, ...]:
    count = len(curve.time_s)
    if not count:
        return ()
    span = float(curve.time_s[-1] - curve.time_s[0])
    rate = (count - 1) / span if span > 0 else 1.0
    return (
        Signal("time", "s", rate, curve.time_s),
        Signal("flow", "L/s", rate, curve.flow_l_s),
        Signal("volume", "L", rate, curve.volume_l),
    )


def _notes(curve: Curve, fvc_l: float, measurement: int) -> tuple[str, ...]:
    if not len(curve.volume_l):
        return ("the device sent no curve",)
    highest = float(curve.volume_l.max())
    if measurement in {0, 1} and fvc_l and abs(highest - fvc_l) > _CURVE_TOLERANCE_L:
        return (f"the curve reaches {highest:.3f} L, the device's FVC is {fvc_l:.2f} L",)
    return ()


def encode_session(result: Sp80bResult, curve: Curve, *, place: int = 1) -> bytes:
    """The session record of `result` and `curve`; `place` is its place in the transfer, 1..125.

    Raises:
        RefusedInput: a value does not fit its field.
    """
    taken = result.taken
    head = bytearray(RESULT_SIZE - 1)
    head[0:3] = bytes((RESULT_TYPE, _fit(place, 1, 125, "place"), _fit(result.measurement, 0, 4, "measurement")))
    head[3:5] = put_u14(_fit(result.number, 0, MAX_FRAMES, "number"))
    head[5:11] = bytes(
        (_fit(taken.year - 2000, 0, 127, "year"), taken.month, taken.day, taken.hour, taken.minute, taken.second)
    )
    head[11] = 1 if result.sex == "F" else 0
    head[12] = _fit(result.age, 0, 127, "age")
    head[13:15] = put_u14(_fit(result.height_cm, 0, MAX_FRAMES, "height"))
    head[15] = _fit(result.standard, 1, 3, "standard")
    head[16] = int(result.is_after_bronchodilator)
    for at, places, code, _, get in _FIELDS:
        head[at : at + 2] = put_u14(_fit(round(get(result).scaleb(places)), 0, MAX_FRAMES, code.display))
    frames = _write_curve(curve)
    wave = bytes((WAVE_TYPE,)) + put_u14(place) + put_u14(_fit(len(curve.time_s), 0, MAX_FRAMES, "frames"))
    return bytes(head) + bytes((checksum7(bytes(head)),)) + wave + frames


def _fit(value: int, low: int, high: int, field: str) -> int:
    if not low <= value <= high:
        raise RefusedInput(f"SP80B session: {field} {value} does not fit {low}..{high}")
    return value


def _write_curve(curve: Curve) -> bytes:
    columns = (
        (curve.time_s, TIME_STEPS_HZ, 0, (1 << 24) - 1, 3),
        (curve.flow_l_s, 1000, -32768, 32767, 2),
        (curve.volume_l, 1000, -32768, 32767, 2),
    )
    parts = []
    for samples, steps, low, high, size in columns:
        whole = np.rint(np.asarray(samples, dtype=np.float64) * steps)
        if not np.all((whole >= low) & (whole <= high)):
            raise RefusedInput(f"SP80B session: a wave value does not fit {size} bytes")
        parts.append(whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :size])
    payload = np.hstack(parts)
    tops = (payload >> 7) @ (1 << np.arange(7, dtype=np.int64))
    return np.hstack([tops.astype(np.uint8)[:, np.newaxis], payload & 0x7F]).astype(np.uint8).tobytes()
