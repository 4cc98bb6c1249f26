"""One record of a LifeScan meter: what it answered for its unit and for the record, in two packets.

An answer is two bytes that say it is one, and its data. The unit it displays: 0 mg/dL, 1 mmol/L, and three bytes more.
A record: seconds by the meter's wall clock u32, glucose, always in mg/dL, and what else the model marks.
"""

import struct
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame, Hint
from recordings.meters.lifescan import messages

UNIT_SIZE: Final = 6
"""Bytes of the message that tells the unit."""
_UNITS: Final = {0: "mg/dL", 1: "mmol/L"}
"""Unit a meter displays, by its code; what it sends is always mg/dL."""
_AGAIN = Hint("数据不完整，请重新连接血糖仪。", "The record is damaged; connect the meter again.")


class Told(NamedTuple):
    """A record in the meter's numbers: unit it displays, seconds of its clock, mg/dL, and the model's marks."""

    displayed: str
    seconds: int
    mg_dl: int
    marks: tuple[int, ...]


class RecordLayout(NamedTuple):
    """What differs between the models.

    Attributes:
        model: its name.
        ok: the two bytes before an answer's data.
        record: the record's message: `ok`, seconds, glucose and marks.
        epoch: when its clock counts 0, in China's zone; it counts as if there were no zones.
    """

    model: str
    ok: bytes
    record: struct.Struct
    epoch: datetime

    def is_like(self, raw: bytes) -> bool:
        """Whether the bytes are the two packets of a record."""
        found = messages(raw, UNIT_SIZE, self.record.size)
        return bool(found) and all(message[0] == self.ok[0] for message in found)

    def read(self, raw: bytes) -> Told:
        """The numbers of a record.

        Raises:
            BadFrame: not the two packets, or answers that are no success or hold an unknown unit.
        """
        if not self.is_like(raw):
            raise BadFrame(f"{self.model} record: not its two packets, {len(raw)} bytes", hint=_AGAIN)
        unit, record = messages(raw, UNIT_SIZE, self.record.size)
        status, seconds, mg_dl, *marks = self.record.unpack(record)
        if unit[:2] != self.ok or status != self.ok or unit[2] not in _UNITS:
            raise BadFrame(f"{self.model} record: answers {unit.hex(' ')} and {status.hex(' ')}", hint=_AGAIN)
        return Told(_UNITS[unit[2]], seconds, mg_dl, tuple(marks))

    def read_time(self, seconds: int) -> datetime:
        """The meter's wall time in China's zone."""
        return self.epoch + timedelta(seconds=seconds)

    def write_time(self, time: datetime) -> int:
        """Seconds that the meter counts at `time`."""
        return round((time - self.epoch).total_seconds())
