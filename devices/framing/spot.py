"""Cuts a pulse oximeter's endless stream into spot measurements: from the finger's coming to its going.

A measurement ends when the finger was away for OUT_S, after GOOD_S of good signal, after LONGEST_S at most, or when the
line falls silent. After one that ended with the finger still there, the next begins only when the finger was away: a
sensor left on somebody makes one reading, not one every half minute. All bytes in between, damaged ones too, stay in
the measurement's raw bytes as they came; its decoder uses the same `cut` and takes values from whole packets only.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from clinic_records.errors import BadFrame
from devices.framing.base import Frame, StepFraming
from recordings.oximetry.packet import Cut, Packet

QUIET: Final = "application/vnd.clinic.oximeter-quiet"
"""Media type of what came while no finger was measured; never delivered."""
WORD: Final = "application/vnd.clinic.oximeter-word"
"""Media type of a device's answer to a command."""
GOOD_S: Final = 30.0
OUT_S: Final = 2.0
LONGEST_S: Final = 60.0
SHORTEST_S: Final = 4.0
"""With the finger in for less, somebody only touched the sensor."""
CLEAN_S: Final = 1.0
"""A measurement starts with this long without damage, so that its bytes are known again by their beginning."""
QUIET_S: Final = 10.0
"""Quiet packets are handed to the driver in pieces of this length."""
_ROUNDING_S: Final = 1e-6
"""Sixtieths and thirds of a second do not add up exactly."""
_MAX_SPAN: Final = 1 << 16
"""Bytes; a minute of the fastest device is 33 kB, the rest is room for noise."""
_MAX_LOOSE: Final = 4096
"""Bytes of garbage, or of packets that stand for no time, handed over at once."""
_MAX_BUFFER: Final = 1 << 20
"""Bytes of one packet or word; the longest is a stored recording of a day, 300 kB."""


class SpotFraming(StepFraming):
    """One connection's stream."""

    def __init__(
        self,
        cut: Cut,
        media_type: str,
        *,
        is_part: Callable[[bytes], bool],
        word: Callable[[bytes | bytearray], tuple[int, Frame | None]] = lambda _: (0, None),
    ) -> None:
        """What the device's module knows of its stream.

        Args:
            cut: finds its packets.
            media_type: of its measurements.
            is_part: whether bytes can be a packet cut by the connection's beginning or end, which is no damage.
            word: an answer at the start of the stream: its bytes and its frame, (0, None) if there is none; bytes and
                no frame: wait until so many are there.
        """
        super().__init__()
        self._cut = cut
        self._media_type = media_type
        self._is_part = is_part
        self._word = word
        self._is_at_edge = True
        """Nothing came yet but what may be the end of a packet that began before the connection."""
        self._garbage = bytearray()
        self._quiet = bytearray()
        self._quiet_s = 0.0
        self._away_s = 0.0
        self._must_leave = False
        self._clock: datetime | None = None
        self._reset_span()

    def idle(self) -> list[Frame | BadFrame]:
        """The measurement that the silence ended, and everything else still held."""
        items = super().idle()
        self._clock = None  # what it showed some seconds ago
        self._end(items)
        self._must_leave = False
        self._hand_over_quiet(items)
        self._is_at_edge = True
        self._refuse_garbage(items)
        return items

    def _reset_span(self) -> None:
        self._span = bytearray()
        self._span_s = 0.0
        self._good_s = 0.0
        self._out_s = 0.0
        self._clock = None

    def _step(self, items: list[Frame | BadFrame], *, is_over: bool) -> bool:
        size, frame = self._word(self._buffer)
        if frame is not None:
            self._refuse_garbage(items)
            items.append(frame)
            self._take(size)
            return True
        if size and not is_over and size <= _MAX_BUFFER:
            return False
        size, packet = self._cut(self._buffer, is_over)
        piece = self._take(size)
        if not size:
            return False
        if packet is None:
            self._take_garbage(piece, items)
            return True
        self._refuse_garbage(items)
        self._is_at_edge = False
        if self._span or (packet.is_finger_in and not self._must_leave):
            self._take_packet(piece, packet, items)
        else:
            self._take_quiet(piece, packet, items)
        return True

    def _take_garbage(self, piece: bytes, items: list[Frame | BadFrame]) -> None:
        if self._span and not _reaches(self._span_s, CLEAN_S):
            self._end(items)
        if self._span and len(self._span) < _MAX_SPAN:
            self._span += piece
            return
        self._garbage += piece
        if len(self._garbage) >= _MAX_LOOSE:
            self._refuse_garbage(items)

    def _take_packet(self, piece: bytes, packet: Packet, items: list[Frame | BadFrame]) -> None:
        if not self._span:
            self._hand_over_quiet(items)
        self._span += piece
        self._span_s += packet.seconds
        self._good_s += packet.seconds if packet.is_good else 0.0
        self._out_s = 0.0 if packet.is_finger_in else self._out_s + packet.seconds
        self._clock = packet.time
        if _reaches(self._out_s, OUT_S):
            self._end(items)
        elif _reaches(self._good_s, GOOD_S) or _reaches(self._span_s, LONGEST_S) or len(self._span) >= _MAX_SPAN:
            self._must_leave = True
            self._away_s = 0.0
            self._end(items)

    def _take_quiet(self, piece: bytes, packet: Packet, items: list[Frame | BadFrame]) -> None:
        self._quiet += piece
        self._quiet_s += packet.seconds
        self._away_s = 0.0 if packet.is_finger_in else self._away_s + packet.seconds
        if _reaches(self._away_s, OUT_S):
            self._must_leave = False
        if _reaches(self._quiet_s, QUIET_S) or len(self._quiet) >= _MAX_LOOSE:
            self._hand_over_quiet(items)

    def _end(self, items: list[Frame | BadFrame]) -> None:
        if not self._span:
            return
        raw, is_measured = bytes(self._span), _reaches(self._span_s - self._out_s, SHORTEST_S)
        clock = self._clock
        self._reset_span()
        if is_measured:
            items.append(Frame(raw, self._media_type, device_clock=clock))
        else:
            items.append(Frame(raw, QUIET, deliver=False))

    def _hand_over_quiet(self, items: list[Frame | BadFrame]) -> None:
        if self._quiet:
            items.append(Frame(bytes(self._quiet), QUIET, deliver=False))
        self._quiet.clear()
        self._quiet_s = 0.0

    def _refuse_garbage(self, items: list[Frame | BadFrame]) -> None:
        raw, is_at_edge = bytes(self._garbage), self._is_at_edge
        self._garbage.clear()
        if raw and is_at_edge and self._is_part(raw):
            items.append(Frame(raw, QUIET, deliver=False))
        elif raw:
            items.append(BadFrame(f"no packet of an oximeter ({len(raw)} bytes kept)", raw=raw))


def _reaches(seconds: float, limit: float) -> bool:
    return seconds > limit - _ROUNDING_S
