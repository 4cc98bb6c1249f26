"""Which kind of recording a DICOM object is: SOP classes (PS3.6, table A-1), modalities (PS3.3, C.7.3.1.1.1)."""

from typing import Final

from pydicom.dataset import Dataset

from recordings.dicom.file import text

PERFORMED_PROCEDURE_STEP: Final = "1.2.840.10008.3.1.2.3.3"
"""Modality Performed Procedure Step: how far the device is with an examination."""
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1"
STORED: Final[dict[str, str]] = {
    f"{_STORAGE}.{suffix}": modality
    for suffix, modality in (
        ("9.1.1", "ecg"),  # 12-lead ECG Waveform
        ("9.1.2", "ecg"),  # General ECG Waveform
        ("9.1.3", "ecg"),  # Ambulatory ECG Waveform
        ("9.1.4", "ecg"),  # General 32-bit ECG Waveform
        ("9.2.1", "ecg"),  # Hemodynamic Waveform; some carts send their 12 leads as it
        ("9.5.1", "oximetry"),  # Arterial Pulse Waveform
        ("9.6.1", "other"),  # Respiratory Waveform
        ("6.1", "ultrasound"),  # Ultrasound Image
        ("3.1", "ultrasound"),  # Ultrasound Multi-frame Image
        ("6", "ultrasound"),  # the two retired forms older scanners still send
        ("3", "ultrasound"),
        ("7", "picture"),  # Secondary Capture Image
        ("7.1", "picture"),  # Multi-frame Single Bit Secondary Capture Image
        ("7.2", "picture"),  # Multi-frame Grayscale Byte Secondary Capture Image
        ("7.3", "picture"),  # Multi-frame Grayscale Word Secondary Capture Image
        ("7.4", "picture"),  # Multi-frame True Color Secondary Capture Image
        ("1", "xray"),  # Computed Radiography Image
        ("1.1", "xray"),  # Digital X-Ray Image, for presentation
        ("1.1.1", "xray"),  # Digital X-Ray Image, for processing
        ("77.1.4", "picture"),  # VL Photographic Image
        ("77.1.5.1", "fundus"),  # Ophthalmic Photography 8 Bit Image
        ("77.1.5.2", "fundus"),  # Ophthalmic Photography 16 Bit Image
        ("77.1.5.5", "fundus"),  # Wide Field Ophthalmic Photography Stereographic Projection Image
        ("77.1.5.6", "fundus"),  # Wide Field Ophthalmic Photography 3D Coordinates Image
        ("88.11", "document"),  # Basic Text SR
        ("88.22", "document"),  # Enhanced SR
        ("88.33", "document"),  # Comprehensive SR
        ("88.34", "document"),  # Comprehensive 3D SR
        ("88.35", "document"),  # Extensible SR
        ("88.59", "document"),  # Key Object Selection Document
        ("88.67", "document"),  # X-Ray Radiation Dose SR
        ("88.72", "document"),  # Simplified Adult Echo SR
        ("104.1", "document"),  # Encapsulated PDF
        ("104.2", "document"),  # Encapsulated CDA
    )
}
"""Storage SOP class -> modality of the Reading, where the object itself does not say more."""
_SAID: Final = {
    "ECG": "ecg",
    "HD": "ecg",
    "EPS": "ecg",
    "US": "ultrasound",
    "IVUS": "ultrasound",
    "DX": "xray",
    "CR": "xray",
    "OP": "fundus",
    "BMD": "bone-density",
    "BDUS": "bone-density",
    "XC": "picture",
}
"""Modality (0008,0060) -> modality of the Reading."""
_ULTRASOUND_REPORTS: Final = frozenset({"5000", "5100", "5200", "5220", "5300"})
"""TemplateIdentifier of OB-GYN, vascular and the three echocardiography reports (PS3.16, annex A)."""
_ULTRASOUND_TITLES: Final = frozenset({"125000", "125100", "125200"})
"""Their root concepts, scheme DCM (PS3.16, annex D), for reports that name no template."""


def modality_of(dataset: Dataset) -> str:
    """Modality of the Reading; `other` for an object of which we know only that it is DICOM."""
    sop_class = text(dataset, "SOPClassUID")
    if sop_class == PERFORMED_PROCEDURE_STEP:
        return "examination"
    said = _SAID.get(text(dataset, "Modality"))
    if said:
        return said
    stored = STORED.get(sop_class, "other")
    return "ultrasound" if stored == "document" and _is_of_ultrasound(dataset) else stored


def _is_of_ultrasound(dataset: Dataset) -> bool:
    template = dataset.get("ContentTemplateSequence")
    if template and text(template[0], "TemplateIdentifier") in _ULTRASOUND_REPORTS:
        return True
    title = dataset.get("ConceptNameCodeSequence")
    return bool(title) and text(title[0], "CodeValue") in _ULTRASOUND_TITLES
