"""What is fuzzed: every format's decoder, every line driver's framing; and the whole files each begins from."""

import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial, reduce
from operator import xor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, NamedTuple

import pydicom.data

from benchmarks.fuzz import upper_layer, wire
from clinic_records.clock import Stamp
from clinic_records.ids import DeviceId
from devices.catalog import DeviceType, catalog
from devices.delivery import Delivery
from devices.framing.base import Frame
from devices.interpret import INTERPRETERS, interpret
from devices.registry import LINE_DRIVERS, make_driver
from devices.simulators.playing import play
from recordings.formats import FORMATS, Format
from recordings.scp_ecg.crc import crc_ccitt
from recordings.scp_ecg.record import RECORD_HEAD, SECTION_HEAD

SHARED: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "devices"
"""Real device files, read in place; where they are absent the simulators' bytes are what there is."""
_PYDICOM: Final = Path(pydicom.data.__file__).parent / "test_files"
_LARGEST_SEED: Final = 64 * 1024
"""Bytes: a parser is as deep in a small file as in a large one, and a thousand times faster."""
_COMMON_READERS: Final = frozenset({"devices.decoded:interpret", "devices.dicom.interpret:interpret"})
"""Readers that only hand on to a format's decoder, or whose input is a study."""
_SPEECH_SEED: Final = 4096
"""Bytes of a line's speech to begin from: some messages, or seconds of a stream."""
_STREAMS: Final = frozenset({"cms50", "cms50-9byte", "nonin"})
_STREAM_SEED: Final = 1800
"""Formats of one packet after the other, and so many bytes of them: 200 packets are as good as 1,500."""
_PIECES: Final = (1, 7, 64, 4096)
"""Bytes that one read of a line may bring."""


class Target(NamedTuple):
    """One parser: `feed(input, seed)` raises only what the parser lets escape; `corpus()` are whole inputs.

    `heal` puts right the checksums of an input, so that every second one gets past them.
    """

    feed: Callable[[bytes, int], None]
    corpus: Callable[[], tuple[bytes, ...]]
    heal: Callable[[bytes], bytes] = bytes


def targets() -> Mapping[str, Target]:
    """Every parser by name."""
    found = {
        f"format:{one.name}": Target(partial(_decode, one), partial(_files_of, one), HEALERS.get(one.name, bytes))
        for one in FORMATS
    }
    rows = [row for row in catalog().values() if row.driver in LINE_DRIVERS]
    for driver in sorted({row.driver for row in rows}):
        mine = tuple(row for row in rows if row.driver == driver)
        found[f"line:{driver}"] = Target(partial(_talk, driver), partial(_speech, mine))
    for media_type, reader in INTERPRETERS.items():
        if reader not in _COMMON_READERS:
            found[f"reader:{media_type}"] = Target(partial(_interpret, media_type), partial(_frames_of, media_type))
    found["port:dicom"] = Target(upper_layer.talk, upper_layer.speech)
    found.update({name: Target(feed, corpus) for name, (feed, corpus) in wire.WIRE.items()})
    return found


def healed_nmea(raw: bytes) -> bytes:
    """Each sentence with its check right."""
    return re.sub(rb"\$([^$*\r\n]*)\*[^\r\n]*", lambda found: _checked(found[1]), raw)


def _checked(body: bytes) -> bytes:
    return b"$%b*%02X" % (body, reduce(xor, body, 0))


def healed_scp(raw: bytes) -> bytes:
    """The record with its length and all checksums right, as far as its sections follow each other."""
    if len(raw) < RECORD_HEAD.size:
        return raw
    data = bytearray(raw)
    at = RECORD_HEAD.size
    while at + SECTION_HEAD.size <= len(data):
        _, _, length, *_ = SECTION_HEAD.unpack_from(data, at)
        if not SECTION_HEAD.size <= length <= len(data) - at:
            break
        data[at : at + 2] = crc_ccitt(bytes(data[at + 2 : at + length])).to_bytes(2, "little")
        at += length
    data[2:6] = len(data).to_bytes(4, "little")
    data[:2] = crc_ccitt(bytes(data[2:])).to_bytes(2, "little")
    return bytes(data)


HEALERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"scp-ecg": healed_scp, "nmea": healed_nmea}


def _decode(one: Format, raw: bytes, _: int) -> None:
    for recording in one.read(raw):
        if recording.frames is not None and recording.frames.count:
            recording.frames.png(0)


def _talk(driver_name: str, raw: bytes, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  to be repeated, no secret
    driver = make_driver(driver_name, lambda: datetime(2026, 11, 23, tzinfo=UTC))
    framing = driver.framing()
    driver.greeting()
    left = raw
    while left:
        size = chance.choice(_PIECES)
        said, left = left[:size], left[size:]
        for item in framing.feed(said):
            if isinstance(item, Frame):
                driver.answer(item)
    framing.idle()
    driver.on_idle()


def _interpret(media_type: str, raw: bytes, _: int) -> None:
    with NamedTemporaryFile(prefix="fuzz") as file:
        Path(file.name).write_bytes(raw)
        stamp = Stamp(datetime(2026, 11, 23, tzinfo=UTC))
        interpret(Delivery(DeviceId("d1"), "fuzz", stamp, media_type), Path(file.name))


def _frames_of(media_type: str) -> tuple[bytes, ...]:
    found = [item for row in catalog().values() if row.simulator for item in play(row)[0] if isinstance(item, Frame)]
    return tuple(item.raw for item in found if item.media_type == media_type) or (b"",)


def _files_of(one: Format) -> tuple[bytes, ...]:
    mine = [raw for raw in _files() if next((each for each in FORMATS if each.fits(raw)), None) is one]
    small = tuple(raw for raw in mine if len(raw) <= _LARGEST_SEED)
    whole = small or tuple(sorted(mine, key=len)[:1]) or (b"",)
    return tuple(raw[:_STREAM_SEED] for raw in whole) if one.name in _STREAMS else whole


@cache
def _files() -> tuple[bytes, ...]:
    found = [path for path in sorted(SHARED.rglob("*")) if path.is_file()] if SHARED.is_dir() else []
    found += sorted(_PYDICOM.glob("*.dcm"))
    said = [item.raw for row in catalog().values() if row.simulator for item in play(row)[0] if isinstance(item, Frame)]
    return (*(path.read_bytes() for path in found), *said)


def _speech(rows: tuple[DeviceType, ...]) -> tuple[bytes, ...]:
    return tuple(bytes(play(row)[1].said)[:_SPEECH_SEED] for row in rows)
