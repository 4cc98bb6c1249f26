"""The messages of one association: which are objects to store, and which are somebody else's. Sans-I/O.

A C-STORE request is taken apart here, fragment by fragment as it comes; the P-DATA of every other message is handed
on untouched (DICOM PS3.7, section 6.3; PS3.8, annex E).
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from clinic_records.errors import BadFrame
from devices.dicom.command import C_STORE_RQ, Command
from devices.dicom.pdu import data_values

MOST_COMMAND: Final = 64 * 1024
"""Bytes of a command set; a real one has some two hundred."""
MOST_OTHER: Final = 8 * 1024 * 1024
"""Bytes of the data set of a message that is held in memory: queries, performed procedure steps, commitments."""
_MOST_PIECES: Final = 1024
_IS_COMMAND: Final = 0x01
_IS_LAST: Final = 0x02


class Began(NamedTuple):
    """A device begins to store an object."""

    context: int
    command: Command


class Data(NamedTuple):
    """More of its data set; the view is good until more is read."""

    data: memoryview


class Ended(NamedTuple):
    """The object is whole."""


class Passed(NamedTuple):
    """A P-DATA-TF (without its head) of another message."""

    body: bytes


Event = Began | Data | Ended | Passed


class _Now(Enum):
    COMMAND = auto()
    OBJECT = auto()
    OTHER = auto()


class Flow:
    """Both directions of a message are one association's, so a Flow serves one association."""

    def __init__(self) -> None:
        self._now = _Now.COMMAND
        self._context = 0
        self._command = bytearray()
        self._held: list[bytes] = []  # P-DATA of a command that is not whole yet: nobody knows whose it is
        self._other = 0

    def feed(self, body: memoryview) -> list[Event]:
        """What one P-DATA-TF means.

        Raises:
            BadFrame: its fragments are not those of one message after the other; the association is to be aborted.
        """
        events: list[Event] = []
        is_others = False
        for context, control, data in data_values(body):
            if self._now is not _Now.COMMAND and (control & _IS_COMMAND or context != self._context):
                raise BadFrame("a command, or another context, inside a data set")
            if self._now is _Now.COMMAND:
                begun = self._take_command(context, control, data)
                events += begun
                is_others = is_others or not (begun or self._command)
            elif self._now is _Now.OBJECT:
                events.append(Data(data))
                if control & _IS_LAST:
                    events.append(Ended())
                    self._now = _Now.COMMAND
            else:
                is_others = True
                self._take_other(control, data)
        if not (is_others or self._command):
            return events
        if events or (is_others and self._command):
            raise BadFrame("two messages in one P-DATA-TF")
        self._held.append(bytes(body))
        if self._command:
            if len(self._held) > _MOST_PIECES:
                raise BadFrame(f"a command set in more than {_MOST_PIECES} pieces")
            return []
        passed: list[Event] = [Passed(held) for held in self._held]
        self._held.clear()
        return passed

    def _take_command(self, context: int, control: int, data: memoryview) -> list[Event]:
        """Began, and Ended where no data follow, if it is an object; nothing if it is not, or is not whole."""
        if not control & _IS_COMMAND:
            raise BadFrame("a data set without its command")
        self._command += data
        if len(self._command) > MOST_COMMAND:
            raise BadFrame(f"a command set of more than {MOST_COMMAND} bytes")
        if not control & _IS_LAST:
            return []
        command = Command.decode(bytes(self._command))
        self._command.clear()
        self._context = context
        if command.field != C_STORE_RQ:
            self._now = _Now.OTHER if command.has_data_set else _Now.COMMAND
            self._other = 0
            return []
        self._held.clear()
        if not command.has_data_set:
            return [Began(context, command), Ended()]
        self._now = _Now.OBJECT
        return [Began(context, command)]

    def _take_other(self, control: int, data: memoryview) -> None:
        self._other += len(data)
        if self._other > MOST_OTHER:
            raise BadFrame(f"a message with more than {MOST_OTHER} bytes that is no object to store")
        if control & _IS_LAST:
            self._now = _Now.COMMAND
