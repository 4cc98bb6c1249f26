"""What the tests of a GDT result are called (field 8410 or 8411) and what they mean.

GDT leaves the names to the device. These are the field's own abbreviations (ATS/ERS 2019, table 1; the German
guideline's MEF counts the volume still in the lung, so MEF75 is FEF25). A name is taken only where the unit fits.
"""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from clinic_records.reading import Code

_TESTS: Final[Mapping[str, str]] = {
    "FVC": "loinc:19868-9",
    "FEV1": "loinc:20150-9",
    "FEV1/FVC": "loinc:19926-5",
    "FEV1%FVC": "loinc:19926-5",
    "FEV1FVC": "loinc:19926-5",
    "PEF": "loinc:19935-6",
    "FEF25-75": "local:fef25-75",
    "FEF2575": "local:fef25-75",
    "MMEF": "local:fef25-75",
    "MEF25-75": "local:fef25-75",
    "MEF2575": "local:fef25-75",
    "FEF25": "local:fef25",
    "FEF50": "local:fef50",
    "FEF75": "local:fef75",
    "MEF75": "local:fef25",
    "MEF50": "local:fef50",
    "MEF25": "local:fef75",
    "FEV0.5": "local:fev0.5",
    "FEV3": "local:fev3",
    "FEV6": "local:fev6",
    "FET": "local:fet",
    "FENO": "local:feno",
    "NO": "local:feno",
    "ECO": "local:exhaled-co",
    "CO": "local:exhaled-co",
    "HF": "loinc:8867-4",
    "HR": "loinc:8867-4",
    "PQ": "loinc:8625-6",
    "PR": "loinc:8625-6",
    "QRS": "loinc:8633-0",
    "QT": "loinc:8634-8",
    "QTC": "loinc:8636-3",
    "SYS": "loinc:8480-6",
    "DIA": "loinc:8462-4",
}
"""Upper case, without spaces."""


def code_of(ident: str, name: str, unit: str) -> Code:
    """The code of test 8410 `ident` called 8411 `name`, measured in UCUM `unit`; else the device's own, `gdt:...`."""
    for written in (ident, name):
        row = BY_KEY.get(_TESTS.get("".join(written.split()).upper(), ""))
        if row is not None and _fits(unit, row.unit):
            return row.as_code()
    return Code("local", f"gdt:{ident or name}", name or ident)


def _fits(unit: str, kept_in: str) -> bool:
    try:
        quantity("1", unit).to(kept_in)
    except RefusedInput:
        return False
    return True
