"""ECG files in XML as carts export them: HL7 aECG, Philips Sierra 1.04 with XLI, GE MUSE. Each is one whole file."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from recordings.arrays import FloatArray
from recordings.leads import TWELVE
from recordings.philips_sierra.xli import pack_leads, split_limb_leads

STORED: Final = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
"""The leads GE MUSE keeps; the four others follow from I and II."""
_AECG_STEP_UV: Final = 2.5
_SIERRA_STEP_UV: Final = 5
_MUSE_STEP_UV: Final = 4.88


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """One resting ECG: the twelve leads in microvolts, all of one length, and the device's own measurements."""

    leads: Mapping[str, FloatArray]
    sampling_hz: int
    taken: datetime
    patient_id: str = "SIM-1"
    name: str = ""
    sex: str = ""
    heart_rate: int = 71
    pr_ms: int = 160
    qrs_ms: int = 92
    qt_ms: int = 392
    qtc_ms: int = 426


def aecg_file(exam: Examination) -> bytes:
    """HL7 aECG: absolute time, twelve leads of 2.5 uV a digit, and the measurements as annotations."""
    leads = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}" codeSystem="2.16.840.1.113883.6.24"/>'
        f'<value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/><scale value="{_AECG_STEP_UV}" unit="uV"/>'
        f"<digits>{' '.join(map(str, np.rint(exam.leads[name] / _AECG_STEP_UV).astype(int)))}</digits></value>"
        "</sequence></component>"
        for name in TWELVE
    )
    numbers = "".join(
        f'<component><annotation><code code="{code}" codeSystem="2.16.840.1.113883.6.24"/>'
        f'<value xsi:type="PQ" value="{value}" unit="{unit}"/></annotation></component>'
        for code, value, unit in (
            ("MDC_ECG_HEART_RATE", exam.heart_rate, "bpm"),
            ("MDC_ECG_TIME_PD_PR", exam.pr_ms, "ms"),
            ("MDC_ECG_TIME_PD_QRS", exam.qrs_ms, "ms"),
            ("MDC_ECG_TIME_PD_QT", exam.qt_ms, "ms"),
            ("MDC_ECG_TIME_PD_QTc", exam.qtc_ms, "ms"),
        )
    )
    stamp = exam.taken.strftime("%Y%m%d%H%M%S.%f")[:-3] + exam.taken.strftime("%z")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<id root="{_uuid(exam)}"/><effectiveTime><center value="{stamp}"/></effectiveTime>'
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        f'<id extension="{escape(exam.patient_id)}"/><subjectDemographicPerson><name>{escape(exam.name)}</name>'
        f'<administrativeGenderCode code="{exam.sex}"/></subjectDemographicPerson></trialSubject></subject>'
        "</subjectAssignment></componentOf></timepointEvent></componentOf>"
        '<component><series><code code="RHYTHM"/><author><seriesAuthor><manufacturedSeriesDevice>'
        "<manufacturerModelName>SIM</manufacturerModelName></manufacturedSeriesDevice></seriesAuthor></author>"
        '<component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">'
        f'<head value="{stamp}"/><increment value="{1 / exam.sampling_hz}" unit="s"/></value></sequence></component>'
        f"{leads}</sequenceSet></component><subjectOf><annotationSet>{numbers}</annotationSet></subjectOf>"
        "</series></component></AnnotatedECG>\n"
    ).encode()


