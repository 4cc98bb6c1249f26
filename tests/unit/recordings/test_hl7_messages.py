"""The HL7 v2 tokenizer: delimiters, escapes, repetitions, character sets, batches, and what is no message."""

import tracemalloc
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.clock import CHINA
from clinic_records.errors import BadFrame, ClinicError, RefusedInput
from recordings.hl7.message import MAX_BYTES, MAX_SEGMENTS, looks_like_hl7, read_batch, read_header
from recordings.hl7.moments import day, moment
from recordings.hl7.results import decode_hl7

MSH = rb"MSH|^~\&|BS|LAB|||20261123094107||ORU^R01|7|P|2.3.1||||||"
OBX = b"OBX|1|NM|718-7^Hb^LN||131|g/L|130-175|N|||F"


def batch_of(*lines: bytes, end: bytes = b"\r") -> bytes:
    return end.join(lines) + end


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
def test_segments_may_end_in_any_line_end(end: bytes) -> None:
    (message,) = read_batch(batch_of(MSH, b"PID|||17", OBX, end=end)).messages
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBX"]
    assert message.kind == ("ORU", "R01")
    assert message.header.text(10) == "7"


def test_header_fields_are_counted_as_the_standard_does() -> None:
    header = read_header(MSH)
    assert (header.raw(1), header.raw(2), header.text(3), header.text(12)) == ("|", r"^~\&", "BS", "2.3.1")
    assert header.raw(99) == ""


def test_delimiters_are_the_senders_own() -> None:
    (message,) = read_batch(batch_of(rb"MSH$*!@%$A$B$$$$$ORU*R01$1", b"PID$$$a%b*c!d*e")).messages
    pid = message.segments[1]
    assert message.kind == ("ORU", "R01")
    assert [pid.text(3, 1, 2), pid.text(3, 2), pid.repetitions(3)] == ["b", "c", ["a%b*c", "d*e"]]


def test_without_a_subcomponent_delimiter_nothing_is_cut_by_it() -> None:
    (message,) = read_batch(batch_of(b"MSH|^~\\|A", b"PID|||a&b")).messages
    assert message.segments[1].text(3) == "a&b"


@pytest.mark.parametrize(
    "line",
    [b"MSH", b"MSH|", b"MSH|A^B", b"MSH|^^~\\|", b"MSH||||", b"MSH|^~\\&#%@|A", b"MSHA^~\\&A"],
)
def test_delimiters_that_are_none_are_refused(line: bytes) -> None:
    with pytest.raises(BadFrame, match="delimiters"):
        read_batch(line)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"one\.br\two\.sp2\three", "one\ntwo\nthree"),
        (r"\H\bold\N\ text", "bold text"),
        (r"\X48C3A4\x", "Häx"),
        (r"\Zvendor\.", r"\Zvendor\."),
        (r"\X4\ ", r"\X4\ "),
        (r"a lone \ stays", r"a lone \ stays"),
    ],
)
def test_escapes(written: str, plain: str) -> None:
    (message,) = read_batch(MSH.replace(b"LAB", "实验室".encode()) + b"UNICODE UTF-8").messages
    assert message.header.codec == "utf-8"
    assert message.header.plain(written) == plain


@pytest.mark.parametrize(
    ("stated", "codec", "is_noted"),
    [
        ("UNICODE UTF-8", "utf-8", False),
        ("GB 18030-2000", "gb18030", False),
        ("UTF8", "utf-8", False),
        ("UNICODE", "utf-8", False),
        ("BIG-5", "big5", False),
        ("", "utf-8", True),
        ("", "gb18030", True),
        ("ASCII", "gb18030", True),
        ("UNICODE UTF-8", "gb18030", True),
    ],
)
def test_chinese_names_come_out_right(stated: str, codec: str, is_noted: bool) -> None:
    raw = batch_of(MSH + stated.encode(), b"PID|||17||" + "王^秀英".encode(codec) + b"||19590102|F", OBX)
    (decoded,) = decode_hl7(raw)
    assert decoded.patient == {"patient_id": "17", "name": "王秀英", "birth_date": "1959-01-02", "sex": "F"}
    assert any(f"read as {codec}" in note for note in decoded.notes) is is_noted


def test_a_delimiter_inside_a_chinese_character_is_no_delimiter() -> None:
    """The second byte of 弢 (8F 7C), 乗 (81 5C) and 乣 (81 7E) is a delimiter in ASCII."""
    name = "弢乗乣"
    raw = batch_of(MSH + b"GB 18030-2000", b"PID|||17||" + name.encode("gb18030") + b"^A||19590102", OBX)
    assert b"|" in name.encode("gb18030")
    (decoded,) = decode_hl7(raw)
    assert decoded.patient["name"] == name + "A"
    assert decoded.patient["birth_date"] == "1959-01-02"


def test_unknown_character_set_and_wrong_bytes_are_refused() -> None:
    with pytest.raises(RefusedInput, match="EBCDIC"):
        read_batch(batch_of(MSH + b"EBCDIC", b"PID|||\xc1"))
    with pytest.raises(BadFrame, match="neither"):
        read_batch(batch_of(MSH + b"UNICODE UTF-8", b"PID|||\xff\xff"))
    with pytest.raises(BadFrame, match="BIG-5"):
        read_batch(batch_of(MSH + b"BIG-5", b"PID|||\xff\xff"))
    assert read_batch(batch_of(MSH, b"PID|||\xff\xff")).messages[0].header.codec == "iso8859-1"


