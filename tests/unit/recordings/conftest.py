"""A made ECG and helpers to damage records."""

import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from clinic_records.clock import CHINA
from recordings.arrays import FloatArray
from recordings.scp_ecg.crc import crc_ccitt
from recordings.scp_ecg.encode import EcgForScp, encode_scp
from recordings.scp_ecg.tags import HeaderFields

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def made_ecg(samples: int = 1000, hz: float = 500) -> dict[str, FloatArray]:
    """Eight leads of spikes on slow waves, in whole steps of 5 uV."""
    time = np.arange(samples) / hz
    beat = np.exp(-(((time % 0.8) - 0.3) ** 2) / 0.0004) + 0.2 * np.exp(-(((time % 0.8) - 0.55) ** 2) / 0.004)
    return {name: np.rint((900 - 90 * k) * beat / 5 + 20 * np.sin(6 * time + k)) * 5.0 for k, name in enumerate(EIGHT)}


@pytest.fixture(scope="session")
def header() -> HeaderFields:
    return HeaderFields("P-17", "王秀英", TAKEN, sex="F", age_years=67, model="EC12", manufacturer="Made")


@pytest.fixture(scope="session")
def small_scp(header: HeaderFields) -> bytes:
    """A compressed record of eight leads and two seconds."""
    return encode_scp(EcgForScp(header, made_ecg(), 500, 5000, heart_rate=75, rr_ms=800, qtc_ms=410))


@pytest.fixture(scope="session")
def example_scp() -> bytes:
    path = Path(__file__).resolve().parents[4] / "shared/data/devices/scp/ECGToolkit__Example.scp"
    if not path.is_file():
        pytest.skip("no ../shared/data here")
    return path.read_bytes()


def with_right_checksums(raw: bytes) -> bytes:
    """The record with every checksum that can still be found made right, as a hostile sender would."""
    record = bytearray(raw)
    if len(record) < 38:
        return raw
    pointers = struct.unpack_from("<I", record, 10)[0]
    spans = [(6, pointers)]
    spans += [
        (place - 1, size)
        for at in range(22, min(6 + pointers, len(record)) - 9, 10)
        for _, size, place in [struct.unpack_from("<HII", record, at)]
    ]
    for at, size in spans:
        if at >= 6 and size >= 16 and at + size <= len(record):
            struct.pack_into("<H", record, at, crc_ccitt(bytes(record[at + 2 : at + size])))
    length = min(struct.unpack_from("<I", record, 2)[0], len(record))
    struct.pack_into("<H", record, 0, crc_ccitt(bytes(record[2:length])))
    return bytes(record)


@pytest.fixture(scope="session")
def fix_checksums() -> Callable[[bytes], bytes]:
    return with_right_checksums


@pytest.fixture(scope="session")
def make_ecg() -> Callable[..., dict[str, FloatArray]]:
    return made_ecg
