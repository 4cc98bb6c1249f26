"""Any analyser that sends its results by ASTM E1381 / E1394 (LIS1-A, LIS2-A2), over a serial line or TCP.

The vehicle listens. It answers each frame, and the one that completes a message only once the message is durable. It
gives no orders: a query (Q record) is stored and refused with the advice to switch host query off.
"""

from collections.abc import Mapping
from typing import Final

from devices.driver import Driver
from devices.framing.astm.receiver import ACCEPTED, ENQUIRY, MEDIA_TYPE, REFUSED, AstmReceiver
from devices.framing.base import Frame
from recordings.astm.frames import ACK, NAK

_ANSWERS: Final[Mapping[str, bytes]] = {ENQUIRY: ACK, ACCEPTED: ACK, MEDIA_TYPE: ACK, REFUSED: NAK}


class AstmHost(Driver):
    """The host's side of one line."""

    name = "astm"
    media_type = MEDIA_TYPE
    idle_s = 30.0
    """E1381-95, section 6.5.2.4: the receiver waits so long for a frame or the end."""

    def framing(self) -> AstmReceiver:
        """A fresh receiver."""
        return AstmReceiver()

    def answer(self, frame: Frame) -> bytes:
        """ACK or NAK."""
        return _ANSWERS.get(frame.media_type, b"")
