"""A DICOM file -> a recording: by what it holds, not by what it is called."""

from recordings.dicom_file import bad_dicom, read_dataset
from recordings.dicom_image import decode_image_dataset
from recordings.dicom_waveform import decode_waveform_dataset
from recordings.signal import DecodedRecording


def decode_object(raw: bytes) -> DecodedRecording:
    """The waveform or the pictures in it.

    Raises:
        BadFrame: damaged, or neither is in it.
        RefusedInput: a kind of object we do not take.
    """
    dataset = read_dataset(raw)
    if "WaveformSequence" in dataset:
        return decode_waveform_dataset(dataset)
    if "PixelData" in dataset:
        return decode_image_dataset(dataset)
    raise bad_dicom("the file holds neither a waveform nor pictures")
