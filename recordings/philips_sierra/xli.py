"""XLI, the compression of Philips ECG files: one chunk a lead, LZW of 10-bit codes over second differences.

Chunk: size i32 of what follows the head, u16 (1 in all files seen), start i16, then the LZW codes, most significant bit
first. Unpacked bytes: the upper bytes of all numbers, then the lower ones. The first two numbers are samples; each
later number is `64 - second difference` of the sample after it, and `start` stands for the first of these. No
publication of Philips describes it; facts from the readers of sierra-ecg-tools (wiki "XLI compression"), which the
files agree with. Little-endian.
"""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clinic_records.errors import BadFrame, Hint, RefusedInput

_HEAD: Final = struct.Struct("<iHh")
_CODE_BITS: Final = 10
_FIRST_FREE: Final = 256
_LAST_CODE: Final = (1 << _CODE_BITS) - 2
"""The highest code; 1023 ends the stream."""
_BIAS: Final = 64
_SEND_AGAIN = Hint("心电文件不完整或已损坏，请重发。", "The ECG file is cut or damaged; send it again.")


def damaged(message: str) -> BadFrame:
    """The error of a Philips ECG that cannot be read; `message` names the place."""
    return BadFrame(f"Philips ECG: {message}", hint=_SEND_AGAIN)


def unpack_leads(data: bytes, leads: int, samples: int) -> list[NDArray[np.int64]]:
    """The numbers of every lead, `samples` each.

    Raises:
        BadFrame: a chunk is missing, cut, or holds another number of samples.
    """
    found: list[NDArray[np.int64]] = []
    at = 0
    for number in range(1, leads + 1):
        where = f"XLI chunk {number}"
        if at + _HEAD.size > len(data):
            raise damaged(f"{where} is missing")
        size, _, start = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if not 0 <= size <= len(data) - at:
            raise damaged(f"{where}: {size} bytes lead outside the data")
        found.append(_integrate(_inflate(data[at : at + size], 2 * samples, where), start, samples, where))
        at += size
    return found


def _inflate(codes: bytes, limit: int, where: str) -> bytes:
    """The bytes the codes stand for; more than `limit` is damage, checked as they grow."""
    strings: list[bytes] = [bytes((value,)) for value in range(_FIRST_FREE)]
    out = bytearray()
    previous = b""
    held = bits = 0
    for byte in codes:
        held = (held << 8 | byte) & 0xFFFFFF
        bits += 8
        if bits < _CODE_BITS:
            continue
        bits -= _CODE_BITS
        code = held >> bits & (1 << _CODE_BITS) - 1
        if code > _LAST_CODE:
            break
        if code < len(strings):
            string = strings[code]
        elif previous and code == len(strings):
            string = previous + previous[:1]
        else:
            raise damaged(f"{where}: code {code} before it has a meaning")
        if previous and len(strings) <= _LAST_CODE:
            strings.append(previous + string[:1])
        out += string
        if len(out) > limit + 1:  # one byte more is an encoder's padding
            raise damaged(f"{where}: more than {limit} bytes")
        previous = string
    return bytes(out)


def _integrate(planes: bytes, start: int, samples: int, where: str) -> NDArray[np.int64]:
    half = (len(planes) + 1) // 2
    if half != samples or samples < 2:
        raise damaged(f"{where}: {half} samples instead of {samples}")
    both = np.frombuffer(planes.ljust(2 * half, b"\0"), np.uint8).astype(np.uint16)
    stored = (both[:half] << 8 | both[half:]).view(np.int16).astype(np.int64)
    bends = np.empty(samples, np.int64)
    bends[:2] = stored[0], stored[1] - stored[0]
    if samples > 2:
        bends[2] = -start
        bends[3:] = _BIAS - stored[2:-1]
    bends[1:] = np.cumsum(bends[1:])  # slopes from here on
    result: NDArray[np.int64] = np.cumsum(bends)
    if np.abs(result).max() > 32768:
        raise damaged(f"{where}: a sample needs more than 16 bits")
    return result


def restore_limb_leads(leads: list[NDArray[np.int64]]) -> None:
    """III, aVR, aVL and aVF, stored as what they differ from the ones computed of I and II, in place.

    Halves are rounded down, as sierra-ecg-tools does; Philips' own converter to aECG agrees within 4 steps.
    """
    one, two, three, avr, avl, avf = leads[:6]
    three[:] = two - one - three
    avr[:] = -avr - (one + two) // 2
    avl[:] = (one - three) // 2 - avl
    avf[:] = (two + three) // 2 - avf


def pack_leads(leads: list[NDArray[np.int64]]) -> bytes:
    """What `unpack_leads` reads, for the simulator and for round trips.

    Raises:
        RefusedInput: a lead bends by more than 16 bits can say.
    """
    chunks: list[bytes] = []
    for samples in leads:
        bends = np.diff(samples, 2)
        stored = np.concatenate((samples[:2], _BIAS - bends[1:], [_BIAS]))[: len(samples)]
        if max(np.abs(stored).max(), np.abs(bends[:1]).max(initial=0)) > 32767:
            raise RefusedInput("Philips ECG: a lead bends by more than 16 bits")
        words = stored.astype(np.int16).view(np.uint16)
        codes = _deflate((words >> 8).astype(np.uint8).tobytes() + (words & 0xFF).astype(np.uint8).tobytes())
        chunks.append(_HEAD.pack(len(codes), 1, -int(bends[0]) if len(bends) else 0) + codes)
    return b"".join(chunks)


def _deflate(data: bytes) -> bytes:
    table = {bytes((value,)): value for value in range(_FIRST_FREE)}
    out = bytearray()
    held = bits = 0
    string = b""
    for at in range(len(data) + 1):
        longer = string + data[at : at + 1]
        if at < len(data) and longer in table:
            string = longer
            continue
        held = held << _CODE_BITS | table[string]
        bits += _CODE_BITS
        while bits >= 8:
            bits -= 8
            out.append(held >> bits & 0xFF)
        held &= (1 << bits) - 1
        if len(table) <= _LAST_CODE:
            table[longer] = len(table)
        string = data[at : at + 1]
    return bytes(out) + (bytes((held << 8 - bits & 0xFF,)) if bits else b"")


def split_limb_leads(leads: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """The reverse of `restore_limb_leads`; the other leads stay."""
    one, two, three, avr, avl, avf = leads[:6]
    limbs = [two - one - three, -avr - (one + two) // 2, (one - three) // 2 - avl, (two + three) // 2 - avf]
    return [one, two, *limbs, *leads[6:]]
