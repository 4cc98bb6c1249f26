"""Multiplex groups of a DICOM waveform: chosen by originality and label, put at their offsets; never by their place."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from clinic_records.errors import BadFrame
from recordings.decode import decode

GENERAL_ECG = "1.2.840.10008.5.1.4.1.1.9.1.2"
AMBULATORY_ECG = "1.2.840.10008.5.1.4.1.1.9.1.3"
HEMODYNAMIC = "1.2.840.10008.5.1.4.1.1.9.2.1"


def code(value: str, scheme: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, value
    return Sequence([item])


def group(
    leads: dict[str, list[int]],
    *,
    label: str = "",
    origin: str = "ORIGINAL",
    hz: float = 500,
    at_ms: float = 0,
    unit: str = "uV",
) -> Dataset:
    item = Dataset()
    item.WaveformOriginality, item.MultiplexGroupLabel = origin, label
    item.MultiplexGroupTimeOffset = at_ms
    samples = np.array(list(leads.values()), dtype="<i2").T
    item.NumberOfWaveformSamples, item.NumberOfWaveformChannels = samples.shape
    item.SamplingFrequency = hz
    item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
    item.ChannelDefinitionSequence = Sequence([])
    for number in leads:
        channel = Dataset()
        channel.ChannelSourceSequence = code(number, "MDC" if number.startswith("2:") else "99TEST")
        channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = "2.5", "1"
        channel.ChannelBaseline = "0"
        channel.ChannelSensitivityUnitsSequence = code(unit, "UCUM")
        channel.WaveformBitsStored = 16
        item.ChannelDefinitionSequence.append(channel)
    item.WaveformData = samples.tobytes()
    return item


def stored(groups: list[Dataset], sop_class: str = GENERAL_ECG) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    dataset.Modality, dataset.PatientID = "ECG", "P-1"
    dataset.AcquisitionDateTime = "20261123094107+0800"
    dataset.WaveformSequence = Sequence(groups)
    target = BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


RHYTHM = group({"2:1": [1, 2, 3, 4], "2:2": [5, 6, 7, 8]}, label="RHYTHM")
MEDIAN = group({"2:1": [9, 9], "2:2": [9, 9]}, label="MEDIAN BEAT", origin="DERIVED", hz=1000)


@pytest.mark.parametrize("sop_class", [GENERAL_ECG, AMBULATORY_ECG])
@pytest.mark.parametrize("place", [0, 1])
def test_the_rhythm_is_found_wherever_it_stands(sop_class: str, place: int) -> None:
    groups = [MEDIAN]
    groups.insert(place, RHYTHM)
    decoded = decode(stored(groups, sop_class))
    assert [s.name for s in decoded.signals] == ["I", "II", "III", "aVR", "aVL", "aVF"]
    assert decoded.signals[0].samples.tolist() == [2.5, 5.0, 7.5, 10.0]
    assert decoded.start == datetime(2026, 11, 23, 1, 41, 7, tzinfo=UTC)
    assert "computed from leads I and II: III, aVR, aVL, aVF" in decoded.notes


def test_median_that_calls_itself_original_is_no_rhythm() -> None:
    median = group({"2:1": [9, 9]}, label="median beat")
    assert [len(s.samples) for s in decode(stored([median, group({"2:1": [1, 2, 3]})])).signals] == [3]
    assert decode(stored([median])).signals[0].samples.tolist() == [22.5, 22.5], "better than nothing"


def test_leads_taken_one_group_after_another_keep_their_places() -> None:
    """PS3.3 A.34.3.4: a twelve-lead ECG may be up to five groups."""
    decoded = decode(
        stored(
            [
                group({"2:3": [1, 2], "2:4": [3, 4]}, at_ms=5000),
                group({"2:1": [5, 6], "2:2": [7, 8]}, at_ms=2500),
                group({"2:2": [7, 8, 9]}, at_ms=2500, label="strip"),
            ]
        )
    )
    places = {s.name: s.start_s for s in decoded.signals}
    assert {name: places[name] for name in ("I", "II", "V1", "V2", "II (STRIP)")} == {
        "I": 0.0,
        "II": 0.0,
        "V1": 2.5,
        "V2": 2.5,
        "II (STRIP)": 0.0,
    }
    assert decoded.start == datetime(2026, 11, 23, 1, 41, 7, tzinfo=UTC) + timedelta(seconds=2.5)


def test_pressures_beside_the_ecg_of_a_hemodynamic_object() -> None:
    decoded = decode(
        stored([group({"2:2": [1, 2, 3, 4]}, hz=240), group({"ABP": [40, 41]}, hz=120, unit="mm[Hg]")], HEMODYNAMIC)
    )
    assert [(s.name, s.unit, s.sampling_hz, len(s.samples)) for s in decoded.signals] == [
        ("II", "uV", 240.0, 4),
        ("ABP", "mm[Hg]", 120.0, 2),
    ]


@pytest.mark.parametrize("count", [0, 65])
def test_no_groups_or_more_than_any_recorder_has(count: int) -> None:
    with pytest.raises(BadFrame, match=f"{count} groups"):
        decode(stored([group({"2:1": [1]}) for _ in range(count)]))


def test_object_longer_than_we_read_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordings.dicom.waveform.MAX_VALUES", 6)
    decoded = decode(
        stored([group({"2:3": [1, 2, 3, 4], "2:4": [5, 6, 7, 8]}), group({"2:5": [9]}, hz=10)], AMBULATORY_ECG)
    )
    assert {s.name: s.samples.tolist() for s in decoded.signals} == {
        "V1": [2.5, 5.0, 7.5],
        "V2": [12.5, 15.0, 17.5],
    }
    assert "only the first 3 of 4 samples of each channel are read" in decoded.notes
    assert "only the first 0 of 1 samples of each channel are read" in decoded.notes
