"""The satellite receiver: sentences of a second together, and few of them told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.simulators.gps_nmea import START, drive, fix
from devices.vehicle.nmea import FAR_M, SELDOM, STANDING, NmeaFraming, PositionNmea, Thinning, distance_m
from recordings.nmea import decode_nmea

HERE = (Decimal("27.976"), Decimal("119.572"))


def north(metres: float) -> tuple[Decimal, Decimal]:
    return HERE[0] + Decimal(metres / 111_195), HERE[1]


def driver(now: datetime = START) -> PositionNmea:
    return PositionNmea(lambda: now)


def run(framing: NmeaFraming, stream: bytes, step: int) -> list[Frame | BadFrame]:
    items = [item for at in range(0, len(stream), step) for item in framing.feed(stream[at : at + step])]
    return items + framing.idle()


def test_the_first_fix_is_told_and_the_seconds_after_it_are_not() -> None:
    stream = b"".join(drive())
    items = run(driver().framing(), stream, 7)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.deliver for frame in frames] == [False, True, False, False]
    assert b"".join(item.raw for item in items) == stream
    (told,) = decode_nmea(frames[1].raw)
    assert told.start == START + timedelta(seconds=1)
    assert [frame.device_clock for frame in frames[1:]] == [START + timedelta(seconds=n) for n in (1, 2, 3)]
    assert frames[0].device_clock is None


def test_a_rolled_over_date_sets_no_clock() -> None:
    old = fix(datetime(2007, 4, 9, 0, 30, tzinfo=UTC))
    (frame,) = run(driver().framing(), old, 1000)
    assert isinstance(frame, Frame)
    assert (frame.deliver, frame.device_clock) == (True, None)


def test_the_road_is_told_each_200_metres_but_not_more_than_once_a_minute() -> None:
    thin = Thinning()
    assert thin.wants(HERE, 30.0, START)
    assert not thin.wants(north(FAR_M + 1), 30.0, START + timedelta(seconds=20))
    assert not thin.wants(north(FAR_M - 1), 30.0, START + SELDOM)
    assert thin.wants(north(FAR_M + 1), 30.0, START + SELDOM)


def test_a_stop_is_told_once_and_standing_seldom() -> None:
    thin = Thinning()
    thin.wants(HERE, 20.0, START)
    assert thin.wants(north(30), 0.2, START + timedelta(seconds=5))
    for seconds in (6, 60, 600):
        assert not thin.wants(north(31), 0.3, START + timedelta(seconds=seconds))
    assert thin.wants(north(31), 0.3, START + timedelta(seconds=5) + STANDING)


def test_distances_are_those_of_a_sphere() -> None:
    assert abs(distance_m(HERE, north(1000)) - 1000) < 1
    degree_at_60 = distance_m((Decimal(60), Decimal(10)), (Decimal(60), Decimal(11)))
    assert abs(degree_at_60 - 55_597) < 20
    assert distance_m((Decimal(0), Decimal(180)), (Decimal(0), Decimal(-180))) < 1


@given(
    st.lists(st.sampled_from([b"x", b"$", b"\r\n", fix(START), fix(START)[:50], b"$GPXXX,1*00\r\n"])),
    st.integers(1, 90),
)
def test_every_byte_comes_out_once_however_it_is_cut(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    at_once, in_pieces = run(driver().framing(), stream, 10_000), run(driver().framing(), stream, step)
    for items in (at_once, in_pieces):
        assert b"".join(item.raw for item in items) == stream
    assert [item.raw for item in at_once if isinstance(item, Frame)] == [
        item.raw for item in in_pieces if isinstance(item, Frame)
    ]


def test_a_receiver_that_never_changes_its_time_is_not_held_for_ever() -> None:
    framing = driver().framing()
    given_back = sum(len(item.raw) for _ in range(100) for item in framing.feed(fix(START)))
    assert given_back > 90 * len(fix(START))
