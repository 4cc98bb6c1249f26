"""Bytes of every codec's version as it was first used: what lies in a spool or on a USB stick must open for ever.

Only decoding is pinned; another library may write other bytes of the same codec.
"""

import hashlib
import io

import numpy as np

from sync.abilities import OURS
from sync.coding import dictionaries
from sync.coding.image.positions import _CLASSES
from sync.coding.table import decoded
from sync.envelope import Codec

FRAMES = [bytes((number * 7 + at * 11 + 3) % 256 for at in range(18)) for number in range(4)]  # 2 x 3 pixels, RGB
HEAD = b"head of the file, head of the file"

IMAGE = bytes.fromhex(
    "00000008"  # length of the shape
    "96 02 03 03 08 a13c c2"  # 2 rows, 3 columns, 3 samples of 8 bits, "<", not planar
    "00 00000021"  # BYTES, 33 bytes: a zstd frame
    "28b52ffd2022c500009068656164206f66207468652066696c652c2001000a9961"
    "01 0000001d 0001"  # PLAIN: one frame
    "28b52ffd2012910000030e19242f3a45505b66717c87929da8b3be"
    "02 00000033 0001 0000002d"  # JPEG XL: one frame, its picture has 45 bytes
    "ff0a084010090804010084004b12c58285241242ee9aa19068ef711708032020088220abe98ee179e8f8905d36"
    "03 00000042 0001 0000003c"  # WebP: one frame, its picture has 60 bytes
    "5249464634000000574542505650384c270000002f024000002fa0906d044864f7f9639ec423421e7232ff8997434ddb066ca8f32fa746f43f"
    "a61700"
    "04 00000044 0001"  # POSITIONS: one frame; twelve classes of the mean of the three before, as long as they need
    "00000001 00000001 00000001 00000001 00000001 00000002 00000001 00000002 00000001 00000003 00000003 00000001"
    "18 23 2e 39 44 4f5a 65 707b 86 919ca7 b2bdc8 d3"
)
SQUARES = b"".join((number * number).to_bytes(2, "little") for number in range(20)) + b"!"
SAMPLES = bytes.fromhex(
    "01 02"  # one channel, differences of second order: 0, 1, 2, 2, 2 ...; folded 0, 2, 4, 4, 4 ...
    "00000012 28b52ffd20144d0000180002040100331802"  # low bytes
    "00000011 28b52ffd201445000010000001001ec002"  # high bytes
    "21"  # the odd byte
)
RECORD = '{"id":"0195-1","name":"张秀英","sex":"female","birth_date":"1959-03-08"}'.encode()
BY_DICTIONARY = bytes.fromhex(
    "28b52ffd 21 01 4b"  # zstd frame header: dictionary 1, 75 bytes
    "fd000090352d31e7a780e88bb1392d30332d3038227d03fccb390a6f597716ef1b1c"
)


def test_an_image_of_version_1_opens() -> None:
    assert b"".join(decoded(Codec.IMAGE, io.BytesIO(IMAGE), 0)) == HEAD + b"".join(FRAMES)


def test_samples_of_version_1_open() -> None:
    assert b"".join(decoded(Codec.SAMPLES, io.BytesIO(SAMPLES), len(SQUARES))) == SQUARES


def test_a_record_packed_by_dictionary_1_opens() -> None:
    assert b"".join(decoded(Codec.DICTIONARY, io.BytesIO(BY_DICTIONARY), len(RECORD))) == RECORD


def test_the_dictionaries_are_those_that_were_released() -> None:
    hashes = {each: hashlib.sha256(dictionaries.dictionary(each).as_bytes()).hexdigest() for each in dictionaries.IDS}
    assert hashes == {"1": "112639c0266e414e424504326c9f60445f5c70b4c8f18d14bca39c63b840d746"}
    assert OURS.dict_ids == dictionaries.IDS


def test_the_classes_of_positions_are_those_of_version_1() -> None:
    assert [int(each) for each in _CLASSES[[0, 1, 2, 3, 4, 5, 16, 255 * 16]]] == [0, 1, 5, 7, 9, 10, 17, 48]
    assert hashlib.sha256(np.ascontiguousarray(_CLASSES).tobytes()).hexdigest() == (
        "335ab36dd959700631ad77aebd5fbd658b4e3dcd6d2509c8681a55b0b21052cb"
    )


def test_the_names_on_the_wire_are_those_of_version_1() -> None:
    assert [str(each) for each in Codec] == ["raw", "zstd", "zstd-dict", "samples-1", "image-1"]
