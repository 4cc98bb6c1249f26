import contextlib
import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, PeerRefused
from clinic_records.ids import VehicleId
from clinic_records.record import Lane
from sync.access import Act, is_allowed
from sync.byteranges import covers, first_gap, length, union
from sync.frames import (
    MAX_FRAME,
    Challenge,
    Frame,
    Greet,
    Have,
    Items,
    Part,
    Receipts,
    Renewal,
    Signed,
    decode,
    encode,
    sign,
    verify,
)
from sync.keys import Domain, OriginKeys
from sync.topics import SESSION, Topic, Way

KEYS = OriginKeys.from_bytes(bytes(32))
WIRE = "ab" * 32

frames = st.one_of(
    st.builds(Items, st.sampled_from(Lane), st.lists(st.binary(max_size=50), min_size=1, max_size=3).map(tuple)),
    st.builds(lambda data: Part(WIRE, 100, Lane.P4, 50, data), st.binary(max_size=50)),
    st.builds(
        lambda ends, held_ms: Have(WIRE, tuple(ends), held_ms),
        st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99))),
        st.integers(0, 2**62),
    ),
    st.builds(Signed, st.binary(), st.binary()),
    st.builds(Challenge, st.text(max_size=64), st.text(max_size=64)),
    st.builds(Renewal, st.binary(max_size=50)),
    st.just(Greet()),
)


@given(frames)
def test_a_frame_comes_back(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    with contextlib.suppress(BadFrame):
        decode(data)


@given(frames, st.integers(0, 500), st.integers(1, 255))
def test_no_changed_byte_crashes_the_decoder(frame: Frame, at: int, change: int) -> None:
    data = bytearray(encode(frame))
    data[at % len(data)] ^= change
    with contextlib.suppress(BadFrame):
        decode(bytes(data))


@pytest.mark.parametrize(
    "frame",
    [
        Part(WIRE, 10, Lane.P1, 8, b"xyz"),
        Part("AB" * 32, 10, Lane.P1, 0, b""),
        Part("../../etc/passwd", 10, Lane.P1, 0, b""),
        Part(WIRE, -1, Lane.P1, 0, b""),
        Part(WIRE, 2**40, Lane.P1, 0, b""),
        Items(Lane.P1, (bytes(MAX_FRAME),)),
        Items(Lane.P1, ()),
    ],
    ids=["outside", "upper case", "a path", "negative", "terabyte", "too large", "empty"],
)
def test_wild_frames_are_refused(frame: Frame) -> None:
    with pytest.raises(BadFrame):
        decode(encode(frame))


def test_a_signed_message_is_its_signers_only() -> None:
    message = Receipts("V01", "s", "e", ())
    signed = sign(message, KEYS)
    assert verify(signed, KEYS.public) == message
    with pytest.raises(PeerRefused):
        verify(Signed(signed.body + b"x", signed.signature), KEYS.public)
    with pytest.raises(PeerRefused):
        verify(signed, OriginKeys.generate().public)
    garbage = b"\xc1"
    with pytest.raises(BadFrame):
        verify(Signed(garbage, KEYS.sign(Domain.SESSION, garbage)), KEYS.public)


@pytest.mark.parametrize("channel", [*Lane, SESSION])
@pytest.mark.parametrize("way", [Way.UP, Way.DOWN])
def test_a_topic_comes_back(way: Way, channel: str) -> None:
    topic = Topic(VehicleId("V01"), way, channel)
    assert Topic.parse(str(topic)) == topic
    assert str(Topic(VehicleId("V01"), Way.STATE)) == "clinic/v1/V01/state"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clinic/v1/V01",
        "clinic/v1/V01/up",
        "clinic/v1/V01/up/",
        "clinic/v1/V01/up/p9",
        "clinic/v1/V01/up/p1/x",
        "clinic/v1/V01/state/p1",
        "clinic/v1/V01/sideways/p1",
        "clinic/v1/v 1/up/p1",
        "clinic/v1/../up/p1",
        "clinic/v2/V01/up/p1",
        "$SYS/broker/x/y/z",
    ],
)
def test_other_topics_are_refused(text: str) -> None:
    with pytest.raises(BadFrame):
        Topic.parse(text)


@pytest.mark.parametrize(
    ("user", "act", "topic", "may"),
    [
        ("V01", Act.WRITE, "clinic/v1/V01/up/p0", True),
        ("V01", Act.WRITE, "clinic/v1/V01/state", True),
        ("V01", Act.READ, "clinic/v1/V01/down/#", True),
        ("V01", Act.READ, "clinic/v1/V01/down/p1", True),
        ("V01", Act.WRITE, "clinic/v1/V01/down/p0", False),
        ("V01", Act.READ, "clinic/v1/V01/up/#", False),
        ("V01", Act.READ, "clinic/v1/V01/state", False),
        ("V01", Act.WRITE, "clinic/v1/V02/up/p0", False),
        ("V01", Act.READ, "clinic/v1/+/down/#", False),
        ("V01", Act.READ, "clinic/v1/#", False),
        ("V01", Act.READ, "#", False),
        ("V01", Act.READ, "$share/g/clinic/v1/V01/down/#", False),
        ("V01", Act.WRITE, "clinic/v1/V01/up/", False),
        ("+", Act.READ, "clinic/v1/V01/down/p1", False),
        ("", Act.READ, "clinic/v1//down/p1", False),
        ("hospital", Act.READ, "clinic/v1/+/up/#", True),
        ("hospital", Act.WRITE, "clinic/v1/V01/down/p1", True),
        ("hospital", Act.READ, "#", False),
    ],
)
def test_who_may_do_what(user: str, act: Act, topic: str, *, may: bool) -> None:
    assert is_allowed(user, "hospital", act, topic) is may


parts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(parts, parts)
def test_ranges_are_sets_of_bytes(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def members(ranges: Iterable[tuple[int, int]]) -> set[int]:
        return {byte for start, end in ranges for byte in range(start, end)}

    both = union(one, other)
    assert members(both) == members(one) | members(other)
    assert length(both) == len(members(both))
    assert all(start < end for start, end in both)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(both))
    gap = first_gap(both, 30, 4)
    missing = sorted(set(range(30)) - members(both))
    assert (gap is None) is (not missing)
    if gap is not None:
        assert gap[0] == missing[0]
        assert gap[1] - gap[0] <= 4
        assert not members([gap]) & members(both)
    assert all(covers(both, start, end) for start, end in both)
