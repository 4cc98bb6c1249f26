"""A barcode scanner that sends text over a serial line (USB CDC): the code, then a carriage return.

The terminator is what hand scanners are set to send at delivery (CR, or CR LF); so is UTF-8. A scan is an event in
memory, as a card is: the code may be somebody's number, and a scanner is told nothing back.
"""

from typing import Final

from clinic_records.barcode import LONGEST, Scan, read_code
from clinic_records.errors import BadFrame
from devices.driver import Driver
from devices.framing.delimited import DelimitedFraming, lines, text_fault

MEDIA_TYPE: Final = "text/vnd.clinic.scan"


def read_scan(raw: bytes) -> Scan:
    """The code in one line of a scanner.

    Raises:
        BadFrame: not a line of text.
        RefusedInput: empty or too long.
    """
    fault = text_fault(raw)
    if fault:
        raise BadFrame(fault)
    return read_code(raw.decode())


class BarcodeScanner(Driver):
    """No words of our own."""

    name = "barcode-scanner"
    media_type = MEDIA_TYPE
    idle_s = 0.5

    def framing(self) -> DelimitedFraming:
        """A fresh framing."""
        return lines(MEDIA_TYPE, longest=4 * LONGEST)
