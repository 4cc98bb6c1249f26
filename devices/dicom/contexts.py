"""What the node takes: SOP classes (DICOM PS3.6, table A-1) and transfer syntaxes (PS3.5, annex A)."""

from typing import Final

from recordings.dicom import classes as dicom_classes

VERIFICATION: Final = "1.2.840.10008.1.1"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model; its one well-known instance is STORAGE_COMMITMENT_INSTANCE."""
STORAGE_COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
PERFORMED_PROCEDURE_STEP: Final = dicom_classes.PERFORMED_PROCEDURE_STEP
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
TRANSFER_SYNTAXES: Final[tuple[str, ...]] = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    EXPLICIT_BIG_ENDIAN,
    DEFLATED,
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.202",  # High-Throughput JPEG 2000 Lossless, resolution by resolution
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE Lossless
)
"""Stored and forwarded as they come. Deflated is unpacked by the reader only, and within bounds."""

PLAIN_SYNTAXES: Final = TRANSFER_SYNTAXES[:2]
"""For services that carry no pixels."""
