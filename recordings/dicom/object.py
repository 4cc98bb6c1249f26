"""A DICOM file -> a recording: by what it holds, not by what it is called."""

from dataclasses import replace
from typing import Final

from recordings.dicom.classes import modality_of
from recordings.dicom.document import decode_document_dataset
from recordings.dicom.file import bad_dicom, read_dataset
from recordings.dicom.image import decode_image_dataset
from recordings.dicom.report import decode_report_dataset
from recordings.dicom.waveform import decode_waveform_dataset
from recordings.signal import DecodedRecording

_DECODERS: Final = {
    "WaveformSequence": decode_waveform_dataset,
    "PixelData": decode_image_dataset,
    "ContentSequence": decode_report_dataset,
    "EncapsulatedDocument": decode_document_dataset,
}
"""What an object holds -> its decoder."""


def decode_object(raw: bytes) -> DecodedRecording:
    """The waveform, the pictures, the report or the document in it.

    Raises:
        BadFrame: damaged, or none of these is in it.
        RefusedInput: a kind of object we do not take.
    """
    dataset = read_dataset(raw)
    for keyword, decode in _DECODERS.items():
        if keyword in dataset:
            return replace(decode(dataset), modality=modality_of(dataset))
    raise bad_dicom("the file holds neither a waveform nor pictures nor a report")
