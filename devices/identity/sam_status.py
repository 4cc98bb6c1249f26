"""What the card reader's status bytes say, in words a nurse can act on.

SW3 is the reader's own status (softs.im 身份证阅读器通信协议, table of SW1 SW2 SW3); SW1 and SW2 are what the card
answered and are not shown.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import Hint

DONE: Final = 0x90
FOUND: Final = 0x9F
NO_CARD: Final = 0x80
"""No card lies there, or the one that lies there was read already and must be taken away first."""
_AGAIN: Final = Hint("没读成：把证件拿开，再平放上去。", "Not read: take the card away, then lay it flat again.")
_WRONG: Final = Hint("这不是能读的证件。请手工登记。", "This is not a card that can be read. Register by hand.")
_READER: Final = Hint(
    "读卡器有故障：拔下再插上，还不行就手工登记。", "Reader fault: unplug it and plug it in; else register by hand."
)
_DOUBTFUL: Final = Hint(
    "证件没通过读卡器的验证，可能是假证或坏卡。请看证件本身，手工登记。",
    "The card failed the reader's check: false or broken. Look at the card itself and register by hand.",
)
TROUBLES: Final[Mapping[int, tuple[str, Hint]]] = {
    0x10: ("the reader got a wrong check", _AGAIN),
    0x11: ("the reader got a wrong length", _AGAIN),
    0x21: ("the reader does not take this command now", _AGAIN),
    0x24: ("error the reader cannot name", _AGAIN),
    0x31: ("the card does not trust the reader", _DOUBTFUL),
    0x32: ("the reader does not trust the card", _DOUBTFUL),
    0x33: ("what the card says failed its check", _DOUBTFUL),
    0x40: ("wrong kind of card", _WRONG),
    0x41: ("the card could not be read", _AGAIN),
    0x47: ("no random number from the card", _AGAIN),
    0x60: ("the reader failed its self-test", _READER),
    0x66: ("the reader is not authorised", _READER),
    0x81: ("the card could not be selected", _AGAIN),
    0x91: ("the card holds nothing there", _WRONG),
}
"""SW3 -> (what happened, what to do)."""


def trouble_of(status: int) -> tuple[str, Hint]:
    """What a status that is no success means; an unknown one is named by its number."""
    return TROUBLES.get(status, (f"status {status:02X} is in no table", _AGAIN))
