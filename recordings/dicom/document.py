"""Documents inside DICOM objects (PS3.3, section C.24.2): PDF and CDA, given back byte for byte."""

from typing import Final

from pydicom.dataset import Dataset

from recordings.dicom import file as dicom_file
from recordings.dicom.file import bad_dicom, reading_dicom, text
from recordings.signal import DecodedRecording, DocumentFile

FORMAT: Final = "dicom-document"
_BEGINS: Final = {"application/pdf": b"%PDF-", "text/XML": b""}
"""MIMETypeOfEncapsulatedDocument (PS3.3, A.45) -> how its bytes begin."""

_TITLES: Final = ("DocumentTitle", "SeriesDescription", "StudyDescription")


def decode_document_dataset(dataset: Dataset) -> DecodedRecording:
    """The document in the object.

    Raises:
        BadFrame: there is none, or its bytes are not of the kind the object says.
    """
    with reading_dicom("document"):
        data = dataset.get("EncapsulatedDocument")
        if not isinstance(data, bytes) or not data:
            raise bad_dicom("EncapsulatedDocument is missing: no document")
        kind = text(dataset, "MIMETypeOfEncapsulatedDocument")
        length = dataset.get("EncapsulatedDocumentLength")
        if length is not None and 0 < int(length) <= len(data):
            data = data[: int(length)]  # an odd document is padded by one byte
        if kind not in _BEGINS or not data.startswith(_BEGINS[kind]):
            raise bad_dicom(f"the document says it is {kind[:40]!r} and begins with {data[:8]!r}")
        title = next((said for keyword in _TITLES if (said := text(dataset, keyword))), "")
        return DecodedRecording(
            format=FORMAT,
            patient=dicom_file.patient_of(dataset),
            device=dicom_file.device_of(dataset),
            start=dicom_file.start_of(dataset),
            document=DocumentFile(kind.lower(), title, data),
        )
