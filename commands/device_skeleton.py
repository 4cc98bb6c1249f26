"""What `clinic device scaffold` writes: a device that sends `VALUE UNIT` and CR LF for each measurement."""

from typing import Final

DRIVER: Final = '''"""$title: a line of text for each measurement.

Line: `VALUE UNIT`, CR LF. Write here which document, edition and page each fact is from, and the line's settings.
"""

import re
from pathlib import Path
from typing import Final

from clinic_records.errors import BadFrame
from clinic_records.reading import Reading
from devices.delivery import Delivery
from devices.driver import Driver
from devices.framing.delimited import DelimitedFraming, lines
from devices.simple import Said, measured, reading_of

MEDIA_TYPE: Final = "text/vnd.clinic.$key"
_LINE: Final = re.compile(r"([0-9]{1,4}(?:\\.[0-9]{1,3})?) ([!-~]{1,16})")


def read(text: str) -> Said:
    """What a line says; the unit is the device's own, and another kind of unit is refused.

    Raises:
        BadFrame: not a line of this device.
        RefusedInput: a unit that cannot be.
    """
    line = _LINE.fullmatch(text)
    if line is None:
        raise BadFrame("$key: not VALUE and UNIT")
    return Said((measured("$observation", line[1], line[2]),))


def interpret(delivery: Delivery, raw: Path) -> tuple[Reading, ...]:
    """The Reading of one line. Raises BadFrame and RefusedInput as `read` does."""
    return reading_of(delivery, raw, "$modality", read)


class $class_name(Driver):
    """It only speaks."""

    name = "$key"
    media_type = MEDIA_TYPE

    def framing(self) -> DelimitedFraming:
        """A fresh framing."""
        return lines(MEDIA_TYPE)
'''

SIMULATOR: Final = '''"""The $key device, measuring once."""

from threading import Event

from devices.transports.base import Transport

LINE = b"70.5 $unit\\r\\n"


def simulate(wire: Transport, stop: Event) -> None:
    """One measurement."""
    del stop
    wire.write(LINE)
'''

TEST: Final = '''"""The $key device: what its lines say, and what none of them may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from devices.$package.$module import read
from devices.simulators.$module import LINE


def test_a_line_is_a_measurement() -> None:
    (one,) = read(LINE.decode().strip()).numerics
    assert str(one.quantity) == "70.5\\N{NO-BREAK SPACE}$unit"


@pytest.mark.parametrize("line", ["", "70.5", "Err $unit", "70,5 $unit", "70.5 $unit 2"])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(BadFrame):
        read(line)


@pytest.mark.parametrize("unit", ["furlong", "V/m"])
def test_a_unit_that_cannot_be_is_refused(unit: str) -> None:
    with pytest.raises(RefusedInput):
        read(f"70.5 {unit}")


@given(st.text(max_size=40))
def test_no_line_breaks_it(text: str) -> None:
    try:
        said = read(text)
    except RefusedInput:
        return
    assert said.numerics
'''

PAGE: Final = """# $name_zh · $title — `$key`

What the device measures, and how it reaches the vehicle.

| | |
|---|---|
| cable | which plug, and the line's settings |
| on the device | which menu, which value |
| address | none on the LAN |
| evidence | which document, which bytes |
| status | from documentation only |

In `vehicle.toml`:
```toml
[[devices]]
id = "new1"
key = "$key"
url = "serial:/dev/ttyUSB0?baud=9600"
```

**Test step**, agent stopped: `clinic device listen --transport "serial:/dev/ttyUSB0?baud=9600" --driver $key`, then
measure once. One `text/vnd.clinic.$key` comes; compare it with the display.
"""

FILES: Final = {
    "devices/$package/$module.py": DRIVER,
    "devices/simulators/$module.py": SIMULATOR,
    "tests/unit/devices/test_$module.py": TEST,
    "docs/devices/$key.md": PAGE,
}
"""Path -> text, both with places to fill."""

DRIVER_LINE: Final = '    "$key": "devices.$package.$module:$class_name",\n'
READER_LINE: Final = '    "text/vnd.clinic.$key": "devices.$package.$module:interpret",\n'

ROW: Final = """
[$key]
type = $type
category = "$category"
maker = ""
model = "$title"
name_zh = "$name_zh"
name_en = "$title"
modality = "$modality"
transport = "serial"
protocol = "VALUE UNIT and CR LF, 9600 8N1"
driver = "$key"
observations = ["$observation $unit"]
evidence = "The line's form is taken from a document; no device was at hand."
status = "from documentation only"
simulator = "devices.simulators.$module:simulate"
"""
