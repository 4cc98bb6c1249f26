"""The refrigerator's sensor: Modbus answers, what is told of them, and when it is too warm."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import Stamp
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import DeviceId
from clinic_records.reading import AbsentReason, Reading
from devices.delivery import Delivery
from devices.framing.base import Frame
from devices.framing.modbus import ModbusFraming, crc16, rtu_frame
from devices.simulators.fridge_sensor import answer
from devices.vehicle.fridge import MEDIA_TYPE, QUESTION, TOLD_EACH, FridgeSensor, Worth, excursion, interpret, read

NOW = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
REFUSAL = rtu_frame(bytes((1, 0x84, 2)))


def framing() -> ModbusFraming:
    return FridgeSensor(lambda: NOW).framing()


def run(stream: bytes, step: int) -> list[Frame | BadFrame]:
    found = framing()
    items = [item for at in range(0, len(stream), step) for item in found.feed(stream[at : at + step])]
    return items + found.idle()


def reading(tmp_path: Path, raw: bytes) -> Reading:
    (tmp_path / "raw").write_bytes(raw)
    (one,) = interpret(Delivery(DeviceId("f1"), "fridge-xy-md02", Stamp(NOW), MEDIA_TYPE), tmp_path / "raw")
    return one


def test_the_published_frames_have_our_crc() -> None:
    assert rtu_frame(bytes.fromhex("01 04 00 01 00 01")) == bytes.fromhex("01 04 00 01 00 01 60 0A")
    assert rtu_frame(bytes.fromhex("01 04 02 01 31")) == bytes.fromhex("01 04 02 01 31 79 74")
    assert bytes.fromhex("01 04 00 01 00 02 20 0B") == QUESTION
    assert crc16(b"123456789") == 0x4B37.to_bytes(2, "little")


def test_tenths_and_the_sign() -> None:
    assert read(answer(305, 455)) == (Decimal("30.5"), Decimal("45.5"))
    assert read(answer(-101)) == (Decimal("-10.1"), Decimal("45.5"))


@pytest.mark.parametrize(("tenths", "outside"), [(19, "low"), (20, ""), (80, ""), (81, "high"), (-5, "low")])
def test_an_excursion_is_said_in_the_reading(tmp_path: Path, tenths: int, outside: str) -> None:
    one = reading(tmp_path, answer(tenths))
    assert one.numerics[0].context.get("excursion", "") == outside == excursion(Decimal(tenths) / 10)
    assert bool(one.notes) == bool(outside)


def test_a_broken_sensor_is_no_temperature(tmp_path: Path) -> None:
    one = reading(tmp_path, answer(-3276))
    assert (one.numerics[0].quantity, one.numerics[0].absent, one.notes) == (None, AbsentReason.ERROR, ())
    with pytest.raises(RefusedInput, match="exception 2"):
        reading(tmp_path, REFUSAL)


@pytest.mark.parametrize("raw", [b"", answer(42)[:-1], answer(42) + b"\0", b"\x02" + answer(42)[1:], bytes(9)])
def test_what_is_no_answer_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(BadFrame):
        reading(tmp_path, raw)


def test_few_answers_are_told_and_a_crossing_at_once() -> None:
    now = [NOW]
    worth = Worth(lambda: now[0])
    assert [worth.wants(answer(t)) for t in (42, 43, 81, 82, 80)] == [True, False, True, False, True]
    now[0] += TOLD_EACH - timedelta(seconds=1)
    assert not worth.wants(answer(50))
    now[0] += timedelta(seconds=1)
    assert worth.wants(answer(50))
    assert [worth.wants(REFUSAL), worth.wants(REFUSAL)] == [True, False]


@given(
    st.lists(st.sampled_from([answer(42), REFUSAL, QUESTION, b"\x01", b"\x01\x04", b"\x01\x04\x04", b"\xff"])),
    st.integers(1, 9),
)
def test_every_byte_comes_out_once_and_every_answer_is_found(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    at_once, in_pieces = run(stream, 1000), run(stream, step)
    for items in (at_once, in_pieces):
        assert b"".join(item.raw for item in items) == stream
        found = [item.raw for item in items if isinstance(item, Frame)]
        assert found == [part for part in parts if part in {answer(42), REFUSAL}]


def test_garbage_is_not_held() -> None:
    held = framing()
    assert sum(len(item.raw) for item in held.feed(b"\x01\x04\x04" * 2000)) > 5000


@given(st.binary(max_size=12))
def test_no_bytes_break_it(raw: bytes) -> None:
    try:
        read(raw)
    except RefusedInput:
        return
    assert len(raw) == 9
