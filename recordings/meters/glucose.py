"""A blood glucose meter's number, which its protocol sends in mg/dL, and the same in mmol/L.

The factor is the molar mass of glucose, 180.156 g/mol (C6H12O6, IUPAC standard atomic weights 2021). What we compute is
rounded to one decimal, as meters display it, and says that it is computed. Beyond the meter's range there is no number.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from clinic_records.observations import BY_KEY
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric

TOLD: Final = BY_KEY["loinc:41653-7"]
COMPUTED: Final = BY_KEY["loinc:14743-9"]
_MG_DL_PER_MMOL_L: Final = Decimal("18.0156")
_ONE_DECIMAL: Final = Decimal("0.1")
_BEYOND: Final = {"HI": "above", "LO": "below"}


def glucose(mg_dl: int, measuring_range: range, context: Mapping[str, str]) -> tuple[tuple[Numeric, ...], list[str]]:
    """Numerics in mg/dL and mmol/L, and notes; beyond `measuring_range` the text HI or LO and no number."""
    if mg_dl not in measuring_range:
        word = "LO" if mg_dl < measuring_range.start else "HI"
        absent = Numeric(TOLD.as_code(), absent=AbsentReason.NOT_A_NUMBER, context=dict(context), text=word)
        limits = f"{measuring_range.start} to {measuring_range.stop - 1} mg/dL"
        return (absent,), [f"{word}: {_BEYOND[word]} what the meter measures ({limits}); treat at once, measure again"]
    told = Numeric(TOLD.as_code(), Quantity(Decimal(mg_dl), TOLD.unit), None, dict(context))
    mmol_l = (mg_dl / _MG_DL_PER_MMOL_L).quantize(_ONE_DECIMAL)
    computed = dict(context) | {"computed": "from mg/dL"}
    return (told, Numeric(COMPUTED.as_code(), Quantity(mmol_l, COMPUTED.unit), None, computed)), []
