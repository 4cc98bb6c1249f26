"""Units as devices write them -> UCUM. What has two meanings (`G/L`: grams or 10*9) has none here."""

from collections.abc import Mapping
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.quantity import quantity

_AS_WRITTEN: Final[Mapping[str, str]] = {
    "g/l": "g/L",
    "T/L": "10*12/L",
    "C": "Cel",
    "F": "[degF]",
}
"""Right only in exactly this case of letters."""
_ANY_CASE: Final[Mapping[str, str]] = {
    "mmhg": "mm[Hg]",
    "kpa": "kPa",
    "bpm": "/min",
    "1/min": "/min",
    "{beat}/min": "/min",
    "{beats}/min": "/min",
    "beats/min": "/min",
    "{breath}/min": "/min",
    "{breaths}/min": "/min",
    "breaths/min": "/min",
    "次/分": "/min",
    "°c": "Cel",
    "degc": "Cel",
    "cel": "Cel",
    "°f": "[degF]",
    "degf": "[degF]",
    "l": "L",
    "ml": "mL",
    "l/s": "L/s",
    "l/sec": "L/s",
    "l/min": "L/min",
    "sec": "s",
    "mmol/l": "mmol/L",
    "umol/l": "umol/L",
    "nmol/l": "nmol/L",
    "pmol/l": "pmol/L",
    "mmol/mol": "mmol/mol",
    "g/dl": "g/dL",
    "gm/dl": "g/dL",
    "mg/dl": "mg/dL",
    "mg/l": "mg/L",
    "ug/dl": "ug/dL",
    "mcg/dl": "ug/dL",
    "ug/l": "ug/L",
    "ng/ml": "ng/mL",
    "pg/ml": "pg/mL",
    "u/l": "U/L",
    "iu/l": "[IU]/L",
    "miu/l": "m[IU]/L",
    "uiu/ml": "u[IU]/mL",
    "x10*9/l": "10*9/L",
    "10*9/l": "10*9/L",
    "10^9/l": "10*9/L",
    "x10^9/l": "10*9/L",
    "10e9/l": "10*9/L",
    "/nl": "10*9/L",
    "10*3/ul": "10*3/uL",
    "10^3/ul": "10*3/uL",
    "x10^3/ul": "10*3/uL",
    "x10*12/l": "10*12/L",
    "10*12/l": "10*12/L",
    "10^12/l": "10*12/L",
    "x10^12/l": "10*12/L",
    "10e12/l": "10*12/L",
    "/pl": "10*12/L",
    "10*6/ul": "10*6/uL",
    "10^6/ul": "10*6/uL",
    "x10^6/ul": "10*6/uL",
    "fl": "fL",
    "ratio": "1",
    "mm/hr": "mm/h",
    "mm/h": "mm/h",
    "ppb": "[ppb]",
    "ppm": "[ppm]",
    "公斤": "kg",
    "厘米": "cm",
    "斤": "[jin_cn]",
}
"""Keys in lower case, without spaces, with `u` for the micro sign."""
_SAME_SIGN: Final = str.maketrans({"µ": "u", "μ": "u", "º": "°", "℃": "°c", "℉": "°f", " ": None, "\u3000": None})


def ucum(written: str) -> str:
    """The UCUM code of a unit as a device wrote it; empty where it is unknown, or could mean two."""
    name = written.strip()[:40].translate(_SAME_SIGN)
    for code in (name, _AS_WRITTEN.get(name, ""), _ANY_CASE.get(name.lower(), "")):
        if code and _is_known(code):
            return code
    return ""


def _is_known(code: str) -> bool:
    try:
        quantity("1", code)
    except RefusedInput:
        return False
    return True
