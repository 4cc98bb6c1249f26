"""The worklist a modality asks for: who is to be examined, with which accession number (DICOM PS3.4, Annex K)."""

from datetime import date, datetime

import msgspec


class WorklistItem(msgspec.Struct, frozen=True):
    """One scheduled procedure step.

    Attributes:
        accession: at most 16 characters (SH); it comes back in the object and binds it.
        patient_id: at most 64 characters (LO).
        name: one field, family name first, as it stands in the patient's record.
        sex: M, F or O.
        birth_date: None where it is not known.
        study_uid: the StudyInstanceUID the device shall use.
        modality: `ECG`, `US` ...
        device_ae: AE title of the device that shall do it; empty for any.
        scheduled: start, aware.
    """

    accession: str
    patient_id: str
    name: str
    sex: str
    birth_date: date | None
    study_uid: str
    modality: str
    device_ae: str
    scheduled: datetime
