"""A barcode scanner that sends text over a serial line (USB CDC): the code, then a carriage return.

The terminator is what hand scanners are set to send at delivery (CR, or CR LF); so is UTF-8. A scan is an event in
memory, as a card is: the code may be somebody's number, and a scanner is told nothing back.
"""

from typing import Final

from clinic_records.barcode import LONGEST, Scan, read_code
from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.base import Frame
from devices.framing.delimited import DelimitedFraming

MEDIA_TYPE: Final = "text/vnd.clinic.scan"
_ENDS: Final = (b"\r", b"\n")
_MARKS: Final = "\r\n\x1d"
"""Control characters a good line holds: its end, and the separator of a GS1 element string."""


def read_scan(raw: bytes) -> Scan:
    """The code in one line of a scanner.

    Raises:
        BadFrame: not a line of text.
        RefusedInput: empty or too long.
    """
    fault = _fault(raw)
    if fault:
        raise BadFrame(fault)
    return read_code(raw.decode())


def _fault(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "scanned line is not UTF-8 text"
    if any(not character.isprintable() and character not in _MARKS for character in text):
        return "scanned line holds control characters"
    return ""


class BarcodeScanner(Driver):
    """No words of our own."""

    name = "barcode-scanner"
    media_type = MEDIA_TYPE
    idle_s = 0.5

    def framing(self) -> DelimitedFraming:
        """A fresh framing."""
        return DelimitedFraming(_frame, end=_ENDS, longest=4 * LONGEST, check=_fault)


def _frame(raw: bytes) -> Frame:
    """An empty line, as the LF of CR LF makes one, is no scan."""
    return Frame(raw, MEDIA_TYPE, deliver=bool(raw.strip()))
