"""The fixes of a satellite receiver: a recording for each, of what its sentences say (`recordings.nmea_sentences`)."""

import re
from decimal import Decimal
from typing import Final

from clinic_records.errors import RefusedInput
from clinic_records.observations import BY_KEY
from clinic_records.quantity import quantity
from clinic_records.reading import Numeric
from recordings.nmea_sentences import ROLLED_OVER, field_of, fix_time, position_of, sentences_of
from recordings.signal import DecodedRecording

LARGEST: Final = 1 << 20
"""Bytes of sentences at once: a receiver says some 500 a second."""


def decode_nmea(raw: bytes) -> tuple[DecodedRecording, ...]:
    """One recording for each fix; a fix is an RMC sentence with what other sentences of its second say.

    Raises:
        BadFrame: damaged sentences.
        RefusedInput: no fix in them, or too many bytes.
    """
    if len(raw) > LARGEST:
        raise RefusedInput(f"{len(raw)} bytes of NMEA sentences are more than {LARGEST}")
    sentences = sentences_of(raw)
    altitudes = {field_of(each, 1): each for each in sentences if each[0].endswith("GGA")}
    found = [
        _recording(each, position, altitudes.get(field_of(each, 1), []))
        for each in sentences
        if each[0].endswith("RMC") and (position := position_of(each)) is not None
    ]
    if not found:
        raise RefusedInput("the receiver has no fix in these sentences")
    return tuple(found)


def _recording(rmc: list[str], position: tuple[Decimal, Decimal], gga: list[str]) -> DecodedRecording:
    told = [
        ("latitude", str(position[0]), "deg"),
        ("longitude", str(position[1]), "deg"),
        ("ground-speed", field_of(rmc, 7), "[kn_i]"),
        ("course", field_of(rmc, 8), "deg"),
        ("altitude", field_of(gga, 9) if field_of(gga, 10) == "M" else "", "m"),
        ("satellites", field_of(gga, 7), "1"),
        ("horizontal-dilution", field_of(gga, 8), "1"),
    ]
    start = fix_time(rmc)
    notes = ("the date is of before 2020: the week number has begun again",) if start and start < ROLLED_OVER else ()
    numerics = tuple(_numeric(code, value, unit) for code, value, unit in told if re.fullmatch(r"-?\d+(\.\d+)?", value))
    return DecodedRecording("nmea", modality="position", start=start, numerics=numerics, notes=notes)


def _numeric(code: str, value: str, unit: str) -> Numeric:
    return Numeric(BY_KEY[f"local:{code}"].as_code(), quantity(value, unit))
