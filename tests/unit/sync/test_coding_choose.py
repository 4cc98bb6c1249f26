"""Which coder a payload gets: what the receiver has, what the link needs, what the payload is."""

import hashlib
import io
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from sync.coding import choose, dictionaries
from sync.coding.choice import Trial, best
from sync.coding.choose import FAST, WHOLE, Coded, Terms, code
from sync.coding.table import CODECS, codec_of, decoded
from sync.envelope import Codec
from sync.stream import Source
from tests.unit.sync.coding_files import Pixels, dicom, speckle, wandering

ALL = Terms(CODECS, dictionaries.IDS)


def data_of(coded: Coded) -> bytes:
    return b"".join(coded.pieces())


def back(coded: Coded) -> bytes:
    return b"".join(decoded(coded.codec, io.BytesIO(data_of(coded)), coded.size))


def loop(frames: int = 60) -> bytes:
    """More than is tried whole."""
    data = dicom(Pixels(160, 160, frames=frames), speckle(np.random.default_rng(1), frames, 160, 160).tobytes())
    assert len(data) > WHOLE
    return data


LOOP = loop()


def test_the_smallest_goes_over_a_slow_link_and_the_quickest_over_a_fast_one() -> None:
    small, middle, quick = Trial(40, 5.0), Trial(60, 0.1), Trial(100, 0.0)
    trials = [("quick", quick), ("middle", middle), ("small", small)]
    assert best(trials, 0.0) == "small"  # nobody knows the link
    assert best(trials, 1.0) == "small"
    assert best(trials, 10.0) == "small"  # 5 s of work beside 4 s of link; the middle one takes 6
    assert best(trials, 100.0) == "middle"
    assert best(trials, 2000.0) == "quick"


def test_an_idle_link_waits_for_the_coder_so_its_time_counts_in_full() -> None:
    trials = [("quick", Trial(60, 0.1)), ("small", Trial(40, 5.0))]
    assert best(trials, 5.0) == "small"  # 8 s of link beside 5 s of work; the quick one takes 12
    assert best(trials, 5.0, is_idle=True) == "quick"
    assert best(trials, 0.5, is_idle=True) == "small"
    assert best(trials, 0.0, is_idle=True) == "small"


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 100)), min_size=1, max_size=6), st.floats(1, 1e9))
def test_a_faster_link_never_gets_more_work(trials: list[tuple[int, float]], rate: float) -> None:
    keyed = [(number, Trial(*each)) for number, each in enumerate(trials)]
    slow, fast = best(keyed, rate), best(keyed, rate * 10)
    assert keyed[fast][1].cost_s(rate * 10) <= keyed[slow][1].cost_s(rate * 10)
    assert keyed[slow][1].cost_s(rate) <= min(trial.cost_s(rate) for _, trial in keyed)


@given(st.binary(max_size=4000), st.sets(st.sampled_from(CODECS)))
def test_any_payload_comes_back_in_a_codec_the_receiver_has(payload: bytes, codecs: set[Codec]) -> None:
    coded = code(payload, Terms(tuple(codecs), dictionaries.IDS))
    assert coded.codec in codecs | {Codec.RAW}
    assert back(coded) == payload
    assert (coded.sha256, coded.size) == (hashlib.sha256(payload).hexdigest(), len(payload))
    assert coded.coded_size == len(data_of(coded)) == len(data_of(coded))


def test_each_kind_of_payload_gets_its_coder() -> None:
    record = (
        b'{"id":"0195-1","name":"\xe5\xbc\xa0","sex":"female","status":"declared","village":"\xe4\xb8\x9c\xe6\xb2\x9f"}'
    )
    curve = b"".join((1000 + step % 97 * 5).to_bytes(2, "little") * 8 for step in range(3000))
    still = dicom(Pixels(300, 400), wandering(300, 400))
    assert code(record, ALL).codec is Codec.DICTIONARY
    assert code(record, Terms(CODECS)).codec is not Codec.DICTIONARY  # no dictionary in common
    assert code(curve, ALL).codec is Codec.SAMPLES
    assert code(still, ALL).codec is Codec.IMAGE
    assert code(LOOP, ALL).codec is Codec.IMAGE
    assert code(b"text " * 300_000, ALL).codec is Codec.ZSTD
    assert code(os.urandom(9000), ALL).codec is Codec.RAW
    assert code(os.urandom(WHOLE + 9), ALL).codec is Codec.RAW


