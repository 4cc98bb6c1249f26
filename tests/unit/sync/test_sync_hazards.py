"""Hazards 4, 22 and 24 at the bytes: what a broker, a carrier or a thief can try with an envelope."""

import random
from collections import Counter
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import Origin, from_ms
from clinic_records.errors import BadFrame, ClinicError, PeerRefused, RefusedInput
from clinic_records.ids import RecordId
from clinic_records.record import Kind, Lane, Record
from sync.envelope import MAGIC, Outer
from sync.keys import Domain, OriginKeys, RecipientPrivate
from sync.seal import open_wire, peek, seal
from sync.stream import SEGMENT, TAG

BOX: Final = OriginKeys.from_bytes(bytes([7]) * 32)
THIEF: Final = OriginKeys.from_bytes(bytes([8]) * 32)
HOSPITAL: Final = RecipientPrivate.from_bytes(bytes([9]) * 32)
RECIPIENTS: Final = {HOSPITAL.key_id: HOSPITAL}
PAYLOAD: Final = random.Random(3).randbytes(3 * SEGMENT + 100)  # four segments, no codec helps


def record(seq: int = 1, payload: bytes = PAYLOAD) -> Record:
    return Record(
        RecordId(f"id{seq}"), 1, Kind.PATIENT, Lane.P2, payload, Origin("V01", 1, seq), None, from_ms(1_790_000_000_000)
    )


def sealed(seq: int = 1, payload: bytes = PAYLOAD) -> bytes:
    data = seal(record(seq, payload), keys=BOX, recipient=HOSPITAL.public, created_ms=1_790_000_000_000).data
    assert data is not None
    return data


WIRE: Final = sealed()
BODY_AT: Final = peek(WIRE).size


def cut(wire: bytes) -> tuple[bytes, list[bytes]]:
    """Front, and segments of the body as they lie in it."""
    at, step = peek(wire).size, SEGMENT + TAG
    return wire[:at], [wire[start : start + step] for start in range(at, len(wire), step)]


def refused(wire: bytes) -> None:
    with pytest.raises((BadFrame, PeerRefused)):
        open_wire(wire, origin=BOX.public, recipients=RECIPIENTS)


def resigned(wire: bytes, keys: OriginKeys, **changes: object) -> bytes:
    """The same body under another outer header, signed by `keys`."""
    front = peek(wire)
    packed = msgspec.msgpack.encode(msgspec.structs.replace(front.outer, **changes))
    signed = MAGIC + len(packed).to_bytes(4, "big") + packed
    return signed + keys.sign(Domain.WIRE, signed) + wire[front.size :]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WIRE) - 1))
def test_an_envelope_cut_anywhere_is_refused(size: int) -> None:
    refused(WIRE[:size])


def test_an_envelope_cut_at_a_segment_is_refused() -> None:
    front, segments = cut(WIRE)
    for count in range(len(segments)):
        refused(front + b"".join(segments[:count]))


def test_an_envelope_with_something_behind_it_is_refused() -> None:
    refused(WIRE + b"\0")
    refused(WIRE + cut(WIRE)[1][-1])


@given(st.permutations(range(4)))
def test_segments_in_another_order_are_refused(order: list[int]) -> None:
    front, segments = cut(WIRE)
    if order != [0, 1, 2, 3]:
        refused(front + b"".join(segments[place] for place in order))


@pytest.mark.parametrize("place", range(4))
def test_a_segment_of_another_envelope_is_refused(place: int) -> None:
    front, segments = cut(WIRE)
    segments[place] = cut(sealed(2))[1][place]
    refused(front + b"".join(segments))


@pytest.mark.parametrize("place", range(4))
def test_a_segment_repeated_or_left_out_is_refused(place: int) -> None:
    front, segments = cut(WIRE)
    refused(front + b"".join(segments[:place] + segments[place:][:1] + segments[place:]))
    refused(front + b"".join(segments[:place] + segments[place + 1 :]))


