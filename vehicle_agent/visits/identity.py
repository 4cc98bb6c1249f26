"""Cards laid on a reader and codes scanned: events for the open pages, held in memory for a while and nowhere else.

Nobody is told yes for a card or a code, so nothing is lost that was acknowledged; and a citizen number that nobody
registered is never on the disk (decision 0009).
"""

import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from clinic_records.barcode import Scan, read_code
from clinic_records.errors import BadFrame, Hint, RefusedInput
from clinic_records.ids import DeviceId
from devices.framing.base import Frame
from devices.identity.barcode import MEDIA_TYPE as SCAN
from devices.identity.barcode import read_scan
from devices.identity.card_text import CardText
from devices.identity.resident_card import MEDIA_TYPE as CARD
from devices.identity.resident_card import read_card

HELD_S: Final = 600.0
"""A card or a code waits so long for somebody to use it."""
TROUBLE_S: Final = 30.0
"""What could not be read is said so long: it is to be done again at once."""
MOST: Final = 4
"""Events held; beyond it the oldest goes, because whoever it was is still there."""
UNREAD: Final = Hint("没读清，再来一次。", "Not read clearly; once more, please.")
KEYBOARD: Final = DeviceId("keyboard")
"""The device of a code that a scanner typed into the page or a hand into the search box."""


class Presented(msgspec.Struct, frozen=True, omit_defaults=True):
    """A card, a code, or what went wrong with one; `token` names it on the pages.

    Attributes:
        at_s: when, by the monotonic clock.
        trouble_zh, trouble_en: what to do, where it could not be read.
    """

    token: str
    device: DeviceId
    at_s: float
    card: CardText | None = None
    scan: Scan | None = None
    trouble_zh: str = ""
    trouble_en: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether nothing could be read."""
        return bool(self.trouble_zh)


_READERS: Final[dict[str, Callable[[bytes], CardText | Scan]]] = {CARD: read_card, SCAN: read_scan}
"""Media type of an identity device's frame -> what reads it."""


def of_text(text: str, at_s: float) -> Presented:
    """The event of a code that was typed; it is not held. Raises RefusedInput: empty or too long."""
    return Presented("", KEYBOARD, at_s, scan=read_code(text))


class Presenting:
    """What lies before the nurse just now."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        """Nothing yet."""
        self._monotonic_s = monotonic_s
        self._held: list[Presented] = []

    def take(self, device: DeviceId, item: Frame | BadFrame) -> Presented:
        """Hold what a device said; the same card or code again keeps its token, a trouble goes with the next event."""
        new = self._event(device, item)
        before = next((one for one in self._held if _is_same(one, new)), None)
        if before is not None:
            new = msgspec.structs.replace(new, token=before.token)
        self._held = [one for one in self.waiting() if not _is_same(one, new) and not _is_trouble_of(one, device)]
        self._held = [new, *self._held][:MOST]
        return new

    def waiting(self) -> list[Presented]:
        """What is held, newest first."""
        now = self._monotonic_s()
        self._held = [one for one in self._held if now - one.at_s < (TROUBLE_S if one.is_trouble else HELD_S)]
        return list(self._held)

    def find(self, token: str) -> Presented | None:
        """The event, while it is held."""
        return next((one for one in self.waiting() if one.token == token), None)

    def drop(self, token: str) -> None:
        """It was used, or nobody wants it."""
        self._held = [one for one in self._held if one.token != token]

    def _event(self, device: DeviceId, item: Frame | BadFrame) -> Presented:
        event = Presented(secrets.token_urlsafe(12), device, self._monotonic_s())
        try:
            if isinstance(item, BadFrame):
                raise item
            found = _READERS[item.media_type](item.raw)
        except RefusedInput as error:
            hint = UNREAD if isinstance(error, BadFrame) else error.hint
            return msgspec.structs.replace(event, trouble_zh=hint.zh, trouble_en=hint.en)
        if isinstance(found, CardText):
            return msgspec.structs.replace(event, card=found)
        return msgspec.structs.replace(event, scan=found)


def _is_same(one: Presented, other: Presented) -> bool:
    return not one.is_trouble and (one.card, one.scan) == (other.card, other.scan)


def _is_trouble_of(one: Presented, device: DeviceId) -> bool:
    return one.is_trouble and one.device == device
