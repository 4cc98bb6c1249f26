"""What one end understands, as it says in its Hello or Welcome, and what follows for the other (sync rule 15)."""

from typing import Final

import msgspec

from clinic_records.record import Kind
from sync.coding.dictionaries import IDS as DICTIONARIES
from sync.envelope import Codec

PROTOCOL: Final = 3
"""The newest version of the conversation this program speaks. Fields are only ever added at the end, with a default
that means "not said", and frames only ever added. What each version added:

1. everything not named below.
2. KeyNews, Hello.hospital_key, Welcome.keep_days.
3. Hello.rejoin and Hello.last_seq: a restored box asks for an incarnation. Renewal.
"""
OLDEST: Final = 1
"""The oldest version still spoken: two releases back."""
WITH_KEY_NEWS: Final = 2
WITH_REJOIN: Final = 3
WITH_RENEWAL: Final = 3


class Abilities(msgspec.Struct, frozen=True, omit_defaults=True):
    """Versions of the conversation, kinds, codecs and dictionaries one end reads."""

    proto_min: int
    proto_max: int
    kinds: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    dict_ids: tuple[str, ...] = ()

    def agreed(self, other: "Abilities") -> int:
        """The newest version of the conversation both speak; 0 where there is none."""
        newest = min(self.proto_max, other.proto_max)
        return newest if newest >= max(self.proto_min, other.proto_min) else 0


OURS: Final = Abilities(OLDEST, PROTOCOL, tuple(Kind), tuple(Codec), DICTIONARIES)
UNHEARD: Final = Abilities(1, 1, codecs=(Codec.RAW, Codec.ZSTD))
"""What every release ever made reads: assumed of an end that has not spoken yet."""
