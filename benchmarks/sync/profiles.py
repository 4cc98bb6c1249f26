"""The roads a day travels: rates, delay, and how coverage comes and goes."""

from collections.abc import Mapping
from typing import Final

import msgspec


class Profile(msgspec.Struct, frozen=True):
    """One road. Rates in bit/s (0: no limit), delay in seconds one way.

    Attributes:
        up_s, down_s: seconds with and without coverage, in turn, from the start; no outages where `down_s` is 0.
        mode: what an outage does: `cut` resets connections and refuses new ones; `stall` holds every byte back;
            `hole` leaves connections open that are silent for ever, as after a NAT rebinding, and new ones hang.
        urgent_at_s: when the urgent ECG is made.
        share: of the day's bytes that are sent; a slow link shows its progress on less.
    """

    bits_up: float
    bits_down: float
    delay_s: float
    up_s: float = 0.0
    down_s: float = 0.0
    mode: str = "cut"
    urgent_at_s: float = 65.0
    share: float = 1.0

    def ideal_s(self, size: int) -> float:
        """Seconds that `size` bytes need at least, at the full rate whenever there is coverage."""
        carried_s = size * 8 / self.bits_up if self.bits_up else size / LOCAL_BYTES_PER_S
        cycles = int(carried_s // self.up_s) if self.down_s else 0
        return carried_s + cycles * self.down_s


LOCAL_BYTES_PER_S: Final = 20e6
"""For the time limit of the road without a limit: a tenth of what a plain disk writes."""
CAP: Final = 2.5
"""A run ends at so many times its ideal."""
_MOBILE: Final = Profile(bits_up=8e6, bits_down=20e6, delay_s=0.03)
_REPLACE = msgspec.structs.replace

PROFILES: Final[Mapping[str, Profile]] = {
    "local": Profile(bits_up=0, bits_down=0, delay_s=0, urgent_at_s=0.5),
    "clean": _MOBILE,
    "outage": _REPLACE(_MOBILE, up_s=20, down_s=10, mode="cut"),
    "stall": _REPLACE(_MOBILE, up_s=20, down_s=10, mode="stall"),
    "hole": _REPLACE(_MOBILE, up_s=20, down_s=10, mode="hole"),
    "64k": Profile(bits_up=64e3, bits_down=64e3, delay_s=0.2, urgent_at_s=20, share=0.003),
    "16k": Profile(bits_up=16e3, bits_down=16e3, delay_s=0.4, urgent_at_s=30, share=0.001),
}
