"""Window, chunk and patience in simulated time: fill the link, whatever it is, and keep urgent things short of it."""

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic_records.record import Lane
from sync.backoff import LIKELY_FOR_S, SOON_S, Backoff
from sync.byteranges import length
from sync.frames import Items, Part, decode
from sync.memory import Weather
from sync.pace import FIRST_RATE, MAX_CHUNK, MEASURE_EVERY_S, MIN_CHUNK, PROBE, QUEUE_S, Pace
from sync.station import WINDOW_BYTES
from sync.topics import Way
from tests.unit.sync.sync_world import VEHICLE, World

LINKS = [(2_000, 0.4), (8_000, 0.2), (100_000, 0.4), (1_000_000, 0.03), (1_000_000, 0.3), (4_000_000, 0.01)]


def offer(world: World, size: int, lane: Lane) -> str:
    return world.box.outbound.add(world.rng.randbytes(size), lane)


def bulk(world: World, size: int) -> None:
    """Loops of a megabyte at most."""
    for start in range(0, size, 1_000_000):
        offer(world, min(1_000_000, size - start), Lane.P4)


def durable(world: World) -> int:
    """Bytes at the hospital."""
    return sum(end - start for ranges in world.hospital_inbound.written.values() for start, end in ranges)


def let_pass(world: World, seconds: float) -> None:
    world.net.run(lambda: False, seconds)


@pytest.mark.parametrize(("bytes_per_s", "latency_s"), LINKS)
def test_the_link_is_full(bytes_per_s: float, latency_s: float) -> None:
    world = World(weather=Weather(bytes_per_s=bytes_per_s, latency_s=latency_s))
    seconds = max(8.0, 80_000 / bytes_per_s)
    bulk(world, int(bytes_per_s * (seconds + 20)))
    let_pass(world, 15)
    before = durable(world)
    let_pass(world, seconds)
    possible = min(bytes_per_s, WINDOW_BYTES / (2 * latency_s)) * seconds
    assert durable(world) - before >= 0.95 * possible


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rate=st.floats(2e3, 1e6),
    latency_s=st.floats(0.002, 0.5),
    jitter_s=st.floats(0, 0.02),
    later=st.floats(0.1, 10),
    seed=st.integers(0, 9),
)
def test_whatever_the_link_becomes_the_window_follows(
    rate: float, latency_s: float, jitter_s: float, later: float, seed: int
) -> None:
    world = World(seed, Weather(bytes_per_s=rate, latency_s=latency_s, jitter_s=jitter_s))
    after = min(max(rate * later, 1500), 1e6)
    bulk(world, int(15 * rate + 60 * after))
    let_pass(world, 10)
    world.net.weather = replace(world.net.weather, bytes_per_s=after)
    let_pass(world, 20 + 3 * world.courier.sender.in_flight / after)
    pace, before = world.courier.sender.pace, durable(world)
    let_pass(world, 20)
    possible = min(after, WINDOW_BYTES / (2 * latency_s + jitter_s))
    assert durable(world) - before >= 0.8 * 20 * possible - 4 * MIN_CHUNK
    assert pace.window <= 2 * after * (PROBE * 2 * (latency_s + jitter_s) + QUEUE_S) + 8 * pace.chunk
    assert pace.chunk <= max(MIN_CHUNK, pace.rate)


@given(seed=st.integers(0, 2**32), waits=st.floats(3, 15))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_urgent_ecg_waits_less_than_half_a_second_behind_a_loop(seed: int, waits: float) -> None:
    world = World(seed, Weather(bytes_per_s=1e6, latency_s=0.03))
    bulk(world, 20_000_000)
    loop = offer(world, 1_000_000, Lane.P4)
    let_pass(world, waits)
    made = world.clock.monotonic_s()
    ecg = offer(world, 120_000, Lane.P0)
    world.courier.notify()
    world.run(lambda: ecg in world.hospital_inbound.effects, 10)
    assert world.clock.monotonic_s() - made <= 0.5
    assert loop in world.box.outbound.open


def test_a_longer_way_is_found_out_and_filled_again() -> None:
    world = World(weather=Weather(bytes_per_s=1e6, latency_s=0.03))
    bulk(world, 100_000_000)
    let_pass(world, 20)
    world.net.weather = replace(world.net.weather, latency_s=0.4)
    let_pass(world, MEASURE_EVERY_S + 15)
    before = durable(world)
    let_pass(world, 20)
    assert durable(world) - before >= 0.9 * 20e6


@pytest.mark.parametrize("bytes_per_s", [2_000, 8_000])
def test_a_slow_link_goes_on_though_it_breaks_every_twenty_seconds(bytes_per_s: int) -> None:
    world = World(weather=Weather(bytes_per_s=bytes_per_s, latency_s=0.4))
    loop = offer(world, bytes_per_s * 600, Lane.P4)
    ecg = offer(world, bytes_per_s * 60, Lane.P0)
    progress = [0]
    for _ in range(20):
        let_pass(world, 20)
        world.net.cut(VEHICLE)
        progress.append(durable(world))
        assert progress[-1] > progress[-2]
    assert progress[-1] >= 0.6 * 400 * bytes_per_s
    assert ecg in world.hospital_inbound.effects
    written = world.hospital_inbound.written[loop]
    assert sum(end - start for start, end in written) <= 1.02 * length(world.hospital_inbound.ranges(loop))


