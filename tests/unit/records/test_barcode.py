"""What a scanned code is."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.barcode import LONGEST, Kind, Scan, read_code
from clinic_records.errors import RefusedInput
from clinic_records.gs1 import gtin_check
from clinic_records.ids import DeviceId, EncounterId, uuid7
from clinic_records.resident_id import check_character
from vehicle_agent.visits.orders import accession_of, sample_of

PERSON = "0192e7a0-1234-7abc-8def-0123456789ab"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (PERSON, Kind.PERSON, PERSON),
        (f"MC1:{PERSON.upper()}\r\n", Kind.PERSON, PERSON),
        ("11010519491231002x", Kind.RESIDENT, "11010519491231002X"),
        ("1101051949123100 2X", Kind.UNKNOWN, "1101051949123100 2X"),
        ("110105194912310021", Kind.UNKNOWN, "110105194912310021"),
        ("3300" * 7, Kind.INSURANCE, "3300" * 7),
        ("81234567890123456789", Kind.TRACE, "81234567890123456789"),
        ("6901234567892", Kind.PRODUCT, "06901234567892"),
        ("]E06901234567892", Kind.PRODUCT, "06901234567892"),
        ("6901234567893", Kind.UNKNOWN, "6901234567893"),
        ("96385074", Kind.PRODUCT, "00000096385074"),
        ("样本 7 号", Kind.UNKNOWN, "样本 7 号"),
        ("()", Kind.UNKNOWN, "()"),
    ],
)
def test_the_form_decides(text: str, kind: Kind, value: str) -> None:
    scan = read_code(text)
    assert (scan.kind, scan.value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "]d20106901234567892172712311024A7\x1d21S000017",
        "\x1d010690123456789221S000017\x1d1024A7\x1d17271231",
        "(01)06901234567892(17)271231(10)24A7(21)S000017",
    ],
)
def test_a_pack_says_lot_expiry_and_serial_in_any_order(text: str) -> None:
    scan = read_code(text)
    assert scan.kind is Kind.PRODUCT
    assert (scan.value, scan.lot, scan.serial, scan.expires) == (
        "06901234567892",
        "24A7",
        "S000017",
        date(2027, 12, 31),
    )


@pytest.mark.parametrize(
    ("day", "expires"), [("270200", date(2027, 2, 28)), ("280200", date(2028, 2, 29)), ("990101", date(1999, 1, 1))]
)
def test_day_00_is_the_last_of_the_month_and_the_century_is_the_nearest(day: str, expires: date) -> None:
    assert read_code(f"010690123456789217{day}").expires == expires


@pytest.mark.parametrize(
    "text",
    [
        "0106901234567893",  # wrong check digit
        "010690123456789217271331",  # no such month
        "01069012345678921727",  # cut
        "01069012345678920106901234567892",  # twice
        "1024A7",  # no product
        "010690123456789299X",  # an identifier we do not know: nothing may be guessed behind it
        "(01)06901234567892x(10)A",
    ],
)
def test_a_doubtful_pack_is_no_product(text: str) -> None:
    assert read_code(text).kind is not Kind.PRODUCT


@pytest.mark.parametrize("text", ["", " \r\n", "x" * (LONGEST + 1)])
def test_nothing_and_too_much_are_refused(text: str) -> None:
    with pytest.raises(RefusedInput):
        read_code(text)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_our_own_codes_are_known(unix_ms: int, bits: int) -> None:
    person = uuid7(unix_ms, bits)
    assert read_code(f"MC1:{person}") == Scan(Kind.PERSON, f"MC1:{person}", person)
    accession = accession_of(EncounterId(person), DeviceId("ecg-1"))
    assert read_code(accession).kind in {Kind.SAMPLE, Kind.PRODUCT}
    assert read_code(accession).text == accession
    assert read_code(sample_of(EncounterId(person), DeviceId("xp-1"))).kind is Kind.SAMPLE


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.integers(0, 999))
def test_every_citizen_number_is_known_and_every_wrong_check_digit_is_not(born: date, serial: int) -> None:
    first = f"331127{born:%Y%m%d}{serial:03d}"
    right = check_character(first)
    assert read_code(first + right).kind is Kind.RESIDENT
    wrong = next(digit for digit in "0123456789" if digit != right)
    assert read_code(first + wrong).kind is not Kind.RESIDENT


@given(st.text(max_size=60) | st.from_regex(r"\A(01[0-9]{14})?(1[017]|21)[0-9A-Z\x1d]{0,30}\Z"))
def test_no_text_breaks_it(text: str) -> None:
    try:
        scan = read_code(text)
    except RefusedInput:
        return
    assert scan.text
    assert scan.value


@given(st.text("0123456789", min_size=7, max_size=13))
def test_one_wrong_digit_is_found(digits: str) -> None:
    check = next(digit for digit in "0123456789" if gtin_check(digits + digit))
    wrong = str((int(digits[0]) + 1) % 10) + digits[1:]
    assert not gtin_check(wrong + check)