def test_a_fast_link_gets_no_coder_of_curves() -> None:
    curve = b"".join((1000 + step % 97 * 5).to_bytes(2, "little") * 8 for step in range(3000))
    assert code(curve, Terms(CODECS, (), FAST - 1)).codec is Codec.SAMPLES
    coded = code(curve, Terms(CODECS, (), FAST))
    assert coded.codec is Codec.ZSTD
    assert back(coded) == curve


def test_the_processor_being_elsewhere_does_not_count_against_a_coder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", itertools.count(0.0, 100.0).__next__)
    assert code(b"text " * 300_000, Terms(CODECS, (), FAST)).codec is Codec.ZSTD


def test_a_fast_link_gets_no_image_coder() -> None:
    assert code(LOOP, Terms(CODECS, (), 1000.0)).codec is Codec.IMAGE
    assert code(LOOP, Terms(CODECS, (), FAST)).codec is not Codec.IMAGE
    assert code(LOOP, Terms(CODECS, (), 1e12)).codec is Codec.RAW  # even zstd is slower than this link


def test_a_picture_inside_its_jpeg_is_left_as_it_is() -> None:
    jpeg = dicom(Pixels(160, 160, frames=60, syntax="1.2.840.10008.1.2.4.50"), os.urandom(2 * WHOLE))
    assert code(jpeg, ALL).codec is Codec.RAW


def test_what_repeats_over_frames_is_left_to_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("an image coder was begun in vain")

    monkeypatch.setattr(choose, "_image", never)
    frozen = dicom(Pixels(320, 320, frames=60), np.random.default_rng(5).bytes(320 * 320) * 60)
    coded = code(frozen, ALL)
    assert coded.codec is Codec.ZSTD
    assert coded.coded_size < len(frozen) / 50


@pytest.mark.parametrize("payload", [LOOP, b"text " * 300_000, os.urandom(WHOLE + 9)])
def test_what_is_too_large_to_keep_is_coded_twice_alike(payload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = code(payload, ALL)
    monkeypatch.setattr(choose, "KEPT", 100)
    again = code(payload, ALL)
    assert again.codec is kept.codec
    assert back(again) == payload
    assert data_of(again) == data_of(again)
    assert len(data_of(again)) == again.coded_size


@pytest.mark.parametrize("codecs", [CODECS, (Codec.ZSTD,), (Codec.RAW,)])
@pytest.mark.parametrize("reading", [2, 3, 4, 5])
def test_a_payload_that_changes_meanwhile_is_noticed(
    codecs: tuple[Codec, ...], reading: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever reading sees other bytes: an error, or a whole old or new payload, never a mixture."""
    monkeypatch.setattr(choose, "KEPT", 100)
    other = loop(61)[: len(LOOP)]
    readings = 0

    @contextmanager
    def source() -> Iterator[Source]:
        nonlocal readings
        readings += 1
        yield io.BytesIO(LOOP if readings < reading else other)

    try:
        coded = code(source, Terms(codecs))
        came = back(coded)
    except (RefusedInput, BadFrame):
        return
    assert hashlib.sha256(came).hexdigest() == coded.sha256


def test_a_codec_or_dictionary_of_a_later_version_is_to_be_held() -> None:
    with pytest.raises(RefusedInput, match="hold it") as caught:
        codec_of("image-9")
    assert not isinstance(caught.value, BadFrame)
    packed = dictionaries.encode(b'{"id":"1"}', dictionaries.IDS)
    assert packed is not None
    at = packed.index(b"\1", 5) if packed[4] & 3 == 0 else 5
    later = packed[:at] + b"\x09" + packed[at + 1 :]
    with pytest.raises(RefusedInput, match="hold it"):
        b"".join(decoded(Codec.DICTIONARY, io.BytesIO(later), 10))


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_light_decoders(data: bytes) -> None:
    for codec in (Codec.ZSTD, Codec.DICTIONARY, Codec.SAMPLES):
        try:
            b"".join(decoded(codec, io.BytesIO(data), 100))
        except RefusedInput:
            continue


def test_light_codecs_import_no_heavy_library() -> None:
    """The agent seals small records itself; numpy and imagecodecs are for its children."""
    script = (
        "import sys; from sync.coding.choose import Terms, code; from sync.coding.table import CODECS, HEAVY;"
        "code(bytes(9000), Terms(tuple(set(CODECS) - HEAVY), ('1',)));"
        "sys.exit(bool({'numpy', 'imagecodecs', 'pydicom'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
