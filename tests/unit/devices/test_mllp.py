"""MLLP blocks, and our answers: right control id, only when durable, once kept however often it is sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, DeviceTimeout, RefusedInput
from devices.framing.base import Frame
from devices.framing.mllp import FILLER, MAX_BLOCK, MEDIA_TYPE, MllpFraming
from devices.hl7.mllp import WORD, Hl7Mllp
from devices.simulators.hl7_devices import Hl7Sender, chemistry_message, deliver, monitor_message, spirometer_message
from recordings.hl7.message import read_batch
from tests.unit.devices.feeding import Item, delivered, fed_in

NOW = datetime(2026, 11, 23, 1, 41, 7, tzinfo=UTC)


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def framing(clock: Clock | None = None) -> MllpFraming:
    return MllpFraming(lambda raw: Frame(raw, MEDIA_TYPE), clock or Clock())


def block(data: bytes) -> bytes:
    return b"\x0b" + data + b"\x1c\r"


def fed(data: bytes, *sizes: int) -> list[Item]:
    return fed_in(framing(), data, *sizes)


def whole(data: bytes) -> bytes:
    """A block as it is handed over: the CR behind it is filler."""
    return b"\x0b" + data + b"\x1c"


@pytest.mark.parametrize(
    "between", [b"", b"\r", b"\n", b"\x00", b"\x00\x00\r\n"], ids=["nothing", "CR", "LF", "NUL", "all"]
)
def test_several_blocks_in_one_segment_of_the_line(between: bytes) -> None:
    items = fed(block(b"one") + between + block(b"two") + between)
    assert delivered(items) == [whole(b"one"), whole(b"two")]
    assert not [item for item in items if isinstance(item, BadFrame)]


def test_the_cr_of_an_end_that_never_comes_is_not_waited_for() -> None:
    assert delivered(list(framing().feed(b"\x0bone\r\x1c"))) == [b"\x0bone\r\x1c"]
    assert delivered(fed(b"\x0bone\x1c")) == [b"\x0bone\x1c"]
    assert delivered(fed(b"\x0bone\x1c\x0btwo\x1c\n")) == [b"\x0bone\x1c", b"\x0btwo\x1c"]


def test_a_file_separator_inside_the_data_ends_nothing() -> None:
    assert delivered(fed(block(b"one\x1cmore"))) == [whole(b"one\x1cmore")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0bhalf", "cut short"),
        (b"\x0bhalf\x0bwhole\x1c\r", "broken off"),
        (b"noise", "outside"),
        (block(b""), "nothing in it"),
        (block(b"\r\n"), "nothing in it"),
    ],
)
def test_what_is_no_block_is_handed_over_with_the_reason(data: bytes, reason: str) -> None:
    bad = [item for item in fed(data) if isinstance(item, BadFrame)]
    assert len(bad) == 1
    assert reason in str(bad[0])


def test_a_block_without_end_is_given_up_at_the_limit() -> None:
    one = framing()
    items: list[Item] = []
    for _ in range(40):
        items += one.feed(b"\x0b" + b"x" * 65_535 if not items and not one._is_inside else b"x" * 65_536)
        assert len(one._buffer) <= MAX_BLOCK + 65_536
    assert "longer than" in str(items[0])
    assert not delivered(items)
    assert delivered(one.feed(block(b"after"))) == [whole(b"after")]


def test_a_block_that_drips_for_longer_than_the_limit_is_given_up() -> None:
    clock = Clock()
    one = framing(clock)
    one.feed(b"\x0bMSH")
    clock.now += timedelta(seconds=29)
    assert one.feed(b"|") == []
    clock.now += timedelta(seconds=2)
    (bad, *rest) = one.feed(b"^" + block(b"next"))
    assert isinstance(bad, BadFrame)
    assert "within 30 s" in str(bad)
    assert delivered([bad, *rest]) == [whole(b"next")]


STREAM = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.binary(max_size=20).map(block),
        st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"\x00", b"\x0bhalf", b"\x1c\x1c\r"]),
    ),
    max_size=12,
).map(b"".join)


@settings(deadline=None)
@given(STREAM, st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_pieces_of_any_size_give_the_same_and_every_byte_comes_out_once(data: bytes, sizes: list[int]) -> None:
    whole, one_by_one, cut = fed(data), fed(data, 1), fed(data, *sizes)
    for items in (whole, one_by_one, cut):
        assert b"".join(item.raw for item in items) == data
    assert [(type(item), item.raw) for item in whole] == [(type(item), item.raw) for item in one_by_one]
    assert [(type(item), item.raw) for item in whole] == [(type(item), item.raw) for item in cut]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda data: not set(data) & {0x0B, 0x1C}), max_size=6))
def test_blocks_come_back(datas: list[bytes]) -> None:
    sent = [data for data in datas if data.strip(b"\x00\r\n")]
    assert delivered(fed(b"".join(map(block, sent)), 3)) == [whole(data) for data in sent]


MSH = rb"MSH|^~\&|LAB|V|US|THERE|20261123094107||ORU^R01^ORU_R01|%b|P|2.5.1|||%b|%b||UNICODE UTF-8"
OBX = b"OBX|1|NM|718-7^Hb^LN||131|g/L|||||F"


def oru(control_id: bytes = b"7", accept: bytes = b"", application: bytes = b"") -> bytes:
    return block(b"\r".join([MSH % (control_id, accept, application), OBX, b""]))


class Line:
    """A driver and what it did: everything delivered is durable at once."""

    def __init__(self) -> None:
        self.driver = Hl7Mllp(lambda: NOW)
        self.framing = self.driver.framing()
        self.kept: list[bytes] = []

    def hear(self, data: bytes) -> bytes:
        said = b""
        for item in self.framing.feed(data):
            if isinstance(item, Frame):
                if item.deliver:
                    self.kept.append(item.raw)
                said += self.driver.answer(item)
        return said


def msa(said: bytes) -> list[tuple[str, str]]:
    return Hl7Sender().answers(said)


def test_accepted_with_their_control_id() -> None:
    line = Line()
    said = line.hear(oru(b"A-7"))
    assert msa(said) == [("AA", "A-7")]
    assert line.kept == [oru(b"A-7").removesuffix(b"\r")]


def test_the_answer_is_a_message_of_its_own_addressed_back() -> None:
    (answer,) = read_batch(Line().hear(oru())).messages
    header = answer.header
    assert [header.text(field) for field in (3, 4, 5, 6)] == ["US", "THERE", "LAB", "V"]
    assert header.raw(9) == "ACK^R01^ACK"
    assert header.text(7) == "20261123094107+0800"
    assert (header.text(11), header.text(12), header.text(18)) == ("P", "2.5.1", "UNICODE UTF-8")
    assert header.text(10)


def test_every_answer_has_its_own_control_id() -> None:
    line = Line()
    ids = [read_batch(line.hear(oru(b"%d" % number))).messages[0].header.text(10) for number in range(50)]
    assert len(set(ids)) == 50


def test_the_same_again_is_answered_again_and_kept_once() -> None:
    line = Line()
    first, second = line.hear(oru()), line.hear(oru())
    assert msa(first) == msa(second) == [("AA", "7")]
    assert len(line.kept) == 1
    line.hear(oru().replace(b"131", b"132"))  # the same number on another message is another message
    assert len(line.kept) == 2


def test_what_was_not_yet_durable_is_delivered_again() -> None:
    """Same message twice before the first was kept: only `answer` makes it known."""
    line = Line()
    items = [item for item in line.framing.feed(oru() + oru()) if isinstance(item, Frame) and item.deliver]
    assert len(items) == 2


def test_memory_for_repetitions_is_bounded() -> None:
    line = Line()
    for number in range(4200):
        line.hear(oru(b"%d" % number))
    assert len(line.driver._known) == 4096


@pytest.mark.parametrize(
    ("data", "verdict", "is_kept"),
    [
        (oru().replace(b"ORU^R01^ORU_R01", b"ADT^A01^ADT_A01"), ("AR", "7"), True),
        (oru().replace(b"ORU^R01^ORU_R01", b"QRY^Q02"), ("AR", "7"), False),
        (oru().replace(b"ORU^R01^ORU_R01", b"ORM^O01").replace(b"OBX|1", b"ORC|RF||S-1\rOBX|1"), ("AR", "7"), False),
        (oru().replace(b"|2.5.1|", b"|3|"), ("AR", "7"), True),
        (oru(b""), ("AE", ""), True),
        (block(b"PID|no header"), ("AR", ""), True),
        (block(b"MSH|A"), ("AR", ""), True),
        (oru().replace(b"UNICODE UTF-8", b"EBCDIC").replace(b"LAB", b"\xc1\xc2"), ("AR", ""), True),
    ],
)
def test_refusals_name_the_message_they_refuse(data: bytes, verdict: tuple[str, str], is_kept: bool) -> None:
    line = Line()
    assert msa(line.hear(data)) == [verdict]
    assert bool(line.kept) is is_kept


def test_an_error_is_told_where_the_version_has_a_place_for_it() -> None:
    new = Line().hear(oru().replace(b"ORU^R01^ORU_R01", b"ADT^A01^ADT_A01"))
    assert b"ERR|||200^Unsupported message type^HL70357|E" in new
    old = Line().hear(oru().replace(b"ORU^R01^ORU_R01", b"ADT^A01").replace(b"2.5.1", b"2.3.1"))
    assert b"MSA|AR|7|Unsupported message type|||200" in old
    assert b"ERR" not in old


@pytest.mark.parametrize("said", [b"ACK^R01", b"ACK", b"MCF"])
def test_an_acknowledgement_is_never_answered(said: bytes) -> None:
    line = Line()
    assert line.hear(oru().replace(b"ORU^R01^ORU_R01", said)) == b""
    assert line.kept == []


@pytest.mark.parametrize(
    ("accept", "application", "letters"),
    [
        (b"", b"", ["AA"]),
        (b"AL", b"AL", ["CA", "AA"]),
        (b"AL", b"NE", ["CA"]),
        (b"NE", b"AL", ["AA"]),
        (b"SU", b"ER", ["CA"]),
        (b"ER", b"SU", ["AA"]),
        (b"NE", b"NE", []),
        (b"", b"0", ["AA"]),
    ],
)
def test_enhanced_mode_is_kept_where_asked_for(accept: bytes, application: bytes, letters: list[str]) -> None:
    line = Line()
    assert msa(line.hear(oru(b"7", accept, application))) == [(letter, "7") for letter in letters]
    assert len(line.kept) == 1


def test_refusal_in_enhanced_mode() -> None:
    data = oru(b"7", b"ER", b"NE").replace(b"ORU^R01^ORU_R01", b"ADT^A01^ADT_A01")
    assert msa(Line().hear(data)) == [("CR", "7")]


def test_the_answer_speaks_the_senders_characters_and_delimiters() -> None:
    data = oru("一号".encode("gb18030")).replace(b"UNICODE UTF-8", b"GB 18030-2000")
    assert b"MSA|AA|" + "一号".encode("gb18030") + b"|" in Line().hear(data)
    other = block(rb"MSH$*!@%$A$B$C$D$20261123$$ORU*R01$x*y$P$2.3.1")
    said = Line().hear(other)
    assert said.startswith(b"\x0bMSH$*!@%$C$D$A$B$")
    assert b"MSA$AA$x*y$" in said


@pytest.mark.parametrize("make", [spirometer_message, monitor_message])
def test_our_answer_keeps_the_schema(make: Callable[[], bytes]) -> None:
    """hl7apy checks the ACK against the tables of the version we answer in."""
    said = Line().hear(block(make()))
    parsed = parse_message(said.strip(b"\x0b\x1c\r").decode())
    assert parsed.name == "ACK"
    assert parsed.validate() is True


def test_filler_is_not_answered() -> None:
    line = Line()
    items = line.framing.feed(b"\r\n\x00" + oru())
    assert [item.media_type for item in items if isinstance(item, Frame)] == [FILLER, MEDIA_TYPE]
    assert line.driver.answer(Frame(b"\r\n", FILLER, deliver=False)) == b""
    assert line.driver.answer(Frame(block(b"MSH|^~\\&|||||||ACK"), WORD, deliver=False)) == b""


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_of_a_sender_break_the_line(noise: bytes, at: int) -> None:
    whole = oru()
    for data in (block(noise), whole[:at] + noise + whole[at:], block(rb"MSH|^~\&" + noise)):
        line = Line()
        said = line.hear(data)
        for letter, _ in msa(said):
            assert letter in {"AA", "AE", "AR", "CA", "CE", "CR"}
    line.hear(b"\x1c\r")
    assert msa(line.hear(oru(b"after"))) == [("AA", "after")]


class Wire:
    """A wire whose other end is a driver, or a scripted answer."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.written: list[bytes] = []

    def read(self, timeout_s: float) -> bytes:
        return self.answers.pop(0) if self.answers else b""

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        pass


def test_simulator_takes_only_an_answer_to_its_own_message() -> None:
    right = Line().hear(oru(b"1"))
    assert deliver(Wire(b"", right[:9], right[9:]), Event(), chemistry_message(), "1") == "AA"
    with pytest.raises(RefusedInput, match="names message '2'"):
        deliver(Wire(Line().hear(oru(b"2"))), Event(), chemistry_message(), "1")
    silent = Wire()
    with pytest.raises(DeviceTimeout):
        deliver(silent, Event(), chemistry_message(), "1")
    assert len(silent.written) == 3
    assert all(one == other for one, other in pairwise(silent.written))
