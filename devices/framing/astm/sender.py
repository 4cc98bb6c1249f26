"""The sending end of ASTM E1381-95 / LIS1-A, section 6: how an instrument gets its messages across.

The instrument asks (ENQ), sends frame after frame, each only when the one before was acknowledged, and ends with EOT.
A frame that is not acknowledged is sent again, six times at most (section 6.5.1.2). Where both sides ask at once the
instrument has the right of way: the computer yields (section 6.2.7). Time is the caller's: it calls `on_timeout` after
`timeout_s` without an answer.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from recordings.astm.frames import ACK, ENQ, EOT, NAK

ANSWER_S: Final = 15.0
"""The other side must answer ENQ and each frame within this time (sections 6.5.2.1 and 6.5.2.2)."""
BUSY_S: Final = 10.0
"""After NAK to ENQ: the other side is busy (section 6.2.6)."""
CONTENTION_S: Final = 1.0
"""After ENQ met ENQ: the instrument's wait before it asks again; the computer's is 20 s (section 6.2.7.1)."""
MOST_SENDS: Final = 6
"""Times one frame is sent before the message is given up."""


class State(Enum):
    """Where the session stands."""

    ASKING = auto()
    WAITING = auto()
    SENDING = auto()
    DONE = auto()
    GIVEN_UP = auto()


class AstmSender:
    """One message of an instrument. Sans-I/O: bytes in, bytes out.

    Attributes:
        acknowledged: frames the other side took.
        refused: how often it said no, or nothing that is an answer.
    """

    def __init__(self, frames: Sequence[bytes]) -> None:
        """`frames` whole, as `recordings.astm.frames.frames_of` makes them."""
        self._frames = frames
        self._state = State.ASKING
        self._wait_s = 0.0
        self._sends = 0
        self.acknowledged = 0
        self.refused = 0

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to say."""
        return self._state in {State.DONE, State.GIVEN_UP}

    @property
    def timeout_s(self) -> float:
        """Seconds of silence after which `on_timeout` is to be called."""
        return self._wait_s if self._state is State.WAITING else ANSWER_S

    def start(self) -> bytes:
        """Ask whether the other side is ready."""
        self._state, self.acknowledged, self._sends = State.ASKING, 0, 0
        return ENQ

    def feed(self, data: bytes) -> bytes:
        """What to send after the other side said `data`."""
        return b"".join(self._answer(data[at : at + 1]) for at in range(len(data)))

    def on_timeout(self) -> bytes:
        """What to send after silence: ask again, or give up with EOT where an answer was due (section 6.5.2)."""
        if self._state is State.WAITING:
            return self.start()
        return b"" if self.is_over else self._give_up()

    def _answer(self, word: bytes) -> bytes:
        if self._state is State.ASKING:
            return self._asked(word)
        if self._state is not State.SENDING:
            return b""
        if word in {ACK, EOT}:  # EOT is an ACK with the wish to interrupt, which the sender may ignore (6.3.5)
            self.acknowledged += 1
            self._sends = 0
            return self._send()
        self.refused += 1
        return self._send() if self._sends < MOST_SENDS else self._give_up()

    def _asked(self, word: bytes) -> bytes:
        if word == ACK:
            self._state = State.SENDING
            return self._send()
        if word in {NAK, ENQ}:
            self._state = State.WAITING
            self._wait_s = BUSY_S if word == NAK else CONTENTION_S
        return b""

    def _send(self) -> bytes:
        if self.acknowledged == len(self._frames):
            self._state = State.DONE
            return EOT
        self._sends += 1
        return self._frames[self.acknowledged]

    def _give_up(self) -> bytes:
        self._state = State.GIVEN_UP
        return EOT
