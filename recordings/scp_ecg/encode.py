"""Twelve (or eight) lead arrays -> one SCP record, as an electrocardiograph would send it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from clinic_records.errors import RefusedInput
from recordings.arrays import FloatArray
from recordings.scp_ecg.huffman import DEFAULT_TABLE_NUMBER, encode_default
from recordings.scp_ecg.leads import NUMBERS, write_leads
from recordings.scp_ecg.measurements import write_measurements
from recordings.scp_ecg.record import join
from recordings.scp_ecg.samples import IntArray, SampleHead, differentiate, write_samples
from recordings.scp_ecg.tags import HeaderFields, write_header

MAX_LEAD_BYTES: Final = 65535
"""The byte count of a lead is a u16 (SCP 5.9.3)."""


@dataclass(frozen=True, slots=True, eq=False)
class EcgForScp:
    """What to write.

    Attributes:
        leads: name (`I`, `II`, `V1` ... of `leads.NAMES`) -> samples in microvolts, all of one length.
        sampling_hz: samples a second; 1 000 000 / sampling_hz must be a whole number of microseconds.
        multiplier_nv: nanovolts a step; the samples are rounded to it.
        is_compressed: second differences in the default Huffman table; else plain 16-bit samples.
        heart_rate: beats a minute for section 7, with `rr_ms` and `qtc_ms`; 0 leaves section 7 out.
    """

    header: HeaderFields
    leads: Mapping[str, FloatArray]
    sampling_hz: float
    multiplier_nv: int = 1000
    is_compressed: bool = True
    heart_rate: int = 0
    rr_ms: int = 29999
    qtc_ms: int = 29999


def encode_scp(ecg: EcgForScp) -> bytes:
    """The SCP record of `ecg`: sections 0, 1, 2 (when compressed), 3, 6 and 7 (when there is a heart rate).

    Raises:
        RefusedInput: leads of unequal length, an unknown lead, or samples the record cannot hold.
    """
    lengths = {len(samples) for samples in ecg.leads.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise RefusedInput(f"SCP-ECG: the leads must have one length above 0, not {sorted(lengths)}")
    unknown = [name for name in ecg.leads if name not in NUMBERS]
    if unknown:
        raise RefusedInput(f"SCP-ECG: no standard number for lead {', '.join(unknown)}")
    interval_us = round(1_000_000 / ecg.sampling_hz)
    if not 1 <= interval_us <= 65535 or abs(interval_us * ecg.sampling_hz - 1_000_000) > 1e-3:
        raise RefusedInput(f"SCP-ECG: {ecg.sampling_hz} Hz is not a whole number of microseconds")
    steps = {name: _steps(samples, ecg.multiplier_nv, name) for name, samples in ecg.leads.items()}
    encoded = [_encode(values, ecg.is_compressed, name) for name, values in steps.items()]
    head = SampleHead(ecg.multiplier_nv, interval_us, 2 if ecg.is_compressed else 0, is_bimodal=False)
    bodies = {
        1: write_header(ecg.header),
        3: write_leads(list(steps), lengths.pop()),
        6: write_samples(head, encoded),
    }
    if ecg.is_compressed:
        bodies[2] = DEFAULT_TABLE_NUMBER.to_bytes(2, "little")
    if ecg.heart_rate:
        bodies[7] = write_measurements(rr_ms=ecg.rr_ms, heart_rate=ecg.heart_rate, qtc_ms=ecg.qtc_ms)
    return join(bodies)


def _steps(samples: FloatArray, multiplier_nv: int, name: str) -> IntArray:
    steps = np.rint(np.asarray(samples, dtype=np.float64) * (1000.0 / multiplier_nv))
    if not np.all(np.abs(steps) <= 32767):
        raise RefusedInput(f"SCP-ECG: lead {name} has samples beyond 16 bits of {multiplier_nv} nV, or not numbers")
    return steps.astype(np.int64)


def _encode(values: IntArray, is_compressed: bool, name: str) -> bytes:
    if not is_compressed:
        data = values.astype("<i2").tobytes()
    else:
        differences = differentiate(values)
        if np.abs(differences).max() > 32767:
            raise RefusedInput(f"SCP-ECG: lead {name} jumps by more than 16 bits; write it uncompressed")
        data = encode_default(differences)
    if len(data) > MAX_LEAD_BYTES:
        raise RefusedInput(f"SCP-ECG: lead {name} needs {len(data)} bytes, the record holds {MAX_LEAD_BYTES}")
    return data
