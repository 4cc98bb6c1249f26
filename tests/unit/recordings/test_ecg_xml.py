"""ECG files in XML: aECG, Philips Sierra, GE MUSE. Files we build, real ones where they are, and damaged ones."""

import base64
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from clinic_records.reading import AbsentReason
from devices.simulators.ecg_xml import Examination, aecg_file, muse_file, sierra_file
from recordings.aecg import times
from recordings.aecg.decode import decode_aecg, looks_like_aecg
from recordings.arrays import FloatArray
from recordings.decode import decode
from recordings.ge_muse import decode_muse, looks_like_muse
from recordings.leads import TWELVE
from recordings.philips_sierra.decode import decode_sierra, looks_like_sierra
from recordings.philips_sierra.xli import pack_leads, restore_limb_leads, split_limb_leads, unpack_leads
from recordings.signal import DecodedRecording

TAKEN = datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)
STEP_UV = {"aecg": 2.5, "philips-sierra": 5.0, "ge-muse": 4.88}
MEASURED = {"8867-4": 71, "8625-6": 160, "8633-0": 92, "8634-8": 392, "8636-3": 426}
FILES: dict[str, Callable[[Examination], bytes]] = {
    "aecg": aecg_file,
    "philips-sierra": sierra_file,
    "ge-muse": muse_file,
}


@pytest.fixture(scope="module")
def exam(make_ecg: Callable[..., dict[str, FloatArray]]) -> Examination:
    leads = make_ecg(1000)
    leads |= {"III": leads["II"] - leads["I"], "aVR": -(leads["I"] + leads["II"]) / 2}
    leads |= {"aVL": leads["I"] - leads["II"] / 2, "aVF": leads["II"] - leads["I"] / 2}
    return Examination(leads, 500, TAKEN, patient_id="P<17", name="王秀英", sex="F")


def numbers(decoded: DecodedRecording) -> dict[str, float]:
    return {one.code.code: float(one.quantity.value) for one in decoded.numerics if one.quantity}


@pytest.mark.parametrize("name", FILES)
def test_what_was_written_is_read(name: str, exam: Examination) -> None:
    decoded = decode(FILES[name](exam))
    assert (decoded.format, decoded.modality) == (name, "ecg")
    assert {k: decoded.patient[k] for k in ("patient_id", "name", "sex")} == {
        "patient_id": "P<17",
        "name": "王秀英",
        "sex": "F",
    }
    assert decoded.start == TAKEN.astimezone(UTC)
    assert numbers(decoded) == MEASURED
    assert tuple(signal.name for signal in decoded.signals) == TWELVE
    stored = ("I", "II", *TWELVE[6:]) if name == "ge-muse" else TWELVE
    for signal in decoded.signals:
        assert (signal.unit, signal.sampling_hz, signal.start_s) == ("uV", 500.0, 0.0)
        most = STEP_UV[name] * (0.5 if signal.name in stored else 1.01)
        assert np.abs(signal.samples - exam.leads[signal.name]).max() <= most + 1e-9
    is_noted = "computed from leads I and II: III, aVR, aVL, aVF" in decoded.notes
    assert is_noted == (name == "ge-muse")


@pytest.mark.parametrize("name", FILES)
def test_each_file_looks_like_itself_alone(name: str, exam: Examination) -> None:
    raw = FILES[name](exam)
    looks = {"aecg": looks_like_aecg, "philips-sierra": looks_like_sierra, "ge-muse": looks_like_muse}
    assert [kind for kind, fits in looks.items() if fits(raw)] == [name]


