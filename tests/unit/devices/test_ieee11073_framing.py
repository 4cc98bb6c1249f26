"""APDUs on a stream: found whatever lies around them, and no byte is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.ieee11073 import ApduFraming
from devices.ieee11073 import requests
from recordings.ieee11073.apdu import MAX_APDU, PRST, envelope
from recordings.ieee11073.association import request
from recordings.ieee11073.mder import octets

APDUS = (request(b"\x02device1", 0x02BC), requests.get_attributes(7), requests.abort(), requests.released())
Item = Frame | BadFrame


def at_once(data: bytes) -> list[Item]:
    framing = ApduFraming()
    return framing.feed(data) + framing.idle()


def bytewise(data: bytes) -> list[Item]:
    framing = ApduFraming()
    return [item for byte in data for item in framing.feed(bytes((byte,)))] + framing.idle()


def frames(items: list[Item]) -> list[bytes]:
    return [item.raw for item in items if isinstance(item, Frame)]


streams = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(APDUS), st.just(APDUS[0][:30]))).map(b"".join)


@given(streams)
def test_every_byte_comes_out_once_and_bytewise_finds_the_same(data: bytes) -> None:
    once, slowly = at_once(data), bytewise(data)
    assert b"".join(item.raw for item in once) == data == b"".join(item.raw for item in slowly)
    assert frames(once) == frames(slowly)


@given(st.lists(st.sampled_from(APDUS)), st.lists(st.integers(1, 60)))
def test_apdus_in_any_pieces_are_all_found(apdus: list[bytes], sizes: list[int]) -> None:
    framing, data, items = ApduFraming(), b"".join(apdus), list[Item]()
    for size in sizes:
        items += framing.feed(data[:size])
        data = data[size:]
    items += framing.feed(data)
    assert framing.idle() == []
    assert [item.raw for item in items if isinstance(item, Frame)] == apdus
    assert len(items) == len(apdus)


@given(st.binary(max_size=200).filter(lambda noise: not any(0xE2 <= byte <= 0xE7 for byte in noise)))
def test_noise_before_an_apdu_is_kept_apart(noise: bytes) -> None:
    items = at_once(noise + APDUS[0])
    assert frames(items) == [APDUS[0]]
    assert b"".join(item.raw for item in items if isinstance(item, BadFrame)) == noise


@pytest.mark.parametrize("cut", [1, 5, 6, 30, 53])
def test_apdu_cut_by_silence_is_refused_and_the_next_is_found(cut: int) -> None:
    framing = ApduFraming()
    assert framing.feed(APDUS[0][:cut]) == []
    (refused,) = framing.idle()
    assert isinstance(refused, BadFrame)
    assert refused.raw == APDUS[0][:cut]
    assert frames(framing.feed(APDUS[0])) == [APDUS[0]]


def test_apdu_inside_a_false_start_is_found_at_the_silence() -> None:
    false_start = bytes.fromhex("e700 1000 0ffe")
    framing = ApduFraming()
    assert framing.feed(false_start + APDUS[0]) == []
    assert frames(framing.idle()) == [APDUS[0]]


def test_longest_apdu_passes_and_a_longer_one_is_none() -> None:
    longest = envelope(PRST, octets(bytes(MAX_APDU - 6)))
    assert frames(at_once(longest)) == [longest]
    assert frames(at_once(envelope(PRST, octets(bytes(MAX_APDU - 5))))) == []


@given(st.lists(st.binary(max_size=2000), max_size=40))
def test_nothing_piles_up(pieces: list[bytes]) -> None:
    framing = ApduFraming()
    for piece in pieces:
        framing.feed(piece)
        assert len(framing._buffer) <= MAX_APDU
