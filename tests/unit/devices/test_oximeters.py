"""Pulse oximeters on a line: from the finger's coming to its going, and the drivers' few words."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.spot import QUIET, SpotFraming
from devices.vitals.cms50 import ASK_HISTORY, END_HISTORY, Cms50
from devices.vitals.cms50_9byte import KEEP, START, Cms50NineByte, command
from devices.vitals.nonin import Nonin, set_format
from devices.vitals.oximeter_lines import Masimo, Nellcor
from recordings.decode import decode
from recordings.oximetry import cms50, cms50_9byte, cms50_history, masimo, nellcor, nonin

Item = Frame | BadFrame


def spo2_packets(seconds: int, *, spo2: int = 97, is_there: bool = True) -> bytes:
    packet = cms50.encode_packet(pulse=72, spo2=spo2, pleth=50, is_finger_out=not is_there)
    return packet * (seconds * 60)


def away(seconds: int) -> bytes:
    return spo2_packets(seconds, spo2=0, is_there=False)


def driver_of(kind: Callable[[Callable[[], datetime]], Driver]) -> Driver:
    return kind(lambda: datetime(2026, 11, 23, 1, 30, tzinfo=UTC))


def heard(framing: SpotFraming, *streams: bytes) -> list[Item]:
    items: list[Item] = []
    for stream in streams:
        items += framing.feed(stream)
    return items + framing.idle()


def delivered(items: list[Item]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame) and item.deliver]


def all_bytes(items: list[Item]) -> int:
    return sum(len(item.raw) for item in items)


def test_measurement_ends_when_the_finger_goes() -> None:
    stream = away(3) + spo2_packets(12) + away(3)
    (frame,) = delivered(heard(Cms50(lambda: datetime.now(UTC)).framing(), stream))
    assert frame.raw == spo2_packets(12) + away(2)
    assert frame.media_type == cms50.MEDIA_TYPE
    assert not frame.from_memory


def test_sensor_left_on_makes_one_reading_until_it_was_off() -> None:
    framing = driver_of(Cms50).framing()
    items = heard(framing, spo2_packets(200) + away(3) + spo2_packets(31) + away(3))  # type: ignore[arg-type]
    assert [len(frame.raw) for frame in delivered(items)] == [30 * 300, 30 * 300]


def test_long_search_without_values_ends_after_a_minute_and_says_so() -> None:
    searching = bytes((0x88, 20, 0x20, 0, 0))
    (frame,) = delivered(heard(driver_of(Cms50).framing(), searching * 60 * 70))  # type: ignore[arg-type]
    assert len(frame.raw) == 60 * 300
    assert "no value" in decode(frame.raw).notes[0]


def test_touched_sensor_is_no_measurement() -> None:
    items = heard(driver_of(Cms50).framing(), spo2_packets(3) + away(5))  # type: ignore[arg-type]
    assert delivered(items) == []
    assert all_bytes(items) == 8 * 300


def test_short_loss_of_the_finger_does_not_split_the_measurement() -> None:
    stream = spo2_packets(6) + away(1) + spo2_packets(6) + away(4)
    (frame,) = delivered(heard(driver_of(Cms50).framing(), stream))  # type: ignore[arg-type]
    assert decode(frame.raw).numerics[0].context["good_s"] == "12"


def test_silence_ends_the_measurement() -> None:
    framing = driver_of(Cms50).framing()
    assert delivered(framing.feed(spo2_packets(10))) == []
    (frame,) = delivered(framing.idle())
    assert len(frame.raw) == 3000
    assert framing.idle() == []


def test_damage_inside_stays_in_the_raw_bytes_and_gives_no_value() -> None:
    stream = spo2_packets(5) + b"\x55\x55\x55" + spo2_packets(5) + away(3)
    (frame,) = delivered(heard(driver_of(Cms50).framing(), stream))  # type: ignore[arg-type]
    assert b"\x55\x55\x55" in frame.raw
    assert "no packet" in decode(frame.raw).notes[-1]


def test_measurement_starts_with_a_clean_second_so_that_its_bytes_are_known_again() -> None:
    stream = spo2_packets(1)[:-100] + b"\x55\x55\x55" + spo2_packets(8) + away(3)
    items = heard(driver_of(Cms50).framing(), stream)  # type: ignore[arg-type]
    (frame,) = delivered(items)
    assert decode(frame.raw).format == "cms50"
    assert b"\x55\x55\x55" not in frame.raw
    assert all_bytes(items) == len(stream)


def test_nonin_is_asked_for_format_7_then_2_then_left_alone() -> None:
    driver = driver_of(Nonin)
    framing = driver.framing()
    assert driver.greeting() == set_format(7) == bytes.fromhex("027002020703")
    (no,) = framing.feed(b"\x15")
    assert isinstance(no, Frame)
    assert driver.answer(no) == set_format(2)
    (no,) = framing.feed(b"\x15")
    assert isinstance(no, Frame)
    assert driver.answer(no) == b""
    (stray,) = [*framing.feed(b"\x15"), *framing.idle()]
    assert isinstance(stray, Frame)
    assert (stray.media_type, stray.deliver) == (QUIET, False)
    assert driver.on_idle() == set_format(7)


def test_nonin_acknowledgement_between_packets_is_a_word_not_damage() -> None:
    driver = driver_of(Nonin)
    framing = driver.framing()
    driver.greeting()
    packet = nonin.encode_packet(pulse=150, spo2=97, pleth=(5,) * 25)
    (frame,) = delivered(heard(framing, packet * 3 + b"\x06" + packet * 30))  # type: ignore[arg-type]
    assert frame.raw == packet * 33


def test_history_is_asked_for_once_in_a_quiet_moment_and_is_from_memory() -> None:
    driver = driver_of(Cms50)
    framing = driver.framing()
    assert driver.greeting() == b""
    answers = [driver.answer(item) for item in framing.feed(away(25)) if isinstance(item, Frame)]
    assert answers == [ASK_HISTORY, b""]
    history = cms50_history.encode_history([(130, 96)] * 3600)
    items = [item for at in range(0, len(history), 100) for item in framing.feed(history[at : at + 100])]
    (frame,) = delivered(items)
    assert (frame.raw, frame.from_memory) == (history, True)
    assert driver.answer(frame) == END_HISTORY
    assert len(decode(frame.raw).signals[0].samples) == 3600


def test_measuring_is_never_disturbed_by_the_question_for_history() -> None:
    driver = driver_of(Cms50)
    items = driver.framing().feed(spo2_packets(12) + away(4) + spo2_packets(12) + away(4))
    assert [driver.answer(item) for item in items if isinstance(item, Frame)].count(ASK_HISTORY) == 0


def test_history_cut_short_is_refused_with_its_bytes() -> None:
    framing = driver_of(Cms50).framing()
    half = cms50_history.encode_history([(130, 96)] * 100)[:200]
    items = heard(framing, half)  # type: ignore[arg-type]
    assert delivered(items) == []
    assert all_bytes(items) == len(half)


def test_second_cms50_is_asked_and_kept_awake() -> None:
    driver = driver_of(Cms50NineByte)
    framing = driver.framing()
    assert driver.greeting() == START
    assert START.endswith(command(0xA1))
    stream = b"\x0c\x80\x0c\x80" + cms50_9byte.encode_packet(pulse=0, spo2=0, pleth=64) * 700
    answers = [driver.answer(item) for item in framing.feed(stream) if isinstance(item, Frame)]
    assert answers == [b"", b"", KEEP]
    assert driver.on_idle() == START


@pytest.mark.parametrize("kind", [Nellcor, Masimo])
def test_lines_tell_the_devices_clock_while_they_come(kind: type[Driver]) -> None:
    times = [datetime(2026, 11, 23, 9, 30, second, tzinfo=CHINA) for second in range(0, 40, 2)]
    if kind is Nellcor:
        lines = [nellcor.print_line(time) for time in times]
    else:
        lines = [masimo.print_line(time) for time in times]
    driver = driver_of(kind)
    framing = driver.framing()
    live = [item for line in lines for item in framing.feed(line) if isinstance(item, Frame) and item.deliver]
    late = [item for item in framing.idle() if isinstance(item, Frame)]
    assert [frame.device_clock for frame in live] == [times[14]] * (kind is Nellcor)
    assert all(frame.device_clock is None for frame in late)


PACKETS = pytest.mark.parametrize(
    ("kind", "packet"),
    [
        (Nonin, nonin.encode_packet(pulse=72, spo2=97, pleth=(9,) * 25)),
        (Nonin, nonin.encode_packet(pulse=72, spo2=97, pleth=(9,) * 25, form=2)),
        (Cms50, cms50.encode_packet(pulse=72, spo2=97, pleth=50)),
        (Cms50NineByte, cms50_9byte.encode_packet(pulse=72, spo2=97, pleth=50)),
        (Nellcor, nellcor.print_line()),
        (Masimo, masimo.print_line()),
    ],
)


@PACKETS
def test_packet_cut_by_the_connection_is_no_damage(kind: type[Driver], packet: bytes) -> None:
    for at in range(1, len(packet)):
        late = heard(driver_of(kind).framing(), packet[at:] + packet * 3)  # type: ignore[arg-type]
        assert not [item for item in late if isinstance(item, BadFrame)], packet[at:]
        early = heard(driver_of(kind).framing(), packet * 3 + packet[:at])  # type: ignore[arg-type]
        assert not [item for item in early if isinstance(item, BadFrame)], packet[:at]


@PACKETS
def test_damage_between_packets_is_refused_as_before(kind: type[Driver], packet: bytes) -> None:
    quiet = {Nonin: nonin.encode_packet(pulse=None, spo2=None, pleth=(0,) * 25, status=0x08), Cms50: away(1)}
    still = quiet.get(kind, cms50_9byte.encode_packet(pulse=0, spo2=0, pleth=1))
    if kind in {Nellcor, Masimo}:
        still = nellcor.print_line(spo2=None, pulse=None, states="SO")
        still = still if kind is Nellcor else masimo.print_line(spo2=None, pulse=None, exceptions=0x820)
    items = heard(driver_of(kind).framing(), still + b"\x07\n" + still)  # type: ignore[arg-type]
    (bad,) = [item for item in items if isinstance(item, BadFrame)]
    assert bad.raw.endswith(b"\x07\n")
    assert len(bad.raw) <= 7  # without checksum, the packet before it is spoilt too


@PACKETS
@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(data=st.data())
def test_every_byte_comes_out_once_however_the_stream_is_cut(
    kind: type[Driver], packet: bytes, data: st.DataObject
) -> None:
    pieces = data.draw(
        st.lists(
            st.one_of(
                st.binary(max_size=12), st.integers(1, 200).map(lambda times: packet * times), st.just(packet[:3])
            ),
            max_size=5,
        )
    )
    stream = b"".join(pieces)
    whole = heard(driver_of(kind).framing(), stream)  # type: ignore[arg-type]
    bytewise = heard(driver_of(kind).framing(), *(bytes((byte,)) for byte in stream))  # type: ignore[arg-type]
    assert all_bytes(whole) == len(stream)
    assert sorted(b"".join(item.raw for item in whole)) == sorted(stream)
    assert [frame.raw for frame in delivered(whole)] == [frame.raw for frame in delivered(bytewise)]
    assert all(item.media_type != QUIET or not item.deliver for item in whole if isinstance(item, Frame))


def test_garbage_alone_never_piles_up() -> None:
    framing = driver_of(Nellcor).framing()
    refused = 0
    for _ in range(100):
        refused += all_bytes(framing.feed(b"x" * 1000))
        assert len(framing._buffer) + len(framing._garbage) < 5000  # type: ignore[attr-defined]
    assert refused > 90_000