def test_the_body_of_another_envelope_is_refused_even_where_all_sizes_agree() -> None:
    other = sealed(2, PAYLOAD[::-1])
    refused(WIRE[:BODY_AT] + other[peek(other).size :])


@pytest.mark.parametrize(
    "changes",
    [{"seq": 2}, {"incarnation": 2}, {"origin": "V02"}, {"lane": Lane.P0}, {"created_ms": 1}, {"key_id": "0" * 16}],
    ids=str,
)
def test_nothing_in_the_outer_header_can_be_changed(changes: dict[str, object]) -> None:
    refused(resigned(WIRE, THIEF, **changes))
    with pytest.raises((BadFrame, RefusedInput)):  # not even by the origin: the content key is bound to it
        open_wire(resigned(WIRE, BOX, **changes), origin=BOX.public, recipients=RECIPIENTS)


@pytest.mark.parametrize("changes", [{"body_sha256": bytes(32)}, {"body_size": 7}, {"wrapped_key": bytes(80)}], ids=str)
def test_a_header_that_names_another_body_is_refused(changes: dict[str, object]) -> None:
    refused(resigned(WIRE, BOX, **changes))


def test_a_leaked_key_of_the_vehicle_opens_nothing_it_sent() -> None:
    """Rule 22: the content key is wrapped to the hospital alone; the box keeps no key that unwraps it."""
    outer = peek(WIRE).outer
    for raw in (BOX.to_bytes(), BOX.public.raw):
        with pytest.raises(BadFrame):
            RecipientPrivate.from_bytes(raw).unwrap(outer.wrapped_key, outer.context)


def test_no_content_key_and_no_ephemeral_key_serves_twice() -> None:
    """Rule 22, nonce scan: the segment's index is the nonce, so every envelope must have a key of its own.

    The same record sealed again and again, also by a clone that holds the same disk, the same clock and the same seq.
    """
    keys: Counter[bytes] = Counter()
    ephemeral: Counter[bytes] = Counter()
    bodies: Counter[bytes] = Counter()
    count = 2000
    for number in range(count):
        wire = sealed(number % 3, b"the same small payload")
        outer: Outer = peek(wire).outer
        keys[HOSPITAL.unwrap(outer.wrapped_key, outer.context)] += 1
        ephemeral[outer.wrapped_key[:32]] += 1
        bodies[wire[peek(wire).size :]] += 1
    assert [max(each.values()) for each in (keys, ephemeral, bodies)] == [1, 1, 1]
    assert len(keys) == count


def test_an_envelope_of_a_later_version_is_to_be_held_unread() -> None:
    front = peek(WIRE)
    packed = msgspec.msgpack.encode({**msgspec.structs.asdict(front.outer), "v": 2, "new": [1]})
    signed = MAGIC + len(packed).to_bytes(4, "big") + packed
    with pytest.raises(RefusedInput) as caught:
        peek(signed + BOX.sign(Domain.WIRE, signed) + WIRE[BODY_AT:])
    assert not isinstance(caught.value, BadFrame)


def test_a_field_more_in_the_outer_header_disturbs_nobody() -> None:
    """Of version 1 still: what a later release may add without changing the version."""
    front = peek(WIRE)
    packed = msgspec.msgpack.encode({**msgspec.structs.asdict(front.outer), "new": [1]})
    signed = MAGIC + len(packed).to_bytes(4, "big") + packed
    wire = signed + BOX.sign(Domain.WIRE, signed) + WIRE[BODY_AT:]
    assert open_wire(wire, origin=BOX.public, recipients=RECIPIENTS).payload == PAYLOAD


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600))
def test_no_bytes_crash_the_reader(noise: bytes, at: int) -> None:
    wire = WIRE[:at] + noise + WIRE[at + len(noise) :]
    try:
        open_wire(wire, origin=BOX.public, recipients=RECIPIENTS)
    except ClinicError:
        return
    assert wire == WIRE
