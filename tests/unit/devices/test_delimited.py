"""Messages between marks, and the scanner that sends lines."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.barcode import Kind
from clinic_records.errors import BadFrame
from devices.framing.base import Frame
from devices.framing.delimited import DelimitedFraming
from devices.identity.barcode import MEDIA_TYPE, BarcodeScanner, read_scan
from devices.simulators.barcode_scanner import PACK, scanned


def packets(longest: int = 40) -> DelimitedFraming:
    return DelimitedFraming(lambda raw: Frame(raw, "x"), start=b"<<", end=(b">>",), longest=longest)


def lines() -> DelimitedFraming:
    return BarcodeScanner(lambda: datetime.now(UTC)).framing()


def run(framing: DelimitedFraming, stream: bytes, step: int) -> list[Frame | BadFrame]:
    items = [item for at in range(0, len(stream), step) for item in framing.feed(stream[at : at + step])]
    return items + framing.idle()


@given(
    st.lists(st.sampled_from([b"<<", b">>", b"<", b">", b"ab", b"x" * 30, b"\r", b"\n"]), max_size=12),
    st.integers(1, 7),
)
def test_every_byte_comes_out_once_however_it_is_cut(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    for make in (packets, lines):
        at_once, in_pieces = run(make(), stream, 1000), run(make(), stream, step)
        for items in (at_once, in_pieces):
            assert b"".join(item.raw for item in items) == stream
        assert [item.raw for item in at_once if isinstance(item, Frame)] == [
            item.raw for item in in_pieces if isinstance(item, Frame)
        ]


@given(st.lists(st.binary(max_size=20).filter(lambda body: not set(body) & set(b"<>")), max_size=6), st.integers(1, 7))
def test_packets_are_found_between_noise(bodies: list[bytes], step: int) -> None:
    stream = b"noise".join(b"<<" + body + b">>" for body in bodies)
    found = [item.raw for item in run(packets(), stream, step) if isinstance(item, Frame)]
    assert found == [b"<<" + body + b">>" for body in bodies]


def test_a_packet_broken_off_by_another_does_not_take_it_with_it() -> None:
    items = run(packets(), b"<<half<<whole>>", 1000)
    assert [(type(item), item.raw) for item in items] == [(BadFrame, b"<<half"), (Frame, b"<<whole>>")]


@pytest.mark.parametrize("make", [packets, lines])
def test_what_never_ends_is_handed_over_and_not_held(make: Callable[[], DelimitedFraming]) -> None:
    framing = make()
    given_back = sum(len(item.raw) for item in framing.feed(b"<<" + b"a" * 50_000))
    assert given_back >= 45_000


def test_a_scan_is_a_line_whatever_ends_it() -> None:
    for end in (b"\r", b"\n", b"\r\n"):
        items = run(lines(), b"6901234567892" + end + PACK.encode() + end, 3)
        told = [item for item in items if isinstance(item, Frame) and item.deliver]
        assert not any(isinstance(item, BadFrame) for item in items)
        assert [read_scan(frame.raw).kind for frame in told] == [Kind.PRODUCT, Kind.PRODUCT]
        assert {frame.media_type for frame in told} == {MEDIA_TYPE}


@pytest.mark.parametrize("line", [b"690\x02123\r", "样本".encode("gb18030") + b"\r", b"\xff\xfe\r"])
def test_a_line_that_is_no_text_is_refused(line: bytes) -> None:
    (item,) = run(lines(), line, 1000)
    assert isinstance(item, BadFrame)
    with pytest.raises(BadFrame):
        read_scan(line)


def test_chinese_text_is_a_scan() -> None:
    assert read_scan(scanned("样本7号")).text == "样本7号"