def test_batches_and_files_of_several_messages() -> None:
    raw = batch_of(rb"FHS|^~\&|x", rb"BHS|^~\&|x", MSH, OBX, MSH, OBX, b"BTS|2", b"FTS|1")
    batch = read_batch(raw)
    assert (len(batch.messages), batch.notes) == (2, ())
    assert "counts 3 messages, there are 2" in read_batch(raw.replace(b"BTS|2", b"BTS|3")).notes[0]
    assert read_batch(b"// a comment\n\n" + raw).notes == ("1 lines that are no segments were left out",)
    assert len(decode_hl7(b"\x0b" + batch_of(MSH, OBX) + b"\x1c\r\x0b" + batch_of(MSH, OBX) + b"\x1c\r")) == 2


@pytest.mark.parametrize(
    ("raw", "is_hl7"),
    [
        (MSH, True),
        (b"\x0b" + MSH, True),
        (b"\xef\xbb\xbf" + MSH, True),
        (b"\r\n " + MSH, True),
        (rb"FHS|^~\&|x", True),
        (b"/* text */\n" + MSH, True),
        (b"MSH are letters", False),
        (b"a MSH|^~\\&|", False),
        (b"H|\\^&|||", False),
        (b"", False),
        (b"x" * 5000 + b"\n" + MSH, False),
    ],
)
def test_looks(raw: bytes, is_hl7: bool) -> None:
    assert looks_like_hl7(raw) is is_hl7


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20261123094107", datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)),
        ("20261123094107.1234+0800", datetime(2026, 11, 23, 9, 41, 7, 123400, tzinfo=CHINA)),
        ("202611230141-0000", datetime(2026, 11, 23, 1, 41, tzinfo=UTC)),
        ("20261123", None),
        ("2026112309", None),
        ("20261323094107", None),
        ("20261123094107+9900", datetime(2026, 11, 23, 9, 41, 7, tzinfo=CHINA)),
        ("00010101000000+1400", None),
        ("٢٠٢٦١١٢٣٠٩٤١", None),
        ("", None),
    ],
)
def test_moments(written: str, expected: datetime | None) -> None:
    found = moment(written)
    assert (found[0] if found else None) == expected


def test_a_stated_zone_is_told_from_an_assumed_one() -> None:
    assert moment("202611230141+0100") == (datetime(2026, 11, 23, 0, 41, tzinfo=UTC), True)
    assert moment("202611230141") == (datetime(2026, 11, 23, 1, 41, tzinfo=CHINA), False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("19590102", date(1959, 1, 2)), ("19590102030405", date(1959, 1, 2)), ("1959", None), ("19591301", None)],
)
def test_days(written: str, expected: date | None) -> None:
    assert day(written) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH" + rb"|^~\&" + b"|" * (MAX_BYTES - 9),
        MSH + b"\r" + b"OBX|" + b"^" * (MAX_BYTES - 200),
        batch_of(MSH, *[b"OBX|1|NM|718-7^Hb^LN||1|g/L"] * (MAX_SEGMENTS - 2)),
        batch_of(*[MSH] * 900),
        MSH + b"\rOBX|1|ST|" + b"\\" * 400_000,
        MSH + b"\rOBX|1|ST|a||" + b"\\X" * 200_000,
        MSH + b"\rOBX|1|NM|718-7^Hb^LN||" + b"1~" * 400_000,
        MSH + b"\rOBX|1|NM|718-7^Hb^LN||" + b"9" * 400_000 + b"|g/L",
    ],
    ids=["fields", "components", "segments", "messages", "escapes", "hex", "repetitions", "digits"],
)
def test_hostile_input_stays_small(raw: bytes) -> None:
    tracemalloc.start()
    try:
        with suppress(ClinicError):
            decode_hl7(raw)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"PID|||1", "no MSH"),
        (b"", "no MSH"),
        (b"x" * (MAX_BYTES + 1), "more than"),
        (b"\r" * (2 * MAX_SEGMENTS + 2), "segments"),
        (batch_of(*[MSH] * 1001), "1001 messages"),
    ],
)
def test_beyond_the_limits(raw: bytes, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        decode_hl7(raw)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00\x0b\x1c\x1d"), max_size=12)


def escaped(text: str) -> str:
    for mark, code in (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R")):
        text = text.replace(mark, f"\x1d{code}\x1d")
    return text.replace("\x1d", "\\")


@settings(deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_was_escaped_comes_back(repetitions: list[list[str]]) -> None:
    field = "~".join("^".join(escaped(part) for part in parts) for parts in repetitions)
    raw = batch_of(MSH + b"UNICODE UTF-8", b"ZZZ|" + field.encode() + b"|end")
    segment = read_batch(raw).messages[0].segments[1]
    assert segment.raw(2) == "end"
    if field:
        assert [
            [segment.component(one, number) for number in range(1, len(parts) + 1)]
            for one, parts in zip(segment.repetitions(1), repetitions, strict=True)
        ] == repetitions


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 90))
def test_no_bytes_raise_anything_but_our_errors(noise: bytes, at: int) -> None:
    whole = batch_of(MSH, b"PID|||17", b"OBR|1", OBX)
    for raw in (noise, MSH + noise, whole[:at] + noise + whole[at:], rb"MSH|^~\&" + noise):
        with suppress(ClinicError):
            decode_hl7(raw)
