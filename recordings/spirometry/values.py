"""The numbers of one forced expiration and their codes.

LOINC 2.x names: 19868-9 forced vital capacity by spirometry, 20150-9 FEV1, 19926-5 FEV1/FVC, 19935-6 maximum
expiratory gas flow. LOINC shows L/min as the example unit of the last; L/s is a unit of the same property (volume
rate), it is what spirometers give (ATS/ERS 2019, table 1) and what we keep. The others have local codes.
"""

from decimal import Decimal
from typing import Final

from clinic_records.quantity import quantity
from clinic_records.reading import Code, Numeric

FVC: Final = Code("loinc", "19868-9", "Forced vital capacity by spirometry")
FEV1: Final = Code("loinc", "20150-9", "FEV1")
FEV1_FVC: Final = Code("loinc", "19926-5", "FEV1/FVC")
PEF: Final = Code("loinc", "19935-6", "Maximum expiratory gas flow")
FEF2575: Final = Code("local", "fef25-75", "Mean forced expiratory flow between 25 % and 75 % of FVC")
FEV05: Final = Code("local", "fev0.5", "Forced expiratory volume in 0.5 s")
FEV3: Final = Code("local", "fev3", "Forced expiratory volume in 3 s")
FEV6: Final = Code("local", "fev6", "Forced expiratory volume in 6 s")
FEF25: Final = Code("local", "fef25", "Forced expiratory flow at 25 % of FVC")
FEF50: Final = Code("local", "fef50", "Forced expiratory flow at 50 % of FVC")
FEF75: Final = Code("local", "fef75", "Forced expiratory flow at 75 % of FVC")
FET: Final = Code("local", "fet", "Forced expiratory time")


def numeric(code: Code, value: str | float | Decimal, unit: str, **context: str) -> Numeric:
    """One number with its unit and context."""
    return Numeric(code, quantity(value, unit), context=context)
