"""What an analyser's own names of tests and units mean: one table (TOML) for each family of analysers.

The family is known by the sender in the header record (H-5). A name that is in no table stays the device's own.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from clinic_records.errors import RefusedInput
from clinic_records.observations import BY_KEY, Observation
from clinic_records.quantity import quantity
from recordings.written_units import ucum

LONGEST_CODE: Final = 60
"""Characters of a test's name that are kept."""


class Analyser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family.

    Attributes:
        maker: who makes it.
        senders: how a component of H-5 begins.
        sample_fields: fields of the order record that carry the sample's number, asked in this order.
        units: the device's own word for a unit -> UCUM.
        codes: the device's name of a test -> observations it may be; the unit it sends decides which.
        modality: of its recordings.
        pictures: how the names of results begin that only name a file on the analyser; they are left out.
        serial_component: component of H-5 with its serial number; 0 where that is not known.
    """

    maker: str
    senders: tuple[str, ...]
    sample_fields: tuple[int, ...]
    units: dict[str, str]
    codes: dict[str, tuple[str, ...]]
    modality: str = "laboratory"
    pictures: tuple[str, ...] = ()
    serial_component: int = 0

    def unit(self, written: str) -> str:
        """UCUM of a unit as the device wrote it; empty where that is none.

        `1` is what Pentra puts where the unit belongs, of cells and percentages alike, so it says nothing.
        """
        return "" if written == "1" else self.units.get(written) or ucum(written)

    def observation(self, name: str, unit: str) -> Observation | None:
        """The observation `name` stands for in UCUM `unit` (empty where unknown); None where it is in no table.

        A unit that fits none of them gives None too, where it is known: the name then does not mean what we think.
        """
        rows = [BY_KEY[key] for key in self.codes.get(name, ())]
        fitting = [row for row in rows if not unit or _fits(unit, row.unit)]
        return fitting[0] if fitting else None


UNKNOWN: Final = Analyser(maker="", senders=(), sample_fields=(3,), units={}, codes={})
"""For a sender of no family: names stay its own."""


@cache
def analysers() -> Mapping[str, Analyser]:
    """The families shipped with the program, by the name of their table."""
    folder = resources.files("recordings.astm") / "analysers"
    tables = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): msgspec.convert(tomllib.loads(file.read_text("utf-8")), Analyser)
        for file in tables
    }


def analyser_of(sender: list[str]) -> Analyser:
    """The family of a sender, told by the components of H-5."""
    for family in analysers().values():
        if any(part.startswith(family.senders) for part in sender):
            return family
    return UNKNOWN


def _fits(unit: str, kept_in: str) -> bool:
    try:
        quantity("1", unit).to(kept_in)
    except RefusedInput:
        return False
    return True
