"""What the node takes: SOP classes (DICOM PS3.6, table A-1) and transfer syntaxes (PS3.5, annex A)."""

from typing import Final

VERIFICATION: Final = "1.2.840.10008.1.1"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1"
STORED: Final[dict[str, str]] = {
    f"{_STORAGE}.{suffix}": modality
    for suffix, modality in (
        ("9.1.1", "ecg"),  # 12-lead ECG Waveform
        ("9.1.2", "ecg"),  # General ECG Waveform
        ("9.1.3", "ecg"),  # Ambulatory ECG Waveform
        ("9.2.1", "ecg"),  # Hemodynamic Waveform; some carts send their 12 leads as it
        ("6.1", "ultrasound"),  # Ultrasound Image
        ("3.1", "ultrasound"),  # Ultrasound Multi-frame Image
        ("6", "ultrasound"),  # the two retired forms older scanners still send
        ("3", "ultrasound"),
        ("7", "image"),  # Secondary Capture Image
        ("7.4", "image"),  # Multi-frame True Color Secondary Capture Image
        ("1", "radiography"),  # Computed Radiography Image
        ("1.1", "radiography"),  # Digital X-Ray Image, for presentation
        ("1.1.1", "radiography"),  # Digital X-Ray Image, for processing
        ("77.1.4", "image"),  # VL Photographic Image
        ("88.11", "report"),  # Basic Text SR
        ("88.22", "report"),  # Enhanced SR
        ("88.33", "report"),  # Comprehensive SR
        ("104.1", "report"),  # Encapsulated PDF
    )
}
"""Storage SOP class -> modality of the Reading; the object's own Modality decides where it says more."""

EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
TRANSFER_SYNTAXES: Final[tuple[str, ...]] = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    EXPLICIT_BIG_ENDIAN,
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE Lossless
)
"""Stored and forwarded as they come. Deflated is refused: a small object could unfold to any size."""

PLAIN_SYNTAXES: Final = TRANSFER_SYNTAXES[:2]
"""For verification and worklist, which carry no pixels."""
