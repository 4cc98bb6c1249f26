"""The 18-digit citizen number of GB 11643-1999: check character, birth date and sex in it."""

import re
from datetime import date
from typing import Final

from clinic_records.errors import Hint, RefusedInput
from clinic_records.people import Sex

_SHAPE: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""W(i) = 2^(i-1) mod 11 for i = 18..2 (GB 11643-1999, 4.2; ISO 7064 MOD 11-2)."""
_CHECK: Final = "10X98765432"
"""Check character for each remainder 0..10 of the weighted sum (same place)."""


def check_character(first_17: str) -> str:
    """The 18th character that belongs to the first 17 digits."""
    return _CHECK[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True)) % 11]


def _refuse(zh: str, en: str) -> RefusedInput:
    return RefusedInput(f"resident_id: {en}", hint=Hint(f"身份证号：{zh}", f"Identity number: {en}"))


def resident_id(text: str) -> str:
    """`text` without spaces and with a capital X, when it is a well-formed citizen number.

    Raises:
        RefusedInput: wrong length or characters, an impossible birth date, or a wrong check character.
    """
    number = text.replace(" ", "").upper()
    if not _SHAPE.fullmatch(number):
        raise _refuse("应为18位，最后一位可以是X", "it must have 18 digits, the last may be X")
    try:
        born(number)
    except ValueError:
        raise _refuse("第7到14位不是日期", "digits 7 to 14 are not a date") from None
    if number[17] != check_character(number[:17]):
        raise _refuse("校验码不对，请核对每一位", "the check digit is wrong; compare every digit")
    return number


def born(number: str) -> date:
    """The birth date in a citizen number.

    Raises:
        ValueError: digits 7 to 14 are not a date.
    """
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex(number: str) -> Sex:
    """The sex in a citizen number: digit 17 is odd for men (GB 11643-1999, 4.1.3)."""
    return Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