@pytest.mark.parametrize("name", FILES)
def test_every_cut_is_refused(name: str, exam: Examination) -> None:
    raw = FILES[name](exam)
    for at in range(0, len(raw) - 30, len(raw) // 60):
        with pytest.raises(RefusedInput):
            decode(raw[:at])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_spoilt_files_raise_only_our_errors(data: st.DataObject, exam: Examination) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    raw = bytearray(FILES[name](exam))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with suppress(ClinicError):
        decode(bytes(raw))


# ---- aECG


def made_aecg(series: str) -> bytes:
    return (
        '<AnnotatedECG><effectiveTime><low value="20240102"/></effectiveTime>'
        f"<component><series>{series}</series></component></AnnotatedECG>"
    ).encode()


def sequence_set(
    head: str, lead: str, digits: str = "1 2 -3", *, scale: str = 'value="2" unit="mV"', step: str = "0.004"
) -> str:
    kind = "ABSOLUTE" if len(head) > 8 else "RELATIVE"
    return (
        f'<component><sequenceSet><component><sequence><code code="TIME_{kind}"/>'
        f'<value><head value="{head}" unit="s"/><increment value="{step}" unit="s"/></value></sequence></component>'
        f'<component><sequence><code code="MDC_ECG_LEAD_{lead}"/><value type="SLIST_PQ"><origin value="1" unit="mV"/>'
        f"<scale {scale}/><digits>{digits}</digits></value></sequence></component></sequenceSet></component>"
    )


def test_origin_scale_and_units_make_microvolts() -> None:
    (signal,) = decode_aecg(made_aecg(sequence_set("0", "aVL"))).signals
    assert (signal.name, signal.unit, signal.sampling_hz) == ("aVL", "uV", 250.0)
    assert signal.samples.tolist() == [3000.0, 5000.0, -5000.0]


def test_sets_taken_one_after_another_keep_their_places() -> None:
    decoded = decode_aecg(
        made_aecg(sequence_set("20240102030410.500+0000", "V1") + sequence_set("20240102030408.000+0000", "I"))
    )
    assert {s.name: s.start_s for s in decoded.signals} == {"I": 0.0, "V1": 2.5}
    assert decoded.start == datetime(2024, 1, 2, 3, 4, 8, tzinfo=UTC)
    assert "time_zone" not in decoded.device


def test_relative_times_count_from_the_document() -> None:
    decoded = decode_aecg(made_aecg(sequence_set("0.5", "II")))
    assert (decoded.signals[0].start_s, decoded.device["time_zone"]) == (0.5, "assumed")
    assert decoded.start == datetime(2024, 1, 1, 16, tzinfo=UTC)
    late = made_aecg(sequence_set("2000", "II").replace('"2000" unit="s"', '"2000" unit="ms"'))
    assert decode_aecg(late).signals[0].start_s == 2.0, "not the year 2000"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (sequence_set("0", "I", "1 x 2"), "digits that are no numbers"),
        (sequence_set("0", "I", "1 2-3 --"), "digits that are no numbers"),
        (sequence_set("0", "I", ""), "digits that are no numbers"),
        (sequence_set("0", "I", "1e308 1e308"), "a sample beyond"),
        (sequence_set("0", "I", scale='value="2" unit="mmHg"'), "scale"),
        (sequence_set("0", "I", scale='value="nan" unit="uV"'), "scale"),
        (sequence_set("0", "I", step="0"), "increment"),
        (sequence_set("0", "I", step="1e-9"), "increment"),
        ("<component><sequenceSet/></component>", "without a sequence of times"),
    ],
)
def test_damaged_sequences_are_named(body: str, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_aecg(made_aecg(body))


def test_person_and_device_as_mindray_writes_them() -> None:
    """BeneHeart R12: no id of the subject but a PatientID, an empty name, sex UN, a SerialNumber."""
    subject = (
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        '<subjectDemographicPerson><name></name><administrativeGenderCode code="UN"/><PatientID>25060</PatientID>'
        "</subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf></timepointEvent>"
        "</componentOf>"
    )
    author = (
        "<author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>R12</manufacturerModelName>"
        "<SerialNumber>FN-1</SerialNumber></manufacturedSeriesDevice></seriesAuthor></author>"
    )
    raw = made_aecg(author + sequence_set("0", "I")).replace(b"<AnnotatedECG>", f"<AnnotatedECG>{subject}".encode())
    decoded = decode_aecg(raw)
    assert decoded.patient == {"patient_id": "25060"}
    assert (decoded.device["model"], decoded.device["serial"]) == ("R12", "FN-1")


def test_no_series_is_said() -> None:
    with pytest.raises(RefusedInput, match="no series"):
        decode_aecg(b"<AnnotatedECG/>")


def test_more_samples_than_any_ecg_are_refused() -> None:
    with pytest.raises(BadFrame, match="more than 1000000 samples"):
        decode_aecg(made_aecg(sequence_set("0", "I", "1 " * 1_000_001)))


def test_number_without_unit_is_left_out() -> None:
    def annotated(code: str, attributes: str) -> str:
        return f'<component><annotation><code code="{code}"/><value {attributes}/></annotation></component>'

    body = (
        sequence_set("0", "I")
        + "<subjectOf><annotationSet>"
        + annotated("MDC_ECG_TIME_PD_PR", 'value="144"')
        + annotated("MDC_ECG_TIME_PD_QT", 'value="0.4" unit="s"')
        + annotated("MDC_ECG_HEART_RATE", 'value="0" unit="bpm"')
        + "</annotationSet></subjectOf>"
    )
    assert numbers(decode_aecg(made_aecg(body))) == {"8634-8": 400}


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20021122", "2002-11-21T16:00:00+00:00"),
        ("20021122091000.123456789", "2002-11-22T01:10:00.123456+00:00"),
        ("20021122091000-0500", "2002-11-22T14:10:00+00:00"),
    ],
)
def test_points_in_time(text: str, iso: str) -> None:
    found = times.point(text)
    assert found is not None
    assert found[0].isoformat() == iso


