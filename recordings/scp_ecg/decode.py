"""A whole SCP record -> a decoded recording, all leads in microvolts."""

from typing import Final

import numpy as np

from clinic_records.errors import BadFrame, Hint
from recordings.arrays import FloatArray
from recordings.leads import add_derived_leads, derived_note
from recordings.scp_ecg.beats import BeatTable, add_reference_beat, read_beats
from recordings.scp_ecg.bimodal import expand, stored_samples
from recordings.scp_ecg.huffman import HuffmanCoder, read_tables
from recordings.scp_ecg.leads import LeadTable, read_leads
from recordings.scp_ecg.measurements import read_measurements
from recordings.scp_ecg.record import damaged, looks_like_scp, split
from recordings.scp_ecg.samples import SampleHead, read_head, read_samples
from recordings.scp_ecg.statements import read_statements
from recordings.scp_ecg.tags import read_header
from recordings.signal import DecodedRecording, Signal

FORMAT: Final = "scp-ecg"
_NV_PER_UV: Final = 1000.0
_US_PER_S: Final = 1_000_000.0

_NOT_THE_STANDARD = Hint(
    "这个文件不是标准的 SCP-ECG（例如力康 Prince 180 的 .SCP）。请在设备上改用 DICOM 或标准 SCP 输出。",
    "This file is not standard SCP-ECG (Healforce Prince 180 writes such .SCP files). "
    "Set the device to export DICOM or standard SCP.",
)


def decode_scp(raw: bytes) -> DecodedRecording:
    """The recording in the SCP record `raw`.

    Raises:
        BadFrame: it is not an SCP record, or is cut or damaged; the message names section and field.
    """
    if not looks_like_scp(raw):
        raise BadFrame(
            "not an SCP-ECG record of EN 1064: section 0 at byte 16 does not say SCPECG and the record's checksum "
            "does not match either",
            hint=_NOT_THE_STANDARD,
        )
    sections = split(raw)
    for number in (1, 3, 6):
        if number not in sections:
            raise damaged(f"section {number} is missing; without it there is no curve to show")
    header = read_header(sections[1])
    table = read_leads(sections[3])
    head = read_head(sections[6], 6)
    coder = read_tables(sections[2]) if 2 in sections else None
    leads, interval_us = _rhythm(sections, table, head, coder)
    cut = [lead.name for lead, values in zip(table.leads, leads, strict=True) if len(values) < lead.samples - 1]
    start = min(lead.first for lead in table.leads)
    signals = tuple(
        Signal(
            lead.name,
            "uV",
            _US_PER_S / interval_us,
            values * (head.multiplier_nv / _NV_PER_UV),
            (lead.first - start) * interval_us / _US_PER_S,
        )
        for lead, values in zip(table.leads, leads, strict=True)
    )
    shown = add_derived_leads(signals)
    return DecodedRecording(
        format=FORMAT,
        patient=header.patient,
        device=header.device,
        start=header.start,
        signals=shown,
        numerics=read_measurements(sections[7]) if 7 in sections else (),
        notes=_cut_note(cut) + derived_note(signals, shown) + (read_statements(sections[8]) if 8 in sections else ()),
    )


def _cut_note(names: list[str]) -> tuple[str, ...]:
    return (f"the record holds fewer samples than it says of {', '.join(names)}",) if names else ()


def _rhythm(
    sections: dict[int, bytes], table: LeadTable, head: SampleHead, coder: HuffmanCoder | None
) -> tuple[list[FloatArray], int]:
    """Every lead in steps of the multiplier at its full rate, and the microseconds between samples."""
    beats = read_beats(sections[4]) if 4 in sections else BeatTable(0, (), ())
    names = [lead.name for lead in table.leads]
    interval_us = head.interval_us
    factor = 1
    if head.is_bimodal or table.is_beat_subtracted:
        if 5 not in sections:
            raise damaged("section 5 is missing; section 6 was compressed with its reference beat")
        interval_us = read_head(sections[5], 5).interval_us
        factor, rest = divmod(head.interval_us, interval_us)
        if rest or factor < 1 or (factor > 1 and not head.is_bimodal):
            raise damaged(
                f"section 6: {head.interval_us} us between samples does not go with {interval_us} us in section 5"
            )
    zones = beats.protected if head.is_bimodal else ()
    counts = [stored_samples(lead, zones, factor) for lead in table.leads]
    stored = read_samples(sections[6], 6, names, counts, coder)
    if factor == 1 and not zones:
        leads = [values.astype(np.float64) for values in stored]
    elif [len(values) for values in stored] != counts:
        raise damaged("section 6: a lead holds fewer samples than its protected stretches need")
    else:
        leads = [expand(v, lead, zones, factor) for v, lead in zip(stored, table.leads, strict=True)]
    if table.is_beat_subtracted:
        for lead, values, reference in zip(table.leads, leads, _reference(sections, names, coder), strict=True):
            add_reference_beat(values, reference / head.multiplier_nv, beats, lead.first)
    return leads, interval_us


def _reference(sections: dict[int, bytes], names: list[str], coder: HuffmanCoder | None) -> list[FloatArray]:
    """The reference beat of every lead, in nanovolts."""
    if 4 not in sections:
        raise damaged("section 4 is missing; it says where the reference beat was subtracted")
    head = read_head(sections[5], 5)
    length_ms = int.from_bytes(sections[4][:2], "little")
    count = length_ms * 1000 // head.interval_us
    beats = read_samples(sections[5], 5, names, [count] * len(names), coder)
    return [beat.astype(np.float64) * head.multiplier_nv for beat in beats]
