"""The resident ID card reader: its frames, its dialogue, and what is read of a card."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.people import Sex
from devices.framing.base import Frame
from devices.framing.sam import MOST, PREAMBLE, SamFraming, content_of, sam_frame
from devices.identity.card_text import SIZE, read_card_text
from devices.identity.resident_card import FIND, MEDIA_TYPE, READ, SELECT, ResidentCard, read_card
from devices.identity.sam_status import DONE, TROUBLES
from devices.simulators.id_card_reader import RESIDENT, CardReaderDevice, card_text


class Conversation:
    """Driver and reader, wired together."""

    def __init__(self) -> None:
        self.driver = ResidentCard(lambda: datetime.now(UTC))
        self.reader = CardReaderDevice()
        self.framing = self.driver.framing()
        self.told: list[Frame] = []
        self.refused: list[BadFrame] = []

    def say(self, data: bytes) -> None:
        self.hear(self.framing.feed(self.reader.receive(data)))

    def hear(self, items: list[Frame | BadFrame]) -> None:
        for item in items:
            if isinstance(item, BadFrame):
                self.refused.append(item)
                continue
            if item.deliver:
                self.told.append(item)
            self.say(self.driver.answer(item))

    def silence(self, times: int = 1) -> None:
        for _ in range(times):
            self.hear(self.framing.idle())
            self.say(self.driver.on_idle())


def test_commands_are_the_published_bytes() -> None:
    assert bytes.fromhex("AA AA AA 96 69 00 03 20 01 22") == FIND
    assert bytes.fromhex("AA AA AA 96 69 00 03 20 02 21") == SELECT
    assert bytes.fromhex("AA AA AA 96 69 00 03 30 01 32") == READ


def test_published_answers_are_frames() -> None:
    found = bytes.fromhex("AA AA AA 96 69 00 08 00 00 9F 00 00 00 00 97")
    (frame,) = SamFraming().feed(found)
    assert content_of(frame.raw) == bytes.fromhex("00 00 9F 00 00 00 00")


def test_a_card_is_told_once_until_it_was_taken_away() -> None:
    talk = Conversation()
    talk.say(talk.driver.greeting())
    talk.silence(3)
    assert talk.told == []
    talk.reader.lay(card_text())
    talk.silence(5)
    assert [frame.media_type for frame in talk.told] == [MEDIA_TYPE]
    assert len(content_of(talk.told[0].raw)) == 3 + 4 + SIZE + 1024
    card = read_card(talk.told[0].raw)
    assert (card.name, card.sex, card.birth_date, card.number) == ("王秀英", Sex.FEMALE, date(1949, 12, 31), RESIDENT)
    assert (card.nation, card.issuer, card.valid_to) == ("畲", "景宁畲族自治县公安局", None)
    talk.reader.take_away()
    talk.silence(2)
    talk.reader.lay(card_text())
    talk.silence(2)
    assert len(talk.told) == 2


def test_a_reader_that_finds_the_lying_card_again_tells_it_once() -> None:
    talk = Conversation()
    for _ in range(3):
        talk.reader.lay(card_text())
        talk.silence(1)
    assert len(talk.told) == 1
    talk.reader.lay(card_text(name="蓝小妹"))
    talk.silence(1)
    assert [read_card(frame.raw).name for frame in talk.told] == ["王秀英", "蓝小妹"]


@pytest.mark.parametrize("status", sorted(TROUBLES))
@pytest.mark.parametrize("command", [b"\x20\x01", b"\x20\x02", b"\x30\x01"])
def test_a_trouble_is_told_once_in_words_and_reading_goes_on(status: int, command: bytes) -> None:
    talk = Conversation()
    talk.reader.lay(card_text())
    talk.reader.troubles[command] = status
    talk.say(talk.driver.greeting())
    talk.silence(4)
    (told,) = talk.told
    with pytest.raises(RefusedInput) as refused:
        read_card(told.raw)
    assert refused.value.hint == TROUBLES[status][1]
    talk.reader.troubles.clear()
    talk.silence(2)
    assert read_card(talk.told[-1].raw).number == RESIDENT


def test_a_reader_that_stays_silent_is_asked_again_only_after_a_while() -> None:
    driver = ResidentCard(lambda: datetime.now(UTC))
    driver.framing()
    assert driver.greeting() == FIND
    assert [driver.on_idle() for _ in range(6)] == [b"", b"", b"", b"", b"", FIND]


@given(st.binary(max_size=60), st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 9))
def test_every_byte_comes_out_once_however_it_is_cut(noise: bytes, contents: list[bytes], step: int) -> None:
    stream = noise + b"".join(sam_frame(b"\0\0\x90" + content) + noise[:3] for content in contents)
    whole, pieces = SamFraming(), SamFraming()
    at_once = [*whole.feed(stream), *whole.idle()]
    in_pieces = [item for at in range(0, len(stream), step) for item in pieces.feed(stream[at : at + step])]
    in_pieces += pieces.idle()
    for items in (at_once, in_pieces):
        assert b"".join(item.raw for item in items) == stream
    frames = [[item.raw for item in items if isinstance(item, Frame)] for items in (at_once, in_pieces)]
    assert frames[0] == frames[1]
    if not any(byte in PREAMBLE for byte in noise):
        assert frames[0] == [sam_frame(b"\0\0\x90" + content) for content in contents]


@given(st.binary(max_size=400))
def test_garbage_is_bounded_and_never_lost(data: bytes) -> None:
    framing = SamFraming()
    items = [*framing.feed(PREAMBLE + b"\xff\xff" + data * 20), *framing.idle()]
    assert b"".join(item.raw for item in items) == PREAMBLE + b"\xff\xff" + data * 20
    assert framing.idle() == []
    hungry = SamFraming()
    hungry.feed(PREAMBLE + MOST.to_bytes(2, "big"))
    given_back = hungry.feed(bytes(3 * MOST))
    assert sum(len(item.raw) for item in given_back) >= 2 * MOST


@pytest.mark.parametrize("at", range(7, 1302, 77))
def test_a_spoilt_byte_is_no_card(at: int) -> None:
    whole = sam_frame(b"\0\0\x90\x01\x00\x04\x00" + card_text() + bytes(1024))
    spoilt = whole[:at] + bytes((whole[at] ^ 0x10,)) + whole[at + 1 :]
    framing = SamFraming()
    assert not any(isinstance(item, Frame) for item in (*framing.feed(spoilt), *framing.idle()))


def test_a_residence_permit_is_read_and_a_foreigners_card_is_refused_with_the_way_out() -> None:
    permit = read_card_text(card_text(mark="J", nation="", number="810000199408230021", birth="19940823"))
    assert (permit.kind, permit.nation) == ("hmt-resident", "")
    for mark in ("I", "Y"):
        with pytest.raises(RefusedInput, match="foreigner") as refused:
            read_card_text(card_text(mark=mark))
        assert "手工登记" in refused.value.hint.zh


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "110105194912310021"},
        {"number": ""},
        {"birth": "19491230"},
        {"birth": "1949123"},
        {"birth": "２０００1231"},
        {"name": ""},
        {"name": "王\n秀英"},
        {"name": "\ud800".encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") + "\0王"},
        {"valid_to": ""},
        {"valid_to": "20259999"},
        {"mark": "Z"},
    ],
)
def test_a_card_that_cannot_be_is_refused_and_its_content_is_not_in_the_message(changes: dict[str, str]) -> None:
    with pytest.raises(BadFrame) as refused:
        read_card_text(card_text(**changes))
    for told in changes.values():
        assert not told or told == "Z" or told not in str(refused.value)


def test_a_card_knows_its_last_day() -> None:
    card = read_card_text(card_text(valid_to="20260301"))
    assert (card.is_valid_on(date(2026, 3, 1)), card.is_valid_on(date(2026, 3, 2))) == (True, False)
    assert read_card_text(card_text()).is_valid_on(date(2999, 1, 1))


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_no_text_breaks_the_reader(raw: bytes) -> None:
    with pytest.raises(RefusedInput):
        read_card_text(raw)


@given(st.binary(max_size=40))
def test_no_answer_breaks_the_reader(content: bytes) -> None:
    for raw in (sam_frame(bytes((0, 0, DONE)) + content), sam_frame(content), content, PREAMBLE + content):
        with pytest.raises(RefusedInput):
            read_card(raw)


@pytest.mark.parametrize("at", [0, 6, 9, 20, 700, 1294])
def test_a_card_with_a_spoilt_byte_is_not_read(at: int) -> None:
    whole = sam_frame(b"\0\0\x90\x01\x00\x04\x00" + card_text() + bytes(1024))
    assert read_card(whole).number == RESIDENT
    for spoilt in (whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :], whole[:at], whole + b"\0"):
        with pytest.raises(BadFrame):
            read_card(spoilt)


@pytest.mark.parametrize("size", range(11))
def test_an_answer_cut_short_is_a_bad_frame(size: int) -> None:
    with pytest.raises(BadFrame):
        read_card(bytes(size))