@pytest.mark.parametrize("text", ["", "x", "20021322", "200", "20021122091000+9999", "00010101"])
def test_no_points_in_time(text: str) -> None:
    assert times.point(text) is None or text == "00010101"


def test_real_files_without_declaration(shared_data: Path) -> None:
    for number in (0, 1):
        decoded = decode((shared_data / f"devices/aecg/aecg-python__subject1_{number}.xml").read_bytes())
        assert (decoded.format, len(decoded.signals), len(decoded.signals[0].samples)) == ("aecg", 12, 5000)
        assert decoded.device["source_id"].endswith(f"^subject1_{number}")
        assert numbers(decoded)["8636-3"] == 443
    one = decode((shared_data / "devices/aecg/aecg-python__minimum_aecg.xml").read_bytes())
    assert one.signals[0].samples.tolist()[:5] == [-5.0, -5.0, -5.0, -5.0, -7.5]
    with pytest.raises(RefusedInput, match="no series"):
        decode((shared_data / "devices/aecg/aecg-python__empty.xml").read_bytes())


# ---- Philips Sierra


@settings(deadline=None)
@given(hnp.arrays(np.int64, st.tuples(st.integers(6, 8), st.integers(2, 80)), elements=st.integers(-2000, 2000)))
def test_xli_round_trip(table: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    leads = [row.copy() for row in table]
    read = unpack_leads(pack_leads(split_limb_leads(leads)), len(leads), table.shape[1])
    restore_limb_leads(read)
    assert all((one == other).all() for one, other in zip(read, leads, strict=True))


def test_xli_cannot_hold_a_bend_of_more_than_16_bits() -> None:
    with pytest.raises(RefusedInput, match="16 bits"):
        pack_leads([np.array([0, 32_000, 0, 32_000])])


def test_xli_of_a_long_flat_line_uses_the_whole_table() -> None:
    flat = [np.zeros(40_000, np.int64), np.arange(40_000, dtype=np.int64) % 700]
    packed = pack_leads(flat)
    assert len(packed) < 40_000
    assert all((one == other).all() for one, other in zip(unpack_leads(packed, 2, 40_000), flat, strict=True))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw: raw[:-3], "bytes lead outside"),
        (lambda raw: raw[:10], "bytes lead outside"),
        (lambda raw: b"", "is missing"),
        (lambda raw: b"\xff\xff\xff\xff" + raw[4:], "bytes lead outside"),
        (lambda raw: raw[:8] + b"\xf0\x00" + raw[10:], "before it has a meaning"),
        (lambda raw: b"\x02" + bytes(7) + raw[8:10] + raw, "samples instead of"),
    ],
)
def test_damaged_xli_is_named(spoil: Callable[[bytes], bytes], words: str) -> None:
    packed = pack_leads([np.arange(100, dtype=np.int64)])
    with pytest.raises(BadFrame, match=words):
        unpack_leads(spoil(packed), 1, 100)


def test_xli_that_grows_without_end_is_stopped() -> None:
    bits = "".join(f"{code:010b}" for code in [0, *range(256, 1022)])
    bomb = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    with pytest.raises(BadFrame, match="more than 200 bytes"):
        unpack_leads(len(bomb).to_bytes(4, "little") + bytes(4) + bomb, 1, 100)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<documentversion>1.04<", "<documentversion>2.0<", "version '2.0'"),
        ('compression="XLI"', 'compression="ZIP"', "compression 'ZIP'"),
        ('dataencoding="Base64"', 'dataencoding="Hex"', "dataencoding 'Hex'"),
        ('durationperchannel="2000"', 'durationperchannel="2002"', "samples instead of 1001"),
        ('durationperchannel="2000"', 'durationperchannel="-1"', "durationperchannel"),
        ('durationperchannel="2000"', 'durationperchannel="nan"', "durationperchannel"),
        ('samplespersecond="500"', 'samplespersecond="x"', "sampling rate is 'x'"),
        ('numberofleads="12"', 'numberofleads="13"', "13 leads, 12 labels"),
        ("parsedwaveforms", "elsewhere", "parsedwaveforms is missing"),
    ],
)
def test_damaged_sierra_is_named(exam: Examination, old: str, new: str, words: str) -> None:
    text = sierra_file(exam).decode("utf-16")
    assert old in text
    with pytest.raises(RefusedInput, match=words):
        decode_sierra(text.replace(old, new).encode("utf-16"))


def test_word_in_a_numbers_place_is_no_number(exam: Examination) -> None:
    axis = next(one for one in decode_sierra(sierra_file(exam)).numerics if one.code.code == "8626-4")
    assert (axis.quantity, axis.absent) == (None, AbsentReason.ERROR)


