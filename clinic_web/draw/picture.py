"""What a drawn recording is, apart from the drawing: whoever shows pictures need not load the decoders."""

import msgspec


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be seen of a recording: its usual picture, one frame (from 0), its loop, or the document in it."""

    frame: int | None = None
    is_clip: bool = False
    is_document: bool = False


USUAL = View()


class Picture(msgspec.Struct, frozen=True):
    """A drawn recording: SVG of a curve or report, PNG of a frame, WebP of a loop, or a document's own bytes."""

    media_type: str
    data: bytes
