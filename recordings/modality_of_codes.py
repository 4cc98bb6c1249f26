"""What kind of measurement a set of codes is, for formats that carry any kind (HL7 v2, GDT, POCT1-A)."""

from collections.abc import Iterable
from typing import Final

from clinic_records.reading import Numeric

_MARKS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("gas", frozenset({"feno", "exhaled-co"})),
    ("spirometry", frozenset({"19868-9", "20150-9", "19926-5"})),
    ("blood-pressure", frozenset({"8480-6", "8462-4"})),
    ("oximetry", frozenset({"59408-5", "8889-8"})),
    ("ecg", frozenset({"8625-6", "8633-0", "8634-8"})),
    ("peak-flow", frozenset({"19935-6"})),
    ("temperature", frozenset({"8310-5"})),
    ("body", frozenset({"29463-7", "8302-2"})),
    ("glucose", frozenset({"14743-9", "41653-7", "15074-8", "2339-0"})),
)
"""The first modality of which there is a code is the one: a monitor's pressures come with its saturation."""


def modality_of(numerics: Iterable[Numeric], otherwise: str) -> str:
    """The modality of these observations; `otherwise` where no code of the table is among them."""
    codes = {numeric.code.code for numeric in numerics}
    return next((modality for modality, marks in _MARKS if codes & marks), otherwise)