def test_plain_samples_of_a_file_without_labels(exam: Examination) -> None:
    """1.03: rate and step under signalcharacteristics; not compressed, so the limb leads are whole."""
    stored = np.arange(24, dtype="<i2").reshape(2, 12) - 7
    text = (
        "<restingecgdata><documentinfo><documenttype>SierraECG</documenttype><documentversion>1.03</documentversion>"
        "</documentinfo><dataacquisition><signalcharacteristics><samplingrate>500</samplingrate>"
        "<signalresolution>2.5</signalresolution><numberchannelsallocated>2</numberchannelsallocated>"
        "</signalcharacteristics></dataacquisition><waveforms>"
        '<parsedwaveforms compressflag="False" compressmethod="XLI" durationperchannel="24" dataencoding="Base64">'
        f"{base64.b64encode(stored.tobytes()).decode()}</parsedwaveforms></waveforms></restingecgdata>"
    )
    decoded = decode_sierra(text.encode())
    assert [s.name for s in decoded.signals] == ["channel 1", "channel 2"]
    assert (decoded.signals[1].samples == stored[1] * 2.5).all()


@pytest.mark.parametrize(
    ("file", "rate", "statement"),
    [
        ("129DYPRG.XML", 41, "device statement: Sinus bradycardia; rate< 50"),
        ("3191723_ZZDEMOPTONLY_1-04_orig.xml", 84, "device statement: SINUS RHYTHM; normal P axis, V-rate 60-99"),
        ("repbeats_example.xml", 41, "device statement: Sinus bradycardia; rate< 50"),
    ],
)
def test_real_sierra_files(shared_data: Path, file: str, rate: int, statement: str) -> None:
    decoded = decode((shared_data / f"devices/philips_sierra/sierra-ecg-tools__{file}").read_bytes())
    assert [(s.name, len(s.samples)) for s in decoded.signals] == [(name, 5500) for name in TWELVE]
    leads = {s.name: s.samples for s in decoded.signals}
    assert np.abs(leads["I"] + leads["III"] - leads["II"])[:5350].max() <= 10
    assert numbers(decoded)["8867-4"] == rate
    assert {statement, "from 10.7 s to 10.9 s a 1 mV calibration pulse stands in every lead"} <= set(decoded.notes)


# ---- GE MUSE


def test_lead_that_was_off_is_said(exam: Examination) -> None:
    rhythm, _, rest = muse_file(exam).decode("latin-1").rpartition("<LeadID>V6</LeadID>")
    raw = f"{rhythm}<LeadID>V6</LeadID><LeadOff>TRUE</LeadOff>{rest}".encode("latin-1")
    assert "the cart says an electrode was off: V6" in decode_muse(raw).notes


def test_wrong_checksum_of_a_lead_is_damage(exam: Examination) -> None:
    raw = muse_file(exam)
    rhythm = np.rint(exam.leads["V6"] / 4.88).astype("<i2").tobytes()
    crc = f"<LeadDataCRC32>{zlib.crc32(rhythm)}<".encode()
    assert raw.count(crc) == 1
    with pytest.raises(BadFrame, match="lead V6: checksum"):
        decode_muse(raw.replace(crc, b"<LeadDataCRC32>12345<"))
    assert decode_muse(raw.replace(crc, b"<LeadDataCRC32>0<")).signals, "0 stands for none"
    for text in (b"x", b"1" * 5000, "\u0661".encode()):
        with pytest.raises(BadFrame, match="LeadDataCRC32"):
            decode_muse(raw.replace(crc, b"<LeadDataCRC32>" + text + b"<").replace(b"ISO-8859-1", b"UTF-8"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<WaveformType>Rhythm<", "<WaveformType>Other<", "no Waveform of type Rhythm"),
        (">MICROVOLTS<", ">PINTS<", "LeadAmplitudeUnits 'PINTS'"),
        ("<SampleBase>500<", "<SampleBase>0<", "SampleBase 0 is outside"),
        ("<SampleBase>500<", "<SampleBase>1e999<", "SampleBase"),
        ("<LeadSampleSize>2<", "<LeadSampleSize>4<", "LeadSampleSize"),
        ("<LeadSampleCountTotal>1000<", "<LeadSampleCountTotal>999<", "2000 bytes for 999 samples"),
        ("<LeadAmplitudeUnitsPerBit>4.88<", "<LeadAmplitudeUnitsPerBit><", "LeadAmplitudeUnitsPerBit is ''"),
    ],
)
def test_damaged_muse_is_named(exam: Examination, old: str, new: str, words: str) -> None:
    text = muse_file(exam).decode("latin-1")
    assert old in text
    with pytest.raises(BadFrame, match=words):
        decode_muse(text.replace(old, new).encode("latin-1"))
