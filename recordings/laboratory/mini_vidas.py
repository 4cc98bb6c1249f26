"""Results of a bioMérieux mini VIDAS, as seen in a captured message (senaite.astm: mini_vidas).

STX, fields, GS, checksum. A field is RS, two letters that name it, its value and `|`: mt message type (`rsl`), pi
patient number, pn patient name, ci sample number, rt test, rn its name, tt and td time and date (month/day/year), ql
the verdict, qn the value. The checksum is the sum of all bytes after STX up to and with GS, modulo 256, as two
hexadecimal digits; it was recomputed on the captured message. Several tests follow one another, each from rt on.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.reading import Numeric
from recordings.laboratory.text import bad, characters, moment, said
from recordings.signal import DecodedRecording

FORMAT: Final = "mini-vidas"
STX: Final = b"\x02"
GS: Final = b"\x1d"
RS: Final = "\x1e"
_DEVICE: Final = "mini VIDAS"
_MESSAGE: Final = re.compile(rb"\x02(\x1e[^\x02\x1d]*)\x1d(..)[\x03\x04\r\n]*", re.DOTALL)
_VALUE: Final = re.compile(r"([<>]?\s*\d{1,9}(?:\.\d{1,9})?)\s*(\S{0,20})", re.ASCII)
_TESTS: Final[Mapping[str, str]] = {"HBCT": "loinc:13952-7"}
"""rt -> observation; HBCT is antibodies to hepatitis B core antigen, all of them."""
_MOST_FIELDS: Final = 200


def looks_like_mini_vidas(raw: bytes) -> bool:
    """Whether the bytes begin as its messages do."""
    return raw.startswith(b"\x02\x1emt")


def checksum(body: bytes) -> bytes:
    """The two digits for `body`: everything after STX, with GS."""
    return b"%02x" % (sum(body) & 0xFF)


def fault_of(raw: bytes) -> str:
    """Why `raw`, from STX to the checksum, is no whole message; empty where it is one."""
    match = _MESSAGE.fullmatch(raw)
    if match is None:
        return "mini VIDAS message cut or damaged"
    expected = checksum(match[1] + GS)
    return "" if match[2].lower() == expected else f"mini VIDAS checksum {expected!r}, it says {match[2]!r}"


def decode_mini_vidas(raw: bytes) -> DecodedRecording:
    """The tests of one sample.

    Raises:
        BadFrame: damaged.
        RefusedInput: a message of another type, or without a result.
    """
    text = characters(raw, _DEVICE)
    if fault := fault_of(raw):
        raise bad(_DEVICE, fault)
    fields = [(part[:2], part[2:].rstrip("|").strip()) for part in text[2 : text.rindex("\x1d")].split(RS)]
    if len(fields) > _MOST_FIELDS:
        raise bad(_DEVICE, f"more than {_MOST_FIELDS} fields")
    head = dict(reversed(fields))
    if head.get("mt") != "rsl":
        raise RefusedInput(f"{_DEVICE}: message of type {head.get('mt', '')[:10]!r} carries no results")
    tests = list(_tests(fields))
    if not tests:
        raise RefusedInput(f"{_DEVICE}: no result in the message")
    patient = {"accession": head.get("ci", ""), "patient_id": head.get("pi", ""), "name": head.get("pn", "")}
    started = [when for test in tests if (when := _start(test)) is not None]
    return DecodedRecording(
        format=FORMAT,
        patient={key: words for key, words in patient.items() if words},
        device={"manufacturer": "bioMérieux", "model": "mini VIDAS"} | ({"time_zone": "assumed"} if started else {}),
        start=min(started, default=None),
        numerics=tuple(_numeric(test) for test in tests),
        notes=("the date is read as month/day/year",) if started else (),
    )


def _tests(fields: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """The fields of each test, from its rt on."""
    test: dict[str, str] = {}
    for name, value in fields:
        if name == "rt":
            if test:
                yield test
            test = {}
        if name == "rt" or test:
            test[name] = value
    if test:
        yield test


def _numeric(test: dict[str, str]) -> Numeric:
    """The verdict with its value beside it; where there is no verdict, the value."""
    name, verdict, value = test["rt"], test.get("ql", ""), test.get("qn", "")
    key, own = _TESTS.get(name, ""), f"vidas:{name}"
    if verdict:
        return said(key, own, verdict, context={"value": value} if value else {})
    match = _VALUE.fullmatch(value)
    return said(key, own, match[1], match[2]) if match else said(key, own, value)


def _start(test: dict[str, str]) -> datetime | None:
    day = re.fullmatch(r"(\d\d)/(\d\d)/(\d\d)", test.get("td", ""), re.ASCII)
    time = re.fullmatch(r"(\d\d):(\d\d)", test.get("tt", ""), re.ASCII)
    return moment(day[3], day[1], day[2], time[1], time[2]) if day and time else None
