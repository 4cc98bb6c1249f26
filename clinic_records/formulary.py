"""What may be prescribed and what it costs: central lists, each version replacing the one before."""

from datetime import date

import msgspec


class Medicine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the formulary.

    Attributes:
        code: the county's own code of it, unique in the list.
        name: generic name.
        strength: of one unit, as on the pack: `0.5 g`.
        unit: what is counted when it is handed over: a tablet, a box.
        ingredients: active substances by their generic names, also those in a compound patent medicine (hazard H14).
    """

    code: str
    name: str
    strength: str
    unit: str
    ingredients: tuple[str, ...] = ()


class Formulary(msgspec.Struct, frozen=True):
    """All medicines of the vehicles, by code."""

    medicines: tuple[Medicine, ...]


class Price(msgspec.Struct, frozen=True):
    """What one unit of a medicine, or one service, costs; 100 fen are one yuan."""

    code: str
    price_fen: int


class PriceList(msgspec.Struct, frozen=True):
    """Prices from a day on, by code."""

    effective_from: date
    prices: tuple[Price, ...]
