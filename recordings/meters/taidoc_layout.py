"""One record of a TaiDoc (FORA) meter: what it answered for its model, the record's time and the record's value.

Packets of 8 bytes: 51, command, four bytes of message, A5 from the meter (A3 from the host), sum of the seven before.
24 model, two bytes of binary-coded decimal, low byte first. 25 time of a record: day u16 (year since 2000 in 7 bits,
month in 4, day in 5), minute, hour. 26 its value, u16: glucose in mg/dL, always, then a byte of unknown meaning and the
meal mark; or temperature of the body in 0.1 degC and of the surroundings. Thermometers put the body site into the top
bits of minute (2 low bits) and hour (bit 5, third bit), and into bit 7 of the hour whether they display degF.

Sources: protocols.glucometers.tech, TaiDoc TD-42xx (glucose); YentingChia-Ultron/Ultron-esp32BLE, foraThermometer
(temperature); both found with devices. HI above 600 and LO below 20 mg/dL: user's manuals of the TD-42xx.
"""

from datetime import datetime
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, Hint

MEDIA_TYPE: Final = "application/vnd.taidoc.record"
PACKET_SIZE: Final = 8
MODEL, TIME, VALUE = 0x24, 0x25, 0x26
FROM_METER: Final = 0xA5
FROM_HOST: Final = 0xA3
AGAIN: Final = Hint("数据不完整，请在设备上重新上传。", "The record is damaged; read the meter again.")
_START: Final = 0x51
_RECORD_SIZE: Final = 3 * PACKET_SIZE


def packet(command: int, message: bytes = bytes(4), end: int = FROM_HOST) -> bytes:
    """A whole packet."""
    body = bytes((_START, command)) + message + bytes((end,))
    return body + bytes((sum(body) & 0xFF,))


def is_packet(raw: bytes | bytearray) -> bool:
    """Whether the bytes are a whole packet of a meter."""
    return len(raw) == PACKET_SIZE and raw[0] == _START and raw[6] == FROM_METER and sum(raw[:7]) & 0xFF == raw[7]


def looks_like_taidoc(raw: bytes) -> bool:
    """Whether the bytes are the three packets of a record."""
    if len(raw) != _RECORD_SIZE:
        return False
    parts = [raw[at : at + PACKET_SIZE] for at in range(0, _RECORD_SIZE, PACKET_SIZE)]
    return all(is_packet(part) for part in parts) and [part[1] for part in parts] == [MODEL, TIME, VALUE]


def read_time(message: bytes) -> datetime:
    """The time in four bytes of message, in China's zone, without a thermometer's marks.

    Raises:
        BadFrame: they are no time.
    """
    day = int.from_bytes(message[:2], "little")
    try:
        return datetime(2000 + (day >> 9), day >> 5 & 15, day & 31, message[3] & 31, message[2] & 63, tzinfo=CHINA)
    except ValueError as error:
        raise BadFrame(f"TaiDoc time {message.hex(' ')}: {error}", hint=AGAIN) from None


def write_time(time: datetime) -> bytes:
    """The four bytes of `time`, for the simulator and the tests."""
    local = time.astimezone(CHINA)
    day = local.year - 2000 << 9 | local.month << 5 | local.day
    return day.to_bytes(2, "little") + bytes((local.minute, local.hour))
