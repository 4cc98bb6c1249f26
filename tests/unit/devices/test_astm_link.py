"""ASTM E1381: the receiver, the sender, and both on one bad line."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, StoreError
from devices.framing.astm.receiver import LONGEST_FRAME, LONGEST_MESSAGE, REFUSED, AstmReceiver
from devices.framing.astm.sender import BUSY_S, CONTENTION_S, MOST_SENDS, AstmSender, State
from devices.framing.base import Frame
from devices.laboratory.astm import AstmHost
from devices.pump import pump
from recordings.astm.frames import ACK, ENQ, EOT, ETB, NAK, build_frame, frames_of, text_of
from recordings.astm.results import decode_astm

RECORDS = (
    b"H|\\^&|||XP-100|||||||P|1",
    b"P|1",
    b"O|1|S7",
    b"R|1|^^^^WBC|5.5|10*3/uL",
    b"C|1|I|" + b"x" * 600,
    b"L|1|N",
)
FRAMES = tuple(frames_of(RECORDS))
SESSION = ENQ + b"".join(FRAMES) + EOT
TEXT = b"".join(record + b"\r" for record in RECORDS)


class Line:
    """A host at the far end: what it kept, and what it answers."""

    def __init__(self) -> None:
        self.driver = AstmHost(lambda: datetime.now(UTC))
        self.framing = self.driver.framing()
        self.items: list[Frame | BadFrame] = []

    def hear(self, data: bytes) -> bytes:
        return self._take(self.framing.feed(data))

    def fall_silent(self) -> bytes:
        return self._take(self.framing.idle())

    def _take(self, items: Iterable[Frame | BadFrame]) -> bytes:
        new = list(items)
        self.items += new
        return b"".join(self.driver.answer(item) for item in new if isinstance(item, Frame))

    @property
    def messages(self) -> list[bytes]:
        return [item.raw for item in self.items if isinstance(item, Frame) and item.deliver]

    @property
    def refusals(self) -> list[str]:
        return [str(item) for item in self.items if isinstance(item, BadFrame)]


def one(*records: bytes) -> bytes:
    return build_frame(1, b"".join(record + b"\r" for record in records))


def test_a_session_is_one_message_and_each_frame_is_answered() -> None:
    line = Line()
    assert line.hear(SESSION) == ACK * (1 + len(FRAMES))
    assert [text_of(raw)[0] for raw in line.messages] == [TEXT]
    assert line.refusals == []
    assert decode_astm(line.messages[0])[0].patient == {"accession": "S7"}


def test_the_last_ack_waits_for_the_message_to_be_taken() -> None:
    framing = AstmReceiver()
    items = framing.feed(SESSION[:-1])
    assert [isinstance(item, Frame) and item.deliver for item in items[-2:]] == [True, False]


def test_what_cannot_be_kept_is_not_acknowledged() -> None:
    class Wire:
        def __init__(self) -> None:
            self.said = bytearray()

        def read(self, timeout_s: float) -> bytes:
            del timeout_s
            return SESSION

        def write(self, data: bytes) -> None:
            self.said += data

        def close(self) -> None:
            """Nothing to let go of."""

    def full(item: Frame | BadFrame) -> None:
        raise StoreError(f"no room for {len(item.raw)} bytes")

    wire = Wire()
    with pytest.raises(StoreError):
        pump(wire, AstmHost(lambda: datetime.now(UTC)), full, Event())
    assert wire.said == ACK * len(FRAMES)  # the enquiry and every frame but the last


@pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n", b""])
def test_frames_end_as_the_device_ends_them(ending: bytes) -> None:
    line = Line()
    stream = ENQ + b"".join(frame.rstrip(b"\r\n") + ending for frame in FRAMES) + EOT
    assert line.hear(stream) == ACK * (1 + len(FRAMES))
    assert [text_of(raw)[0] for raw in line.messages] == [TEXT]
    assert line.refusals == []


def test_a_spoilt_continued_frame_is_refused_by_itself() -> None:
    assert ETB in FRAMES[4]
    line = Line()
    line.hear(ENQ + b"".join(FRAMES[:4]))
    assert line.hear(FRAMES[4].replace(b"x", b"y", 1)) == NAK
    assert line.hear(b"".join(FRAMES[4:]) + EOT) == ACK * len(FRAMES[4:])
    assert [text_of(raw)[0] for raw in line.messages] == [TEXT]
    assert len(line.refusals) == 1
    assert "checksum" in line.refusals[0]


def test_a_frame_sent_twice_counts_once_also_the_last_one() -> None:
    line = Line()
    stream = ENQ + b"".join(frame + frame for frame in FRAMES) + EOT
    assert line.hear(stream) == ACK * (1 + 2 * len(FRAMES))
    assert [text_of(raw)[0] for raw in line.messages] == [TEXT]
    assert line.refusals == []


def test_a_missing_frame_is_refused_and_may_still_come() -> None:
    line = Line()
    line.hear(ENQ + FRAMES[0])
    assert line.hear(FRAMES[2]) == NAK
    assert line.hear(FRAMES[1] + FRAMES[2]) == ACK * 2


def test_same_number_with_other_text_is_not_the_same_frame() -> None:
    line = Line()
    line.hear(ENQ + FRAMES[0])
    assert line.hear(build_frame(1, b"H|\\^&|||other\r")) == NAK


def test_a_keep_alive_says_nothing() -> None:
    line = Line()
    assert line.hear((ENQ + EOT) * 3) == ACK * 3
    assert line.items == [item for item in line.items if isinstance(item, Frame) and not item.deliver]


def test_two_messages_in_one_session_whether_they_count_on_or_start_again() -> None:
    first, again = one(b"H|\\^&", b"R|1", b"L|1"), one(b"H|\\^&", b"R|2", b"L|1")
    going_on = build_frame(2, b"H|\\^&\rR|3\rL|1\r")
    line = Line()
    line.hear(ENQ + first + again + going_on + EOT)
    assert line.messages == [frame[:-1] for frame in (first, again, going_on)]
    assert line.refusals == []


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (ENQ + b"".join(FRAMES[:3]) + EOT, "the sender ended the session"),
        (ENQ + b"".join(FRAMES[:3]) + ENQ, "a new enquiry broke in"),
        (ENQ + b"".join(FRAMES[:3]), "the line fell silent"),
    ],
)
def test_a_message_without_its_end_is_kept_with_the_reason(stream: bytes, says: str) -> None:
    line = Line()
    line.hear(stream)
    line.fall_silent()
    assert line.messages == []
    assert len(line.refusals) == 1
    assert says in line.refusals[0]


def test_frames_outside_a_session_are_kept_and_not_answered() -> None:
    line = Line()
    assert line.hear(b"".join(FRAMES)) + line.fall_silent() == b""
    assert line.messages == []
    assert all("outside" in reason for reason in line.refusals)


def test_what_never_ends_is_handed_over_in_bounded_pieces() -> None:
    line = Line()
    line.hear(ENQ + b"\x021H" + b"x" * LONGEST_FRAME + b"y" * 5000)
    assert "more than" in line.refusals[0]
    endless = Line()
    endless.hear(ENQ)
    number = 0
    while not endless.refusals:
        number += 1
        endless.hear(build_frame(number, b"M|" + b"x" * (LONGEST_FRAME - 100) + b"\r"))
    assert number * LONGEST_FRAME < 2 * LONGEST_MESSAGE


WORDS = (ENQ, EOT, ACK, NAK, b"\r", b"\n", b"\x02", b"\x03", b"?", *FRAMES, FRAMES[0][:9])


@given(st.lists(st.sampled_from(WORDS), max_size=20), st.integers(1, 9))
def test_every_byte_comes_out_once_however_it_is_cut(parts: list[bytes], step: int) -> None:
    stream = b"".join(parts)
    at_once, in_pieces = Line(), Line()
    said_at_once = at_once.hear(stream) + at_once.fall_silent()
    said = b"".join(in_pieces.hear(stream[at : at + step]) for at in range(0, len(stream), step))
    said += in_pieces.fall_silent()
    assert at_once.messages == in_pieces.messages
    assert at_once.refusals == in_pieces.refusals
    assert said_at_once == said
    for line in (at_once, in_pieces):
        assert sorted(b"".join(item.raw for item in line.items)) == sorted(stream)
    assert line.framing.idle() == []


@given(st.binary(max_size=200))
def test_noise_is_never_a_message(noise: bytes) -> None:
    line = Line()
    line.hear(ENQ + noise)
    line.fall_silent()
    assert line.messages == []


@pytest.mark.parametrize("seed", range(30))
def test_the_message_crosses_a_line_that_spoils_every_tenth_word(seed: int) -> None:
    chance = random.Random(seed)
    line, sender = Line(), AstmSender(FRAMES)
    said = sender.start()
    for _ in range(400):
        if sender.is_over:
            break
        if said and chance.random() < 0.1:
            at = chance.randrange(len(said))
            said = said[:at] + bytes((said[at] ^ 0x55,)) + said[at + 1 :]
        answer = line.hear(said)
        if answer and chance.random() < 0.1:
            answer = NAK if answer == ACK else b""
        said = sender.feed(answer)
        if not said and not sender.is_over:
            said = sender.on_timeout()
        if sender.state is State.GIVEN_UP:
            line.hear(said)
            said = sender.start()
    line.hear(said)
    assert sender.state is State.DONE
    assert TEXT in [text_of(raw)[0] for raw in line.messages]
    assert {text_of(raw)[0] for raw in line.messages} == {TEXT}


def test_the_sender_gives_up_after_six_refusals() -> None:
    sender = AstmSender(FRAMES)
    sender.start()
    sends = [sender.feed(ACK), *(sender.feed(NAK) for _ in range(MOST_SENDS))]
    assert sends == [FRAMES[0]] * MOST_SENDS + [EOT]
    assert sender.state is State.GIVEN_UP
    assert sender.feed(ACK) + sender.on_timeout() == b""


def test_the_sender_waits_when_busy_and_insists_when_both_ask() -> None:
    for word, wait_s in ((NAK, BUSY_S), (ENQ, CONTENTION_S)):
        sender = AstmSender(FRAMES)
        assert sender.start() == ENQ
        assert sender.feed(word) == b""
        assert (sender.state, sender.timeout_s) == (State.WAITING, wait_s)
        assert sender.on_timeout() == ENQ
        assert sender.feed(EOT) == b""
        assert sender.feed(ACK) == FRAMES[0]


def test_the_sender_gives_up_when_nobody_answers() -> None:
    sender = AstmSender(FRAMES)
    sender.start()
    assert sender.on_timeout() == EOT
    assert sender.state is State.GIVEN_UP


def test_the_receivers_interrupt_is_an_ack() -> None:
    sender = AstmSender(FRAMES)
    sender.start()
    sender.feed(ACK)
    assert sender.feed(EOT) == FRAMES[1]


def test_a_refused_frame_asks_for_nak_by_an_empty_word() -> None:
    framing = AstmReceiver()
    items = framing.feed(ENQ + b"\x021x\x03ZZ\r")
    assert [(type(item), item.raw) for item in items[1:]] == [(BadFrame, b"\x021x\x03ZZ\r"), (Frame, b"")]
    assert isinstance(items[2], Frame)
    assert items[2].media_type == REFUSED
