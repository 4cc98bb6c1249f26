"""SCP-ECG records in a stream: found whole, found after garbage, refused with their bytes."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.scp import MAX_RECORD, MEDIA_TYPE, ScpFraming
from devices.simulators.ecg_scp import scp_record
from recordings.scp_ecg.record import join

RECORD = join({1: b"leads and samples"})


def all_items(*pieces: bytes) -> list[Frame | BadFrame]:
    framing = ScpFraming()
    items = [item for piece in pieces for item in framing.feed(piece)]
    return items + framing.idle()


def frames(items: list[Frame | BadFrame]) -> list[bytes]:
    return [item.raw for item in items if isinstance(item, Frame)]


def faults(items: list[Frame | BadFrame]) -> list[str]:
    return [str(item) for item in items if isinstance(item, BadFrame)]


def test_real_record_comes_out_as_it_went_in() -> None:
    record = scp_record(name="张伟")
    assert all_items(record) == [Frame(record, MEDIA_TYPE)]


def test_one_byte_at_a_time() -> None:
    framing = ScpFraming()
    items = [item for byte in RECORD * 3 for item in framing.feed(bytes((byte,)))]
    assert frames(items) == [RECORD] * 3
    assert framing.idle() == []


def test_record_is_whole_at_its_last_byte_without_waiting_for_silence() -> None:
    framing = ScpFraming()
    assert framing.feed(RECORD[:-1]) == []
    assert frames(framing.feed(RECORD[-1:])) == [RECORD]


def test_garbage_before_between_and_after_is_kept() -> None:
    items = all_items(b"\x00noise" + RECORD + b"more" + RECORD + b"end")
    assert frames(items) == [RECORD, RECORD]
    assert [item.raw for item in items if isinstance(item, BadFrame)] == [b"\x00noise", b"more", b"end"]


@pytest.mark.parametrize("at", [0, 30, len(RECORD) - 1])
def test_wrong_crc_is_refused_with_its_bytes(at: int) -> None:
    broken = bytearray(RECORD)
    broken[at] ^= 1
    items = all_items(bytes(broken) + RECORD)
    assert frames(items) == [RECORD]
    assert [item.raw for item in items if isinstance(item, BadFrame)] == [bytes(broken)]
    assert "CRC" in faults(items)[0]


def test_truncated_record_is_refused_at_silence_and_not_before() -> None:
    framing = ScpFraming()
    assert framing.feed(RECORD[:100]) == []
    (item,) = framing.idle()
    assert isinstance(item, BadFrame)
    assert item.raw == RECORD[:100]
    assert f"100 of {len(RECORD)}" in str(item)
    assert frames(framing.feed(RECORD)) == [RECORD]


def test_record_swallowed_by_a_cut_one_is_found_at_silence() -> None:
    items = all_items(RECORD[:60] + RECORD)
    assert frames(items) == [RECORD]
    assert sum(len(item.raw) for item in items) == 60 + len(RECORD)


@pytest.mark.parametrize("length", [0, 22, 141, MAX_RECORD + 1, 0xFFFFFFFF])
def test_impossible_length_is_garbage_at_once(length: int) -> None:
    broken = RECORD[:2] + struct.pack("<I", length) + RECORD[6:]
    items = ScpFraming().feed(broken + RECORD)
    assert frames(items) == [RECORD]


def test_memory_stays_bounded_when_nobody_says_anything_sensible() -> None:
    framing = ScpFraming()
    for _ in range(40):
        framing.feed(bytes(100_000))
        assert len(framing._buffer) <= MAX_RECORD


def test_memory_stays_bounded_under_false_heads() -> None:
    head = RECORD[:2] + struct.pack("<I", MAX_RECORD) + RECORD[6:22]
    framing = ScpFraming()
    total = sum(len(item.raw) for _ in range(30) for item in framing.feed(head * 4096))
    assert len(framing._buffer) <= MAX_RECORD
    assert total + len(framing._buffer) == 30 * 4096 * len(head)


@given(st.lists(st.one_of(st.binary(max_size=300), st.just(RECORD), st.just(b"SCPECG"), st.just(RECORD[:40]))))
def test_any_bytes_come_out_again_in_order(pieces: list[bytes]) -> None:
    assert b"".join(item.raw for item in all_items(*pieces)) == b"".join(pieces)


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 50))
def test_valid_record_after_garbage_is_found_however_it_is_cut(garbage: list[bytes], size: int) -> None:
    stream = b"".join(garbage) + RECORD
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert frames(all_items(*pieces)) == [RECORD]


def test_record_of_a_real_cart_is_found_and_a_look_alike_is_not(shared_data: Path) -> None:
    real = (shared_data / "devices/scp/ECGToolkit__Example.scp").read_bytes()
    other = (shared_data / "devices/scp/healforcescpecg__62.SCP").read_bytes()
    items = all_items(other, real)
    assert frames(items) == [real]
    assert b"".join(item.raw for item in items) == other + real