def test_a_thousand_records_travel_in_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(weather=Weather(bytes_per_s=1e6, latency_s=0.03))
    rows = [world.box.outbound.add(world.rng.randbytes(700), Lane.P2) for _ in range(1000)]
    frames: list[Items | Part] = []
    forward = world.station.on_message

    def spy(topic: object, payload: bytes, now: float) -> None:
        if getattr(topic, "way", None) is Way.UP and isinstance(frame := decode(payload), Items | Part):
            frames.append(frame)
        forward(topic, payload, now)  # type: ignore[arg-type]  # the topic it came with

    monkeypatch.setattr(world.station, "on_message", spy)
    world.run(lambda: world.is_complete, 60)
    assert sorted(world.hospital_inbound.effects) == sorted(rows)
    assert len(frames) <= 200
    assert all(isinstance(frame, Items) for frame in frames)


def test_an_urgent_file_begins_without_a_question_and_goes_on_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(weather=Weather(bytes_per_s=100_000, latency_s=0.03))
    bulk(world, 2_000_000)
    let_pass(world, 10)
    ecg = offer(world, 500_000, Lane.P0)
    parts: list[Part] = []
    forward = world.station.on_message

    def spy(topic: object, payload: bytes, now: float) -> None:
        if getattr(topic, "way", None) is Way.UP and isinstance(frame := decode(payload), Part):
            parts.append(frame)
        forward(topic, payload, now)  # type: ignore[arg-type]  # the topic it came with

    monkeypatch.setattr(world.station, "on_message", spy)
    world.courier.notify()
    let_pass(world, 2)
    urgent = [part for part in parts if part.wire_sha256 == ecg]
    assert urgent[0].data
    parts.clear()
    world.net.cut(VEHICLE)
    world.run(lambda: ecg in world.hospital_inbound.effects, 60)
    urgent = [part for part in parts if part.wire_sha256 == ecg]
    assert not urgent[0].data
    written = world.hospital_inbound.written[ecg]
    assert sum(end - start for start, end in written) == 500_000


@given(
    st.lists(
        st.tuples(st.integers(1, 300_000), st.floats(1e-6, 100), st.booleans(), st.booleans()), min_size=1, max_size=60
    )
)
def test_no_answers_make_the_pace_absurd(answers: list[tuple[int, float, bool, bool]]) -> None:
    pace, now = Pace(), 0.0
    for size, waited_s, was_full, stalls in answers:
        now += waited_s
        pace.answered(size, sent_at=now - waited_s, now=now, was_full=was_full)
        if stalls:
            pace.stalled()
        assert pace.rate > 0
        assert MIN_CHUNK <= pace.chunk <= MAX_CHUNK
        assert pace.chunk & (pace.chunk - 1) == 0
        assert pace.window >= 2 * MIN_CHUNK
        assert pace.patience_s(pace.window) >= 5.0


def test_patience_follows_the_rate() -> None:
    pace = Pace()
    assert pace.rate == FIRST_RATE
    assert pace.patience_s(0) == 5.0
    assert pace.patience_s(16 * 1024) == pytest.approx(8.0)


def test_attempts_come_soon_after_a_loss_whatever_each_of_them_takes() -> None:
    backoff, now = Backoff(random.Random(1)), 0.0
    backoff.connected()
    backoff.lost(now)
    begins = []
    while now < LIKELY_FOR_S:
        now += backoff.next_wait_s(now)
        begins.append(now)
        now += 3.0 if len(begins) % 5 == 0 else 0.01
    assert begins[0] == 0.0
    gaps = [after - before for before, after in itertools.pairwise(begins)]
    assert max(gaps) <= 3.0 + 1e-9, "what a failed attempt took was waited already"
    assert sum(gap <= SOON_S for gap in gaps) >= 0.7 * len(gaps)
    assert min(gaps) >= SOON_S / 4 - 1e-9


def rounds(pace: Pace, count: int, *, link_bytes_per_s: float, held_s: float, is_told: bool) -> None:
    """Windows over a link of 20 ms, each answered `held_s` after it came."""
    now = 0.0
    for _ in range(count):
        sent, size = now, min(pace.window, WINDOW_BYTES)
        now += 0.02 + size / link_bytes_per_s + held_s
        pace.answered(size, sent_at=sent, now=now, was_full=True, held_s=held_s if is_told else 0.0)


def test_a_receiver_that_takes_its_time_is_no_slow_link() -> None:
    told, untold = Pace(), Pace()
    for pace in (told, untold):
        rounds(pace, 20, link_bytes_per_s=1e8, held_s=0.01, is_told=pace is told)
        rounds(pace, 100, link_bytes_per_s=1e8, held_s=0.5, is_told=pace is told)
    assert told.rate >= 0.9 * WINDOW_BYTES / (0.02 + 0.5)
    assert untold.window < told.window / 4


def test_a_link_that_was_never_full_is_not_known() -> None:
    slow_disk, slow_link = Pace(), Pace()
    rounds(slow_disk, 20, link_bytes_per_s=1e9, held_s=0.5, is_told=True)
    rounds(slow_link, 20, link_bytes_per_s=1e6, held_s=0.0, is_told=True)
    slow_link.connected()
    assert (slow_disk.is_filled, slow_link.is_filled) == (False, True)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_delay_that_varies_by_twice_itself_leaves_the_link_in_use(seed: int) -> None:
    world = World(seed, Weather(bytes_per_s=1e6, latency_s=0.02, jitter_s=0.12))
    bulk(world, 30_000_000)
    let_pass(world, 10)
    before = durable(world)
    let_pass(world, 10)
    assert durable(world) - before >= 0.8 * 10 * 1e6


@pytest.mark.parametrize(
    ("answered_s", "held_s", "is_near"), [(0.005, 0.0, True), (0.06, 0.0, False), (0.06, 0.055, True)]
)
def test_a_near_link_is_known_by_its_round_trip(answered_s: float, held_s: float, is_near: bool) -> None:
    pace = Pace()
    assert not pace.is_near
    pace.answered(4096, sent_at=0.0, now=answered_s, was_full=False, held_s=held_s)
    assert pace.is_near == is_near
