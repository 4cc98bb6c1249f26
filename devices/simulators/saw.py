"""What a simulated device was told: a kill test compares it with what the hospital holds."""

import msgspec


class DeviceSaw(msgspec.Struct, frozen=True):
    """One thing a device handed over, seen from the device.

    Attributes:
        source_id: the device's own id of it.
        sha256: of what was sent: the record's bytes on a line, the dataset's bytes in DICOM
            (`devices.dicom.part10.dataset_sha256` gives the same of a stored file).
        acknowledged: the device was told yes; always False where the protocol has no acknowledgement.
        detail: what it was told in the protocol's words.
    """

    source_id: str
    sha256: str
    acknowledged: bool
    detail: str = ""