def sierra_file(exam: Examination) -> bytes:
    """Philips ECG 1.04: XLI in base64, 5 uV a step, the limb leads as differences; UTF-16 as PageWriter carts write."""
    steps = [np.rint(exam.leads[name] / _SIERRA_STEP_UV).astype(np.int64) for name in TWELVE]
    packed = base64.encodebytes(pack_leads(split_limb_leads(steps))).decode("ascii")
    samples = len(steps[0])
    return (
        '<?xml version="1.0" encoding="utf-16"?>\n'
        '<restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo>'
        f"<documentname>{_uuid(exam)}.xml</documentname><documenttype>PhilipsECG</documenttype>"
        "<documentversion>1.04</documentversion></documentinfo>"
        f'<dataacquisition date="{exam.taken:%Y-%m-%d}" time="{exam.taken:%H:%M:%S}">'
        '<machine machineid="SIM-1">PageWriter</machine><signalcharacteristics>'
        f"<samplingrate>{exam.sampling_hz}</samplingrate><resolution>{_SIERRA_STEP_UV}</resolution>"
        "<acquisitiontype>10-WIRE</acquisitiontype><numberchannelsallocated>12</numberchannelsallocated>"
        "</signalcharacteristics></dataacquisition><patient><generalpatientdata>"
        f"<patientid>{escape(exam.patient_id)}</patientid><name><lastname>{escape(exam.name)}</lastname></name>"
        f"<sex>{ {'M': 'Male', 'F': 'Female'}.get(exam.sex, 'Unknown') }</sex></generalpatientdata></patient>"
        "<internalmeasurements><crossleadmeasurements>"
        f"<pfrontaxis>Failed</pfrontaxis><meanventrate>{exam.heart_rate}</meanventrate>"
        f"<meanprint>{exam.pr_ms}</meanprint><meanqrsdur>{exam.qrs_ms}</meanqrsdur>"
        f"<meanqtint>{exam.qt_ms}</meanqtint><meanqtc>{exam.qtc_ms}</meanqtc>"
        "</crossleadmeasurements></internalmeasurements><waveforms>"
        f'<parsedwaveforms dataencoding="Base64" compression="XLI" numberofleads="12" leadlabels="{" ".join(TWELVE)}" '
        f'durationperchannel="{samples * 1000 // exam.sampling_hz}" samplespersecond="{exam.sampling_hz}" '
        f'resolution="{_SIERRA_STEP_UV}">{packed}</parsedwaveforms></waveforms></restingecgdata>\n'
    ).encode("utf-16")


def muse_file(exam: Examination) -> bytes:
    """GE MUSE: a median beat first as real files have it, then the rhythm of eight leads, 4.88 uV a step, CRC-32."""
    rhythm = {name: np.rint(exam.leads[name] / _MUSE_STEP_UV).astype("<i2") for name in STORED}
    median = {name: samples[: exam.sampling_hz] // 2 for name, samples in rhythm.items()}
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>'
        f"<PatientDemographics><PatientID>{escape(exam.patient_id)}</PatientID>"
        f"<Gender>{ {'M': 'MALE', 'F': 'FEMALE'}.get(exam.sex, '') }</Gender>"
        f"<PatientLastName>{escape(exam.name)}</PatientLastName></PatientDemographics>"
        "<TestDemographics><AcquisitionDevice>MAC</AcquisitionDevice>"
        f"<AcquisitionTime>{exam.taken:%H:%M:%S}</AcquisitionTime>"
        f"<AcquisitionDate>{exam.taken:%m-%d-%Y}</AcquisitionDate></TestDemographics><RestingECGMeasurements>"
        f"<VentricularRate>{exam.heart_rate}</VentricularRate><PRInterval>{exam.pr_ms}</PRInterval>"
        f"<QRSDuration>{exam.qrs_ms}</QRSDuration><QTInterval>{exam.qt_ms}</QTInterval>"
        f"<QTCorrected>{exam.qtc_ms}</QTCorrected></RestingECGMeasurements>"
        f"{_muse_waveform('Median', median, exam.sampling_hz)}{_muse_waveform('Rhythm', rhythm, exam.sampling_hz)}"
        "</RestingECG>\n"
    ).encode("iso-8859-1", "xmlcharrefreplace")


def _muse_waveform(kind: str, leads: Mapping[str, "np.ndarray[tuple[int, ...], np.dtype[np.int16]]"], hz: int) -> str:
    body = "".join(
        f"<LeadData><LeadSampleCountTotal>{len(samples)}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{_MUSE_STEP_UV}</LeadAmplitudeUnitsPerBit>"
        "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>"
        f"<LeadID>{name}</LeadID><LeadOffsetFirstSample>0</LeadOffsetFirstSample><LeadSampleSize>2</LeadSampleSize>"
        f"<LeadDataCRC32>{zlib.crc32(samples.tobytes())}</LeadDataCRC32>"
        f"<WaveFormData>\n{base64.encodebytes(samples.tobytes()).decode('ascii')}</WaveFormData></LeadData>"
        for name, samples in leads.items()
    )
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>{len(leads)}</NumberofLeads>"
        f"<SampleBase>{hz}</SampleBase><SampleExponent>0</SampleExponent>{body}</Waveform>"
    )


def _uuid(exam: Examination) -> str:
    return f"00000000-0000-4000-8000-{int(exam.taken.timestamp()):012x}"
