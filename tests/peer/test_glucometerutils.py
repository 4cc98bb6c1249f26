"""glucometerutils, an independent reader of glucose meters, asks our simulated ones over a pty.

It has no package on the usual index: put a checkout of glucometers-tech/glucometerutils and its dependencies (attrs,
construct, pyserial) on PYTHONPATH.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from threading import Event, Thread
from typing import Any

import pytest

from clinic_records.clock import CHINA
from devices.simulators.lifescan_meters import UltraEasyMeter, VerioIqMeter
from devices.simulators.meters import Meter, TaiDocMeter, glucose_record
from devices.simulators.pty_line import PtyLine
from recordings.meters.verio_iq_layout import record_message

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("glucometerutils") is None, reason="glucometerutils is not installed"),
]
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=CHINA)
AGES = (timedelta(minutes=2), timedelta(days=1), timedelta(days=2))


@contextmanager
def plugged_in(meter: Meter) -> Iterator[str]:
    """The path of the port while the meter answers there."""
    line, stop = PtyLine(), Event()

    def answer() -> None:
        while not stop.is_set():
            data = meter.receive(line.read(0.05))
            if data:
                line.write(data)

    thread = Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield str(line.path)
    finally:
        stop.set()
        thread.join(5.0)
        line.close()


def wall(time: datetime) -> datetime:
    return time.replace(tzinfo=None)


def test_ultraeasy(monkeypatch: pytest.MonkeyPatch) -> None:
    driver: Any = import_module("glucometerutils.drivers.otultraeasy")
    construct: Any = import_module("construct")
    # Its own answer lost the prefix 05 when the prefix was unfolded (9fb8076); before that it was 05 0F, as it is here.
    count = construct.Struct(const=construct.Const(b"\x05\x0f"), count=construct.Int16ul)
    monkeypatch.setattr(driver, "_READING_COUNT_RESPONSE", count)
    meter = UltraEasyMeter([(NOW - age, 101 + number) for number, age in enumerate(AGES)], now=lambda: NOW)
    with plugged_in(meter) as path:
        reader = driver.Device(path)
        reader.connect()
        assert reader.get_glucose_unit().name == "MMOL_L"
        assert reader.get_datetime() == wall(NOW)
        found = [(reading.timestamp, reading.value) for reading in reader.get_readings()]
        reader.serial_.close()
    assert found == [(wall(NOW - age), 101.0 + number) for number, age in enumerate(AGES)]


def test_taidoc(monkeypatch: pytest.MonkeyPatch) -> None:
    driver: Any = import_module("glucometerutils.drivers.td42xx")
    plain: Any = import_module("glucometerutils.support.serial").SerialDevice.__init__
    # It opens the meter's USB bridge by a scheme of pyserial; the port itself is a pty here.
    monkeypatch.setattr(
        driver.serial.SerialDevice, "__init__", lambda self, device: plain(self, device.removeprefix("cp2110://"))
    )
    marks = (0x40, 0x80, 0x00)
    records = [
        glucose_record(NOW - age, 101 + number, mark)
        for number, (age, mark) in enumerate(zip(AGES, marks, strict=True))
    ]
    with plugged_in(TaiDocMeter(0x4277, records, lambda: NOW)) as path:
        reader = driver.Device(path)
        reader.connect()
        assert reader.get_meter_info().model == "TaiDoc TD-4277 glucometer"
        assert reader.get_datetime() == wall(NOW)
        found = [(reading.timestamp, reading.value, reading.meal.name) for reading in reader.get_readings()]
        reader.serial_.close()
    meals = ("BEFORE", "AFTER", "NONE")
    assert found == [(wall(NOW - age), 101 + number, meals[number]) for number, age in enumerate(AGES)]


def test_verio_iq() -> None:
    driver: Any = import_module("glucometerutils.drivers.otverioiq")
    records = [record_message(NOW - age, 101 + number, number) for number, age in enumerate(AGES)]
    control = record_message(NOW, 250, is_control=True)
    with plugged_in(VerioIqMeter([*records, control], unit=0, now=lambda: NOW)) as path:
        reader = driver.Device(path)
        assert reader.get_glucose_unit().name == "MG_DL"
        assert reader.get_datetime() == wall(NOW)
        found = [(reading.timestamp, reading.value, reading.meal.name) for reading in reader.get_readings()]
        reader.serial_.close()
    meals = ("NONE", "BEFORE", "AFTER")
    assert found == [(wall(NOW - age), 101.0 + number, meals[number]) for number, age in enumerate(AGES)]
