"""What it costs, the same for every vehicle."""

from typing import Final

from clinic_records.formulary import PriceList
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

PRICES: Final = MessageKind(Kind.PRICES, Owner.CENTRAL, Lane.P2, PriceList, (Maker.HOSPITAL,))
