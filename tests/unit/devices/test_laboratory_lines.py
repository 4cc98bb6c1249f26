"""The lines of small laboratory devices: framing between STX and its end, and the Clinitek's dialogue."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.stx import StxFraming
from devices.laboratory.clinitek50 import MOST_REFUSALS, SEND, Clinitek50
from devices.laboratory.mini_vidas import MiniVidas
from devices.laboratory.spotchem_el import SpotchemEl
from devices.laboratory.urine_text import UrineText
from devices.pump import pump
from devices.simulators.laboratory_texts import spotchem_message, vidas_message
from devices.simulators.urine_analysers import Clinitek50Device, clinitek_packet, dirui_text, urit_text
from recordings.astm.frames import ACK, ENQ, EOT, NAK
from recordings.decode import decode

NOW = datetime(2026, 11, 23, 8, 0, 30, tzinfo=CHINA)
VIDAS, SPOTCHEM, DIRUI, URIT = vidas_message(), spotchem_message(), dirui_text(), urit_text()


def run(framing: StxFraming, stream: bytes, step: int) -> list[Frame | BadFrame]:
    items = [item for at in range(0, len(stream), step) for item in framing.feed(stream[at : at + step])]
    return items + framing.idle()


def delivered(items: list[Frame | BadFrame]) -> list[bytes]:
    return [item.raw for item in items if isinstance(item, Frame) and item.deliver]


def now() -> datetime:
    return NOW


@pytest.mark.parametrize(
    ("make", "message", "words"),
    [(MiniVidas, VIDAS, ENQ + EOT), (SpotchemEl, SPOTCHEM, b""), (UrineText, DIRUI, b""), (UrineText, URIT, b"")],
)
def test_messages_are_found_among_noise_and_read(make: type[Driver], message: bytes, words: bytes) -> None:
    framing = make(now).framing()
    assert isinstance(framing, StxFraming)
    items = run(framing, b"noise" + words + message + b"\r\n" + message + b"\r\nnoise", 7)
    assert delivered(items) == [message] * 2
    assert [item.raw for item in items if isinstance(item, BadFrame)] == [b"noise", b"noise"]
    assert decode(message).numerics


LOOKS = 100
PIECES = (b"\x02", b"\x03", b"\x1d", b"\r", b"\n", ENQ, NAK, b"x", b"y" * 50, VIDAS, VIDAS[:9], SPOTCHEM)


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(1, 9))
def test_every_byte_comes_out_once_however_it_is_cut(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    for make in (MiniVidas, SpotchemEl, Clinitek50):
        driver = make(now)
        driver.greeting()
        at_once, in_pieces = run(driver.framing(), stream, len(stream) + 1), run(make(now).framing(), stream, step)
        for items in (at_once, in_pieces):
            assert b"".join(item.raw for item in items) == stream
        assert delivered(at_once) == delivered(in_pieces)


def test_what_never_ends_is_handed_over_in_bounded_pieces() -> None:
    for start in (b"\x02", b"x"):
        items = StxFraming(lambda raw: Frame(raw, "x"), longest=50).feed(start + b"y" * 120)
        assert isinstance(items[0], BadFrame)
        assert len(items[0].raw) == 50


def test_mini_vidas_is_answered_by_what_it_sent() -> None:
    driver = MiniVidas(now)
    framing = driver.framing()
    spoilt = VIDAS.replace(b"1.62", b"1.63")
    items = [*framing.feed(ENQ), *framing.feed(VIDAS), *framing.feed(spoilt), *framing.feed(EOT)]
    answers = [driver.answer(item) if isinstance(item, Frame) else b"" for item in items]
    assert answers == [ACK, ACK, b"", NAK, b""]


class Wire:
    """A Clinitek at the far end; the stop event is set after `LOOKS` reads."""

    def __init__(self, device: Clinitek50Device, stop: Event, spoil: Callable[[bytes], bytes]) -> None:
        self._device, self._stop, self._spoil = device, stop, spoil
        self._answers = bytearray()
        self._looks = 0
        self.said = bytearray()

    def read(self, timeout_s: float) -> bytes:
        del timeout_s
        data, self._answers = bytes(self._answers), bytearray()
        self._looks += 1
        if self._looks > LOOKS:
            self._stop.set()
        return data

    def write(self, data: bytes) -> None:
        self.said += data
        answer = self._device.receive(data)
        self._answers += self._spoil(answer) if len(answer) > 1 else answer

    def close(self) -> None:
        """Nothing to let go of."""


def talk(
    device: Clinitek50Device, spoil: Callable[[bytes], bytes] = bytes
) -> tuple[list[Frame | BadFrame], Wire, Clinitek50]:
    stop, items = Event(), list[Frame | BadFrame]()
    wire, driver = Wire(device, stop, spoil), Clinitek50(now)
    pump(wire, driver, items.append, stop)
    return items, wire, driver


def test_every_record_is_taken_once_in_order() -> None:
    device = Clinitek50Device(NOW)
    for _ in range(3):
        device.dip()
    items, wire, _ = talk(device)
    assert device.taken == 3
    assert [decode(raw).notes[0] for raw in delivered(items)] == [f"the device's number 00{n}" for n in (1, 2, 3)]
    assert wire.said.startswith(ENQ + SEND + ACK + SEND)
    assert not any(item.from_memory for item in items if isinstance(item, Frame))


def test_an_old_record_is_one_of_the_memory_also_by_a_wrong_clock() -> None:
    wrong = NOW - timedelta(days=2000)
    device = Clinitek50Device(wrong)
    device.dip(wrong - timedelta(minutes=30))
    device.dip(wrong)
    items, _, driver = talk(device)
    assert [item.from_memory for item in items if isinstance(item, Frame) and item.deliver] == [True, False]
    assert driver.clock_offset_ms == round(timedelta(days=2000, seconds=30).total_seconds() * 1000)


def test_a_spoilt_record_is_asked_for_again() -> None:
    device = Clinitek50Device(NOW)
    device.dip()
    spoils = iter([b"", b"GLU", b""])

    def spoil(packet: bytes) -> bytes:
        return packet.replace(next(spoils, b"") or b"\0", b"XYZ", 1)

    items, wire, _ = talk(device, spoil)
    assert len([item for item in items if isinstance(item, BadFrame)]) == 1
    assert len(delivered(items)) == 1
    assert NAK in wire.said


def test_a_record_that_never_comes_right_is_not_asked_for_without_end() -> None:
    driver = Clinitek50(now)
    driver.greeting()
    framing = driver.framing()
    spoilt = clinitek_packet("6510  01.02 2611230800", "#1", "GLU  NEGATIVE").replace(b"GLU", b"GLX")
    answers = [
        driver.answer(item) for _ in range(MOST_REFUSALS) for item in framing.feed(spoilt) if isinstance(item, Frame)
    ]
    assert answers == [NAK] * (MOST_REFUSALS - 1) + [b""]
    assert driver.on_idle() == ENQ


def test_the_clock_may_not_be_set_in_any_order_we_know() -> None:
    driver = Clinitek50(lambda: datetime.now(UTC))
    driver.greeting()
    (item,) = driver.framing().feed(clinitek_packet("6510  01.02 2326110800", "#1", "GLU  NEGATIVE"))
    assert isinstance(item, Frame)
    assert item.from_memory
