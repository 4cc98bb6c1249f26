"""A bad line under every oximeter and meter: what is told is what the device said, or nothing."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, RefusedInput
from devices.driver import Driver
from devices.framing.base import Frame
from devices.laboratory.taidoc import TaiDoc
from devices.laboratory.ultraeasy import UltraEasy
from devices.laboratory.verio_iq import VerioIq
from devices.simulators.lifescan_meters import UltraEasyMeter, VerioIqMeter
from devices.simulators.meters import Meter, TaiDocMeter, glucose_record
from devices.simulators.oximeters import PULSE, SPO2, nonin_stream
from devices.vitals.cms50 import Cms50
from devices.vitals.cms50_9byte import Cms50NineByte
from devices.vitals.nonin import Nonin
from devices.vitals.oximeter_lines import Masimo
from recordings.decode import decode
from recordings.meters import verio_iq_layout as verio_iq
from recordings.oximetry import cms50, cms50_9byte, masimo

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA)
VALUES = (61, 99, 101, 187, 305)
STREAMS: dict[str, tuple[type[Driver], bytes]] = {
    "nonin-7": (Nonin, nonin_stream(7)),
    "nonin-2": (Nonin, nonin_stream(2)),
    "cms50": (Cms50, cms50.encode_packet(pulse=PULSE, spo2=SPO2, pleth=60) * 900),
    "cms50-9byte": (Cms50NineByte, cms50_9byte.encode_packet(pulse=PULSE, spo2=SPO2, pleth=60) * 900),
    "masimo": (Masimo, masimo.print_line(spo2=SPO2, pulse=PULSE) * 15),
}
METERS: dict[str, tuple[type[Driver], Callable[[], Meter]]] = {
    "taidoc": (
        TaiDoc,
        lambda: TaiDocMeter(
            0x4277, [glucose_record(NOW - timedelta(days=value), value) for value in VALUES], lambda: NOW
        ),
    ),
    "ultraeasy": (
        UltraEasy,
        lambda: UltraEasyMeter([(NOW - timedelta(days=value), value) for value in VALUES], now=lambda: NOW),
    ),
    "verio-iq": (
        VerioIq,
        lambda: VerioIqMeter(
            [verio_iq.record_message(NOW - timedelta(days=value), value) for value in VALUES], now=lambda: NOW
        ),
    ),
}


def shaken(data: bytes, dice: random.Random, share: float) -> bytes:
    """Bytes lost, changed and added, each with a third of `share`."""
    out = bytearray()
    for byte in data:
        fate = dice.random() / share if share else 1.0
        if fate < 1 / 3:
            continue
        out.append(dice.randrange(256) if fate < 2 / 3 else byte)
        if 2 / 3 <= fate < 1:
            out += dice.randbytes(dice.randint(1, 9))
    return bytes(out)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.0005, 0.005])
@pytest.mark.parametrize("name", STREAMS)
def test_oximeter_on_a_bad_line_tells_its_numbers_or_none(name: str, share: float, seed: int) -> None:
    kind, stream = STREAMS[name]
    dice = random.Random(f"{name} {seed}")
    raw = shaken(stream, dice, share)
    framing = kind(lambda: NOW).framing()
    items = [item for at in range(0, len(raw), 50) for item in framing.feed(raw[at : at + 50])] + framing.idle()
    assert sum(len(item.raw) for item in items) == len(raw)
    for frame in items:
        if isinstance(frame, Frame) and frame.deliver:
            spo2, pulse = decode(frame.raw).numerics[:2]
            assert spo2.quantity is None or spo2.quantity.value == SPO2
            assert pulse.quantity is None or pulse.quantity.value == PULSE


@pytest.mark.parametrize("name", STREAMS)
def test_oximeter_on_a_slightly_bad_line_still_measures(name: str) -> None:
    kind, stream = STREAMS[name]
    framing = kind(lambda: NOW).framing()
    items = framing.feed(shaken(stream, random.Random(name), 0.0005)) + framing.idle()
    found = [decode(item.raw).numerics[0] for item in items if isinstance(item, Frame) and item.deliver]
    assert [one.quantity.value for one in found if one.quantity] == [SPO2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", METERS)
def test_meter_on_a_bad_line_tells_its_records_or_none_and_all_once_it_is_good(name: str, seed: int) -> None:
    kind, make = METERS[name]
    meter, driver, dice = make(), kind(lambda: NOW), random.Random(f"{name} {seed}")
    framing = driver.framing()
    told: list[tuple[datetime | None, int]] = []

    def talk(said: bytes, share: float) -> None:
        while said:
            heard, said = shaken(meter.receive(said), dice, share), b""
            said = take(framing.feed(heard))

    def take(items: list[Frame | BadFrame]) -> bytes:
        reply = b""
        for item in items:
            if isinstance(item, Frame) and item.deliver:
                try:
                    decoded = decode(item.raw)
                except RefusedInput:
                    continue
                assert decoded.numerics[0].quantity is not None
                told.append((decoded.start, int(decoded.numerics[0].quantity.value)))
            elif isinstance(item, Frame):
                reply += driver.answer(item)
        return reply

    talk(driver.greeting(), 0.02)
    for round_number in range(12):
        take(framing.idle())
        talk(driver.on_idle(), 0.02 if round_number < 10 else 0.0)
    assert sorted(told, key=lambda one: one[1]) == [(NOW - timedelta(days=value), value) for value in VALUES]
