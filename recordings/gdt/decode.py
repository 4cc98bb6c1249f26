"""A GDT result (record 6310, or 6311 `show`) -> a recording (GDT 2.1, Qualitaetsring Medizinische Software).

Fields: 3000 patient number, 3101 name, 3102 first name, 3103 birth date DDMMYYYY, 3110 sex, 3622 height cm, 3623
weight kg, 6200/6201 date and time of the examination, 6205 diagnosis, 6220 findings, 6227 comment, 6228 result table,
6305 file, 8310 request, 8315/8316 receiver and sender, 8402 kind of examination, 8410 test, 8411 its name, 8418 status,
8420 value, 8421 unit, 8422 limit indicator, 8432/8439 its date and time, 8460 to 8462 normal values, 8470 hints, 8480
result as text.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from clinic_records.clock import CHINA
from clinic_records.errors import Hint, RefusedInput
from clinic_records.quantity import Quantity
from clinic_records.reading import AbsentReason, Numeric
from recordings.gdt.lines import Record, damaged, read_records
from recordings.gdt.tests import code_of
from recordings.modality_of_codes import modality_of
from recordings.signal import DecodedRecording
from recordings.written_units import ucum

FORMAT: Final = "gdt"
RESULT_KINDS: Final = frozenset({"6310", "6311"})
_OTHER_KINDS: Final[Mapping[str, str]] = {
    "6300": "a request for a patient's data",
    "6301": "a patient's data",
    "6302": "a request for an examination",
}
_MODALITIES: Final[tuple[tuple[str, str], ...]] = (
    ("EKG", "ecg"),
    ("LZEKG", "ecg"),
    ("LUFU", "spirometry"),
    ("SPIRO", "spirometry"),
    ("BDM", "blood-pressure"),
)
"""How 8402 begins (GDT 2.1, appendix) -> modality, where no test says it better."""
_SEXES: Final[Mapping[str, str]] = {"1": "M", "2": "F", "M": "M", "W": "F", "D": "O", "X": "O"}
"""3110: digits of GDT 2.1, letters of GDT 3."""
_REMARKS: Final[Mapping[str, str]] = {
    "6205": "diagnosis",
    "6220": "finding",
    "6221": "finding of others",
    "6227": "comment",
    "6228": "result table",
    "6305": "file",
}
_TEST: Final = "8410"
_TEST_NAME: Final = "8411"
_OF_A_TEST: Final = frozenset(f"84{number}" for number in range(11, 91))
_NUMBER: Final = re.compile(r"[+-]?\d{1,12}([.,]\d{1,9})?", re.ASCII)
_LONGEST: Final = 120
_MOST_NOTES: Final = 200
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_NO_RESULTS = Hint(
    "这个 GDT 文件里没有检查结果。请在设备上导出 6310 结果。",
    "This GDT file holds no results. Let the device export record 6310.",
)


def decode_gdt(raw: bytes) -> tuple[DecodedRecording, ...]:
    """The results in a file, one recording for each record.

    Raises:
        BadFrame: not whole; the message names the line.
        RefusedInput: whole, but without results; the message says what it is.
    """
    records = read_records(raw)
    results = tuple(_recording(record) for record in records if record.kind in RESULT_KINDS)
    if not results:
        kinds = {record.kind: _OTHER_KINDS.get(record.kind, "no result") for record in records}
        raise RefusedInput(
            "GDT file: " + "; ".join(f"record {kind[:8]} is {what}" for kind, what in list(kinds.items())[:10]),
            hint=_NO_RESULTS,
        )
    return results


def _recording(record: Record) -> DecodedRecording:
    numerics = tuple(_numeric(test) for test in _tests(record))
    remarks = [f"{_REMARKS[name]}: {content.strip()}" for name, content in record.fields if name in _REMARKS]
    if not numerics and not remarks:
        raise damaged(f"record {record.kind} holds no test (8410) and no finding (6220, 6228)")
    kind = record.first("8402").upper()
    by_kind = next((modality for begins, modality in _MODALITIES if kind.startswith(begins)), "document")
    start = _start(record)
    device = {
        "manufacturer": record.first("0102"),
        "model": record.first("0103") or record.first("8316"),
        "examination": kind,
        "time_zone": "assumed" if start else "",
    }
    return DecodedRecording(
        format=FORMAT,
        patient=_patient(record),
        device={key: value[:_LONGEST] for key, value in device.items() if value},
        start=start,
        numerics=numerics,
        notes=(*record.notes, *remarks)[:_MOST_NOTES],
        modality=modality_of(numerics, by_kind),
    )


def _tests(record: Record) -> list[dict[str, str]]:
    """The fields of each test, by field id; 8480 of several lines is one text."""
    tests: list[dict[str, str]] = []
    for name, content in record.fields:
        if name == _TEST or (name == _TEST_NAME and (not tests or _TEST_NAME in tests[-1])):
            tests.append({})
        if tests and (name == _TEST or name in _OF_A_TEST):
            before = tests[-1].get(name, "")
            tests[-1][name] = f"{before}\n{content.strip()}" if before else content.strip()
    return tests


def _numeric(test: dict[str, str]) -> Numeric:
    written, unit = test.get("8420", ""), ucum(test.get("8421", ""))
    code = code_of(test.get(_TEST, ""), test.get(_TEST_NAME, ""), unit)
    told = {
        "flag": test.get("8422", ""),
        "status": test.get("8418", ""),
        "reference": test.get("8460", "") or "-".join(filter(None, (test.get("8461", ""), test.get("8462", "")))),
        "comment": test.get("8470", ""),
    }
    context = {key: value[:_LONGEST] for key, value in told.items() if value}
    if _NUMBER.fullmatch(written) and unit:
        return Numeric(code, Quantity(Decimal(written.replace(",", ".")), unit), context=context)
    text = f"{written} {test.get('8421', '')}".strip() if written else test.get("8480", "")
    if not text:
        return Numeric(code, absent=AbsentReason.NOT_PERFORMED, context=context)
    return Numeric(code, context=context, text=text[:_LONGEST])


def _patient(record: Record) -> dict[str, str]:
    family, given = record.first("3101"), record.first("3102")
    born = _day(record.first("3103"))
    height, weight = record.first("3622"), record.first("3623")
    told = {
        "patient_id": record.first("3000"),
        "name": (("" if _HAN.search(family) else " ").join(filter(None, (family, given)))),
        "birth_date": f"{born:%Y-%m-%d}" if born else "",
        "sex": _SEXES.get(record.first("3110").upper(), ""),
        "height": f"{height} cm" if _NUMBER.fullmatch(height) else "",
        "weight": f"{weight} kg" if _NUMBER.fullmatch(weight) else "",
        "accession": record.first("8310"),
    }
    return {key: value[:_LONGEST] for key, value in told.items() if value}


def _start(record: Record) -> datetime | None:
    """Date and time of the first test, else of the examination, else of GDT 3's time stamp; both must be there."""
    for date_field, time_field in (("8432", "8439"), ("6200", "6201"), ("7278", "7279")):
        day, time = _day(record.first(date_field)), record.first(time_field)
        if day and re.fullmatch(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?", time, re.ASCII):
            return day.replace(hour=int(time[:2]), minute=int(time[2:4]), second=int(time[4:] or 0), tzinfo=CHINA)
    return None


def _day(written: str) -> datetime | None:
    """DDMMYYYY; GDT 3 writes YYYYMMDD, which cannot be mistaken: no month is above 12 and no year below 1300."""
    for form in ("%d%m%Y", "%Y%m%d"):
        try:
            found = datetime.strptime(written, form).replace(tzinfo=CHINA)
        except ValueError:
            continue
        if found.year >= 1850:
            return found
    return None
