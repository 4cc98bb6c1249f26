"""XML of devices: encodings, document types, limits; only our errors come out."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic_records.errors import BadFrame
from recordings import xml_tree
from recordings.xml_tree import base64_bytes, parse, root_name

PERSON = "<a><b n='1'> 王  秀英 </b><b n='2'>x</b><c><b>deep</b></c></a>"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("utf-16", "utf-8"),  # converted on the way, and the declaration left as it was
        ("GB2312", "gb18030"),
        ("gbk", "gb18030"),
        ("GB18030", "gb18030"),
    ],
)
def test_the_encodings_of_devices(declared: str, codec: str) -> None:
    raw = f'<?xml version="1.0" encoding="{declared}"?>\n<!-- one -->{PERSON}'.encode(codec)
    root = parse(raw)
    assert root_name(raw) == root.tag == "a"
    assert root.words("b") == "王 秀英"
    assert [b.attributes["n"] for b in root.each("b")] == ["1", "2"]
    assert [b.text for b in root.descend("b")] == [" 王  秀英 ", "x", "deep"]
    assert (root.words("c", "b"), root.words("c", "d"), root.attribute("n", "b")) == ("deep", "", "1")


def test_latin_letters_of_muse() -> None:
    raw = '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE a SYSTEM "a.dtd"><a>Müller</a>'.encode("latin-1")
    assert (root_name(raw), parse(raw).text) == ("a", "Müller")


def test_prefixes_are_cut_off() -> None:
    root = parse(b'<h:a xmlns:h="u" xmlns:xsi="x"><h:v xsi:type="PQ">1</h:v></h:a>')
    assert (root.tag, root.attribute("type", "v"), root_name(b"<h:a>")) == ("a", "PQ", "a")


@pytest.mark.parametrize(
    "raw", [b"", b"   ", b"plain", b"MSH|^~\\&|<a>", b"\x00\x01<a>", b"<!-- never closed", b"<1a>"]
)
def test_what_does_not_begin_as_xml_has_no_root(raw: bytes) -> None:
    assert root_name(raw) == ""


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(9))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no element"),
        (b"<a><b></a>", "mismatched"),
        (b"<a>" + b"\xff\xfe\xfa" + b"</a>", "not well-formed"),
        (b"<a>&unknown;</a>", "undefined entity"),
        (b'<!DOCTYPE a SYSTEM "a.dtd"><a>&unknown;</a>', "not one of XML's own"),
        (f"<!DOCTYPE a [{BOMB}]><a>&e8;</a>".encode(), "content of its own"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "content of its own"),
        (b"<a>" * 65 + b"</a>" * 65, "deeper than 64"),
        (b"<a>" + b"<b/>" * 50_001 + b"</a>", "more than 50000 elements"),
        (b"<a " + b" ".join(b'n%d=""' % n for n in range(60_000)) + b"/>", "a tag or comment longer"),
        (b"<!--" + b"x" * 400_000 + b"--><a/>", "a tag or comment longer"),
        (b'<?xml version="1.0" encoding="gb2312"?><a>\xff\xff</a>', "not gb18030"),
        (b"\xff\xfe<\x00a", "XML"),
        (b"<a>" + b" " * xml_tree.MAX_BYTES + b"</a>", "bytes are more than"),
    ],
)
def test_what_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        parse(raw)


def test_base64_may_be_folded_and_is_checked() -> None:
    assert base64_bytes(parse(b"<a>\n  AQID\r\n BA==\n</a>"), "x") == b"\1\2\3\4"
    for text in (b"AQI", b"AQ!D", "中".encode()):
        with pytest.raises(BadFrame, match="lead I: not base64"):
            base64_bytes(parse(b"<a>" + text + b"</a>"), "lead I")


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<a>", b"\xff\xfe<\x00", b'<?xml version="1.0" encoding="gbk"?><a>']),
)
def test_noise_raises_only_our_errors(noise: bytes, begins: bytes) -> None:
    root_name(begins + noise)
    with suppress(BadFrame):
        parse(begins + noise)
