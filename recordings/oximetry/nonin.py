"""Nonin serial data formats 2 and 7: packets of 25 frames of 5 bytes, three packets and 75 curve samples a second.

Frame of format 2: 01, status, curve (8 bit), data, sum of the four. Frame of format 7: status, curve (16 bit, high byte
first), data, sum of the four. Status: bit 7 always 1, 6 sensor disconnected, 5 artifact, 4 out of track, 3 sensor
alarm, 2 and 1 perfusion (10 red, 01 green, 11 yellow), 0 SYNC on the first frame of a packet. Data of frames 1 and 2
are the pulse rate (bits 8 and 7 in the low bits of the first, bits 6 to 0 in the second), of frame 3 the saturation,
both averaged over four beats; 511 and 127 mean that there is none.

Sources: Nonin, OEM III and WristOx2 3150 OEM specifications, "Serial Data Format #2" and "#7", as implemented in
mdpnp/mdpnp (devices/nonin, Packet.java, Status.java) and, for format 2, by a client written from the Onyx II 9560
specification. A packet counts only when all its 25 sums are right.
"""

from collections.abc import Iterator
from typing import Final

from recordings.oximetry.packet import ARTIFACT, LOW_PERFUSION, SEARCHING, Packet, are_values, begins

FORMAT: Final = "nonin"
MEDIA_TYPE: Final = "application/vnd.nonin.span"
FRAMES: Final = 25
FRAME_SIZE: Final = 5
PACKET_SIZE: Final = FRAMES * FRAME_SIZE
PLETH_HZ: Final = 75.0
_START_2: Final = 0x01
_MUST, _DISCONNECTED, _ARTIFACT, _OUT_OF_TRACK, _ALARM, _RED, _GREEN, _SYNC = 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1
_NO_PULSE: Final = 511
_NO_SPO2: Final = 127
_SECONDS: Final = 1 / 3


def cut(stream: bytes | bytearray, is_over: bool) -> tuple[int, Packet | None]:
    """The packet at the start of `stream`, of whichever of the two formats; see `packet.Cut`."""
    size = _strange(stream)
    if size:
        return size, None
    if not is_over and len(stream) < PACKET_SIZE and len(stream) % FRAME_SIZE:
        return 0, None
    if not _may_begin(stream[:PACKET_SIZE]):
        return _next_start(stream), None
    if len(stream) < PACKET_SIZE:
        return (len(stream), None) if is_over else (0, None)
    return PACKET_SIZE, _packet(bytes(stream[:PACKET_SIZE]))


def is_part(raw: bytes) -> bool:
    """Whether the bytes can be the end or the beginning of a packet: whole frames, and one cut at the edge."""
    if len(raw) >= PACKET_SIZE:
        return False
    rest = raw[len(raw) % FRAME_SIZE :]
    return _may_begin(raw) or all(_is_later_frame(rest[at : at + FRAME_SIZE]) for at in range(0, len(rest), FRAME_SIZE))


def looks_like_nonin(raw: bytes) -> bool:
    """Whether the bytes begin with a whole packet, whose 25 sums are right."""
    return raw[:1] in _STARTS and begins(raw, cut, 1)


_STARTS: Final = frozenset({bytes((_START_2,)), *(bytes((status,)) for status in range(0x81, 0x100, 2))})
"""First byte of a packet: 01, or a status with SYNC."""


def _strange(stream: bytes | bytearray) -> int:
    """Bytes before the first that may start a packet."""
    for at in range(len(stream)):
        if stream[at] == _START_2 or stream[at] & (_MUST | _SYNC) == _MUST | _SYNC:
            return at
    return len(stream)


def _next_start(stream: bytes | bytearray) -> int:
    return 1 + _strange(stream[1:])


def _may_begin(stream: bytes | bytearray) -> bool:
    """Whether every frame that is there has the right status and sum."""
    status_at = 1 if stream[0] == _START_2 else 0
    for at in range(0, len(stream), FRAME_SIZE):
        frame = stream[at : at + FRAME_SIZE]
        if status_at and frame[0] != _START_2:
            return False
        if len(frame) > status_at:
            wanted = _MUST | (_SYNC if at == 0 else 0)
            if frame[status_at] & (_MUST | _SYNC) != wanted:
                return False
        if len(frame) == FRAME_SIZE and sum(frame[:4]) & 0xFF != frame[4]:
            return False
    return True


def _is_later_frame(frame: bytes) -> bool:
    status = frame[1] if frame[0] == _START_2 else frame[0]
    return status & (_MUST | _SYNC) == _MUST and sum(frame[:4]) & 0xFF == frame[4]


def _packet(raw: bytes) -> Packet:
    is_2 = raw[0] == _START_2
    frames = [raw[at : at + FRAME_SIZE] for at in range(0, PACKET_SIZE, FRAME_SIZE)]
    statuses = [frame[1 if is_2 else 0] for frame in frames]
    rate, saturation = (frames[0][3] & 3) << 7 | frames[1][3] & 0x7F, frames[2][3] & 0x7F
    pulse, spo2 = None if rate == _NO_PULSE else rate, None if saturation == _NO_SPO2 else saturation
    seen = 0
    for status in statuses:
        seen |= status
    is_finger_in = not seen & (_DISCONNECTED | _ALARM)
    return Packet(
        seconds=_SECONDS,
        is_finger_in=is_finger_in,
        is_good=is_finger_in and are_values(spo2, pulse) and not seen & (_ARTIFACT | _OUT_OF_TRACK),
        spo2=spo2,
        pulse=pulse,
        pleth=tuple(frame[2] if is_2 else frame[1] << 8 | frame[2] for frame in frames),
        marks=frozenset(_marks(seen, statuses)),
    )


def _marks(seen: int, statuses: list[int]) -> Iterator[str]:
    if seen & _ARTIFACT:
        yield ARTIFACT
    if seen & _OUT_OF_TRACK:
        yield SEARCHING
    if any(status & (_RED | _GREEN) == _RED for status in statuses):
        yield LOW_PERFUSION


def encode_packet(
    *, pulse: int | None, spo2: int | None, pleth: tuple[int, ...], status: int = 0, form: int = 7
) -> bytes:
    """A packet of format `form` (2 or 7); `pleth` has 25 samples, `status` is set in every frame beside bits 7 and 0.

    For the simulator and the tests.
    """
    rate, saturation = _NO_PULSE if pulse is None else pulse, _NO_SPO2 if spo2 is None else spo2
    rates = (rate >> 7, rate & 0x7F)
    data = [*rates, saturation, 0, 0, 0, 0, 0, saturation, saturation, saturation, 0, 0, *rates, saturation, saturation]
    data += [0, 0, *rates, *rates, 0, 0]
    packet = bytearray()
    for number in range(FRAMES):
        state = _MUST | status | (_SYNC if number == 0 else 0)
        curve = (state, pleth[number] >> 8 & 0xFF, pleth[number] & 0xFF)
        body = (_START_2, state, pleth[number] & 0xFF, data[number]) if form == 2 else (*curve, data[number])
        packet += bytes((*body, sum(body) & 0xFF))
    return bytes(packet)
