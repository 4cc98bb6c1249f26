"""What a drawn recording is, apart from the drawing: whoever shows pictures need not load the decoders."""

import msgspec


class Picture(msgspec.Struct, frozen=True):
    """A drawn recording: SVG of an ECG or flow-volume curve, PNG of an ultrasound frame."""

    media_type: str
    data: bytes
