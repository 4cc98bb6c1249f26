"""How many items a DICOM file may have: pydicom makes an object of each, so a few megabytes could take minutes."""

from typing import BinaryIO, Final

from clinic_records.errors import BadFrame

MAX_ITEMS: Final = 30_000
"""Items of sequences and fragments of pixels together: three for each frame of the longest loop."""
_ITEM: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""Tag (FFFE,E000) in both byte orders (PS3.5, section 7.5)."""
_PIECE: Final = 1 << 20


def check_items(file: BinaryIO) -> None:
    """Count them from where the file stands, and go back there.

    Raises:
        BadFrame: there are more than MAX_ITEMS.
    """
    start, counts, kept = file.tell(), [0, 0], b""
    while piece := file.read(_PIECE):
        data = kept + piece
        counts = [count + data.count(tag) for count, tag in zip(counts, _ITEM, strict=True)]
        if max(counts) > MAX_ITEMS:
            raise BadFrame(f"DICOM: the file has more than {MAX_ITEMS} items")
        kept = data[-3:]  # a tag may lie across two pieces; three bytes hold no whole one
    file.seek(start)
