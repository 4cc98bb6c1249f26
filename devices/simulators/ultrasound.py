"""A portable ultrasound scanner: picks its patient from the worklist and stores a real loop of 6.9 MB."""

from datetime import UTC, datetime

from pydicom.dataset import Dataset

from clinic_records.clock import CHINA
from devices.simulators.dicom_device import DicomDevice, for_patient
from devices.simulators.objects import ultrasound_object
from devices.simulators.saw import DeviceSaw

AE_TITLE = "US1"


def examination(entry: Dataset | None, taken: datetime | None = None) -> Dataset:
    """The object of one examination of the entry's patient (None: nobody was picked), made now."""
    made = for_patient(ultrasound_object(), entry)
    local = (taken or datetime.now(UTC)).astimezone(CHINA)
    made.ContentDate = made.StudyDate = made.SeriesDate = f"{local:%Y%m%d}"
    made.ContentTime = made.StudyTime = made.SeriesTime = f"{local:%H%M%S}"
    return made


def examine(device: DicomDevice, *, name: str = "", accession: str = "") -> DeviceSaw:
    """Pick, examine, store.

    Raises:
        NotFound: the worklist has no such patient.
        DeviceUnavailable: no association for the worklist.
    """
    return device.store(examination(device.pick(name=name, accession=accession, modality="US")))
